//go:build unix

package draw

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The cache of native code is in a directory that no other user can write. This test
// fails if package cachedir is no longer initialized before go-graphviz.
func TestCacheOfNativeCode(t *testing.T) {
	for _, test := range []struct {
		name    string
		prepare func(t *testing.T, home, tmp string)
		env     []string // in addition to HOME, XDG_CACHE_HOME and TMPDIR
		cached  bool     // the cache is below home afterwards
		inTemp  string   // content of tmp afterwards
	}{
		{name: "goes to the user's cache", cached: true},
		{name: "does not touch a directory in the temporary directory", cached: true, inTemp: "go-graphviz",
			prepare: func(t *testing.T, home, tmp string) { mkdir(t, filepath.Join(tmp, "go-graphviz"), 0o777) }},
		{name: "is not kept without a home directory", env: []string{"HOME=", "XDG_CACHE_HOME="}},
		{name: "is not kept where other users can write", prepare: func(t *testing.T, home, tmp string) {
			mkdir(t, filepath.Join(home, "cache/tempograph/graphviz"), 0o777)
		}},
		{name: "is not kept through a symbolic link", prepare: func(t *testing.T, home, tmp string) {
			mkdir(t, filepath.Join(home, "cache/tempograph"), 0o700)
			if err := os.Symlink(t.TempDir(), filepath.Join(home, "cache/tempograph/graphviz")); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			home, tmp := t.TempDir(), t.TempDir()
			if test.prepare != nil {
				test.prepare(t, home, tmp)
			}
			cmd := self(t, argImage)
			// UserCacheDir is XDG_CACHE_HOME, or Library/Caches in HOME on macOS.
			mkdir(t, filepath.Join(home, "Library"), 0o700)
			if err := os.Symlink(filepath.Join(home, "cache"), filepath.Join(home, "Library/Caches")); err != nil {
				t.Fatal(err)
			}
			cmd.Env = append(os.Environ(), "HOME="+home, "XDG_CACHE_HOME="+filepath.Join(home, "cache"), "TMPDIR="+tmp)
			cmd.Env = append(cmd.Env, test.env...)
			out, err := cmd.Output()
			if err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			if string(out) != tmp+" true" {
				t.Errorf("TMPDIR in main: %q, want %q", out, tmp+" true")
			}
			if got := strings.Join(list(t, tmp), " "); got != test.inTemp {
				t.Errorf("%q in the temporary directory, want %q", got, test.inTemp)
			}
			cache := filepath.Join(home, "cache/tempograph/graphviz")
			files, _ := filepath.Glob(filepath.Join(cache, "go-graphviz/*/*"))
			if got := len(files) > 0; got != test.cached {
				t.Errorf("cached: %q, want %v", files, test.cached)
			}
			if !test.cached {
				return
			}
			info, err := os.Stat(cache)
			if err != nil {
				t.Fatal(err)
			}
			if info.Mode().Perm() != 0o700 {
				t.Errorf("the cache has mode %v, want 0700", info.Mode())
			}
		})
	}
}

func TestTMPDIRStaysUnset(t *testing.T) {
	cmd := self(t, argImage)
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "TMPDIR=") {
			cmd.Env = append(cmd.Env, v)
		}
	}
	out, err := cmd.Output()
	if err != nil || string(out) != " false" {
		t.Errorf("%q, %v", out, err)
	}
}

func mkdir(t *testing.T, dir string, mode os.FileMode) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, mode); err != nil {
		t.Fatal(err)
	}
}

func list(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}
