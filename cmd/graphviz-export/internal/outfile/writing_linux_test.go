package outfile

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
)

// files returns the names and the contents of the files in a directory.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	found := make(map[string]string)
	for _, e := range entries {
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		found[e.Name()] = string(text)
	}
	return found
}

// errFull is the error of a fullPipe.
var errFull = errors.New("full")

type fullPipe struct{}

func (fullPipe) Write([]byte) (int, error) { return 0, errFull }

// TestWriteAllOrNone: if one output cannot be written, no other output is written, in any order of
// the outputs, and no temporary file stays.
func TestWriteAllOrNone(t *testing.T) {
	for _, bad := range []Target{
		{Path: "no/such/directory/b"},
		{Path: "/dev/full"},
		{Stdout: fullPipe{}},
	} {
		dir := t.TempDir()
		old := filepath.Join(dir, "old")
		if err := os.WriteFile(old, []byte("before"), 0o666); err != nil {
			t.Fatal(err)
		}
		bad.file = bad.Path
		targets := []Target{{Path: old, file: old}, bad, {Path: filepath.Join(dir, "new"), file: filepath.Join(dir, "new")}}
		for range 2 {
			if err := WriteAll(targets, slices.Repeat([][]byte{[]byte("after")}, len(targets))); err == nil {
				t.Errorf("%s: no error", bad.Name())
			}
			if got := files(t, dir); len(got) != 1 || got["old"] != "before" {
				t.Errorf("%s: the directory has %q", bad.Name(), got)
			}
			slices.Reverse(targets)
		}
	}
}

// A directoryMaker makes a directory when something is written to it.
type directoryMaker string

func (d directoryMaker) Write(p []byte) (int, error) { return len(p), os.Mkdir(string(d), 0o777) }

// TestWriteUndone: if the last rename fails, the files that were already replaced are restored.
func TestWriteUndone(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) Target {
		path := filepath.Join(dir, name)
		return Target{Path: path, file: path}
	}
	if err := os.WriteFile(at("old").file, []byte("before"), 0o640); err != nil {
		t.Fatal(err)
	}
	was, err := os.Stat(at("old").file)
	if err != nil {
		t.Fatal(err)
	}
	// The directory appears after the temporary files are written, and before they are renamed.
	targets := []Target{at("old"), at("new"), at("blocked"), {Stdout: directoryMaker(at("blocked").file)}}
	if err := WriteAll(targets, slices.Repeat([][]byte{[]byte("after")}, len(targets))); err == nil {
		t.Error("no error")
	}
	if err := os.Remove(at("blocked").file); err != nil {
		t.Fatal(err)
	}
	if got := files(t, dir); len(got) != 1 || got["old"] != "before" {
		t.Errorf("the directory has %q", got)
	}
	if is, err := os.Stat(at("old").file); err != nil || !os.SameFile(was, is) {
		t.Errorf("the old file is not back: %v", err)
	}

	if err := WriteAll(targets[:3], slices.Repeat([][]byte{[]byte("after")}, 3)); err != nil {
		t.Error(err)
	}
	if got := files(t, dir); len(got) != 3 || got["old"] != "after" {
		t.Errorf("after writing, the directory has %q", got)
	}
}

// TestWriteThroughLinks: writing to a symbolic link writes the target of the link, also if the
// target does not exist yet, and keeps the link.
func TestWriteThroughLinks(t *testing.T) {
	dir, elsewhere := t.TempDir(), t.TempDir()
	links := map[string]string{"there": filepath.Join(elsewhere, "there"), "dangling": filepath.Join(elsewhere, "dangling"), "twice": "dangling2", "dangling2": filepath.Join(elsewhere, "twice")}
	for name, to := range links {
		if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(elsewhere, "there"), []byte("before"), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"there", "dangling", "twice"} {
		path := filepath.Join(dir, name)
		to := Target{Path: path, file: followLinks(path)}
		if err := errors.Join(to.Check(), WriteAll([]Target{to}, [][]byte{[]byte(name)})); err != nil {
			t.Error(err)
		}
		if got := files(t, elsewhere)[name]; got != name {
			t.Errorf("%s: the target has %q", name, got)
		}
		if to, err := os.Readlink(path); err != nil || to != links[name] {
			t.Errorf("%s: the link is %q, %v", name, to, err)
		}
	}
	loop := filepath.Join(dir, "loop")
	if err := os.Symlink("loop", loop); err != nil {
		t.Fatal(err)
	}
	if err := (Target{Path: loop, file: followLinks(loop)}).Check(); err == nil {
		t.Error("a link to itself is accepted")
	}
}

// TestWriteKeepsModeAndOwner: a file that replaces another file has the same mode and, if the user
// may change the owner, the same owner.
func TestWriteKeepsModeAndOwner(t *testing.T) {
	path := filepath.Join(t.TempDir(), "graph.svg")
	if err := os.WriteFile(path, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	owner := uint32(os.Getuid())
	if owner == 0 {
		owner = 1234
		if err := os.Chown(path, int(owner), 5678); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if err := WriteAll([]Target{{Path: path, file: path}}, [][]byte{[]byte("new")}); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if s := info.Sys().(*syscall.Stat_t); info.Mode() != 0o640 || s.Uid != owner {
		t.Errorf("mode %v, owner %d; want %o, %d", info.Mode(), s.Uid, 0o640, owner)
	}
}
