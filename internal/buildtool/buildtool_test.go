package buildtool

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// With these two variables the test binary is a process that builds hello from the
// directory envSource into the cache envCache and prints the path of the executable.
const (
	envSource = "BUILDTOOL_TEST_SOURCE"
	envCache  = "BUILDTOOL_TEST_CACHE"
)

func TestMain(m *testing.M) {
	if source := os.Getenv(envSource); source != "" {
		exe, err := build(context.Background(), os.Getenv(envCache), hello(source), os.Stderr)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		fmt.Println(exe)
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// hello returns the program whose module is in the directory source.
func hello(source string) Program {
	return Program{
		Name:    "hello",
		Version: "v0.1.0",
		Package: "example.com/hello/cmd",
		Mod: fmt.Appendf(nil, "module example.com/build\n\ngo 1.26\n\nrequire example.com/hello v0.1.0\n\nreplace example.com/hello => %s\n",
			filepath.ToSlash(source)),
	}
}

const helloMain = "package main\n\nfunc main() { println(\"hello\") }\n"

// write puts the module of hello, with the given main.go, into a new directory.
func write(t *testing.T, main string) (source string) {
	t.Helper()
	source = t.TempDir()
	for name, text := range map[string]string{
		"go.mod":        "module example.com/hello\n\ngo 1.26\n",
		"cmd/main.go":   main,
		"cmd/tagged.go": "//go:build tagged\n\npackage main\n\nvar _ = thisFileIsOnlyForTheTagged\n",
	} {
		path := filepath.Join(source, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return source
}

// says runs the executable and fails the test unless it prints want.
func says(t *testing.T, exe, want string) {
	t.Helper()
	out, err := exec.Command(exe).CombinedOutput()
	if err != nil || string(out) != want {
		t.Errorf("%s says %q, %v, want %q", exe, out, err, want)
	}
}

// files returns the names of the files in the cache other than locks.
func files(t *testing.T, cache string) []string {
	t.Helper()
	entries, err := os.ReadDir(cache)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		if filepath.Ext(e.Name()) != ".lock" {
			names = append(names, e.Name())
		}
	}
	return names
}

func TestBuildOnceInManyProcessesConcurrentSafe(t *testing.T) {
	source, cache := write(t, helloMain), t.TempDir()
	const n = 6
	var (
		stdout, stderr [n]bytes.Buffer
		err            [n]error
		group          sync.WaitGroup
	)
	for i := range n {
		group.Go(func() {
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), envSource+"="+source, envCache+"="+cache)
			cmd.Stdout, cmd.Stderr = &stdout[i], &stderr[i]
			err[i] = cmd.Run()
		})
	}
	group.Wait()
	builds := 0
	for i := range n {
		if err[i] != nil {
			t.Fatalf("process %d: %v\n%s", i, err[i], &stderr[i])
		}
		if got, want := stdout[i].String(), stdout[0].String(); got != want {
			t.Errorf("process %d: %s, process 0: %s", i, got, want)
		}
		builds += strings.Count(stderr[i].String(), "building hello v0.1.0")
	}
	if builds != 1 {
		t.Errorf("%d processes built, want 1", builds)
	}
	says(t, strings.TrimSpace(stdout[0].String()), "hello\n")
	if got := files(t, cache); len(got) != 1 {
		t.Errorf("in the cache: %v, want the executable alone", got)
	}
}

func TestBuildOnceInManyGoroutinesConcurrentSafe(t *testing.T) {
	source, cache := write(t, helloMain), t.TempDir()
	var progress [8]bytes.Buffer
	var group sync.WaitGroup
	for i := range progress {
		group.Go(func() {
			if _, err := build(t.Context(), cache, hello(source), &progress[i]); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	builds := 0
	for i := range progress {
		builds += strings.Count(progress[i].String(), "building")
	}
	if builds != 1 {
		t.Errorf("%d goroutines built, want 1", builds)
	}
}

func TestBuildFindsItsProgramAgain(t *testing.T) {
	source, cache := write(t, helloMain), t.TempDir()
	first, err := build(t.Context(), cache, hello(source), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	var progress bytes.Buffer
	again, err := build(t.Context(), cache, hello(source), &progress)
	if err != nil || again != first || progress.Len() != 0 {
		t.Errorf("second build: %s, %v, progress %q; want %s and silence", again, err, &progress, first)
	}
	changed := hello(source)
	changed.Mod = append(changed.Mod, "// another pin\n"...)
	if other, err := build(t.Context(), cache, changed, io.Discard); err != nil || other == first {
		t.Errorf("with another go.mod: %s, %v, want another executable", other, err)
	}
}

func TestBuildSetsVariables(t *testing.T) {
	source := write(t, "package main\n\nvar version = \"none\"\n\nfunc main() { println(version) }\n")
	cache := t.TempDir()
	for _, set := range [][]string{nil, {"main.version=1"}, {"main.version=2"}} {
		p := hello(source)
		p.Set = set
		exe, err := build(t.Context(), cache, p, io.Discard)
		if err != nil {
			t.Fatal(err)
		}
		want := "none\n"
		if set != nil {
			want = strings.TrimPrefix(set[0], "main.version=") + "\n"
		}
		says(t, exe, want)
	}
}

// TestBuildOfMainWithTags: a program may be one file with imports. The build constraint "ignore"
// keeps that file out of the module that embeds it.
func TestBuildOfMainWithTags(t *testing.T) {
	source := write(t, helloMain)
	for name, text := range map[string]string{
		"word/word.go":   "//go:build !tagged\n\npackage word\n\nconst Word = \"plain\"\n",
		"word/tagged.go": "//go:build tagged\n\npackage word\n\nconst Word = \"tagged\"\n",
	} {
		path := filepath.Join(source, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cache := t.TempDir()
	p := hello(source)
	p.Package = "main.go"
	for _, test := range []struct{ greeting, tags, want string }{
		{"say", "", "say plain\n"},
		{"say", "tagged", "say tagged\n"},
		{"shout", "", "shout plain\n"}, // another program
	} {
		p.Tags = test.tags
		p.Main = fmt.Appendf(nil, "//go:build ignore\n\npackage main\n\nimport \"example.com/hello/word\"\n\nfunc main() { println(%q, word.Word) }\n", test.greeting)
		exe, err := build(t.Context(), cache, p, io.Discard)
		if err != nil {
			t.Fatal(err)
		}
		says(t, exe, test.want)
	}
}

func TestBuildThatFails(t *testing.T) {
	source, cache := write(t, "package main\n\nfunc main() { nonsense() }\n"), t.TempDir()
	_, err := build(t.Context(), cache, hello(source), io.Discard)
	if err == nil || !strings.Contains(err.Error(), "main.go:3:15: undefined: nonsense") {
		t.Errorf("got %v, want the message of the compiler", err)
	}
	if got := files(t, cache); len(got) != 0 {
		t.Errorf("a failed build left %v", got)
	}
	// The cache does not keep the failure: the next build succeeds.
	if err := os.WriteFile(filepath.Join(source, "cmd", "main.go"), []byte(helloMain), 0o644); err != nil {
		t.Fatal(err)
	}
	exe, err := build(t.Context(), cache, hello(source), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	says(t, exe, "hello\n")
}

// TestBuildNeedsCompleteSums: a module without a checksum is an error, so that the checksums pin
// every module.
func TestBuildNeedsCompleteSums(t *testing.T) {
	t.Setenv("GOPROXY", "off")
	p := hello(write(t, helloMain))
	p.Mod = append(p.Mod, "\nrequire golang.org/x/text v0.3.0\n"...)
	p.Package = "golang.org/x/text/cmd/gotext"
	if _, err := build(t.Context(), t.TempDir(), p, io.Discard); err == nil || !strings.Contains(err.Error(), "missing go.sum entry") {
		t.Errorf("got %v, want a complaint about go.sum", err)
	}
}

// TestBuildIgnoresSettingsOfCaller: settings in the environment are for the caller's own build, and
// do not change this build.
func TestBuildIgnoresSettingsOfCaller(t *testing.T) {
	t.Setenv("GOFLAGS", "-mod=vendor -tags=tagged")
	t.Setenv("GOWORK", filepath.Join(t.TempDir(), "go.work"))
	t.Setenv("GOOS", "plan9")
	t.Setenv("GOARCH", "386")
	exe, err := build(t.Context(), t.TempDir(), hello(write(t, helloMain)), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	says(t, exe, "hello\n")
}

// cancelOn is a progress writer. It cancels when a line begins with a given word.
type cancelOn struct {
	word   string
	cancel context.CancelFunc
}

func (c cancelOn) Write(line []byte) (int, error) {
	if bytes.HasPrefix(line, []byte(c.word)) {
		c.cancel()
	}
	return len(line), nil
}

func TestBuildStopsWithContext(t *testing.T) {
	source, cache := write(t, helloMain), t.TempDir()
	t.Run("building", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		_, err := build(ctx, cache, hello(source), cancelOn{"building", cancel})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want %v", err, context.Canceled)
		}
		if got := files(t, cache); len(got) != 0 {
			t.Errorf("a build that was stopped left %v", got)
		}
	})
	t.Run("waiting", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		unlock, err := lock(ctx, filepath.Join(cache, hello(source).key()+".lock"), func() {})
		if err != nil {
			t.Fatal(err)
		}
		defer unlock()
		if _, err := build(ctx, cache, hello(source), cancelOn{"waiting", cancel}); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want %v", err, context.Canceled)
		}
	})
}
