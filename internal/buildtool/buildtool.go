// Package buildtool builds a Go program that this repository runs but never imports, such as a
// server for integration tests.
//
// Such a program often has a license, or a few hundred dependencies, that must
// stay out of the go.mod of this module. The caller therefore passes two embedded
// files: a go.mod that requires the module of the program, and the complete go.sum
// for that go.mod. [Build] writes both into an empty directory and runs go build
// there with -mod=readonly, so that the same dependencies are compiled everywhere.
//
// The cache directory of the user keeps the programs, so that the next call finds
// them. This package never deletes anything from the cache; a user can delete all of
// it whenever no build runs.
package buildtool

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"
)

// A Program names a main package and pins everything that it is built from.
// Name, Version, Package and Mod are required.
type Program struct {
	Name    string // the name in messages and in the cache: "tempo"
	Version string // the version in messages and in the cache: "v2.9.0"; Mod decides what is built
	Package string // the import path of the main package, or "main.go" for Main
	Mod     []byte // a go.mod that requires the module of Package
	Sum     []byte // its go.sum; may be empty if every module is replaced by a directory

	Main []byte // the source of main.go, for a program that is not a package of a module
	Tags string // build tags, separated by commas

	// Set lists string variables for the linker to set, such as main.Version=2.9.0:
	// the -X flags of the program's own makefile.
	Set []string
}

// buildArgs returns the arguments of the go command. The build uses no cgo, so that
// it neither needs a C compiler nor depends on the C library of the machine, and
// leaves out debug information, a third of a large binary.
func (p Program) buildArgs() []string {
	linker := "-s -w"
	for _, v := range p.Set {
		linker += " -X " + v
	}
	args := []string{"build", "-mod=readonly", "-trimpath", "-buildvcs=false", "-ldflags=" + linker}
	if p.Tags != "" {
		args = append(args, "-tags="+p.Tags)
	}
	return args
}

// Build returns the path of the executable of p. If the cache of the user has no
// executable for this Program, Go version, operating system and architecture, Build
// makes one with the go command in PATH. A build takes from a second to several
// minutes and may download modules.
//
// Any number of goroutines and processes may call Build at the same time: one
// of them builds while the others wait. Each call writes a line to progress when it
// begins to build or to wait, and another when its build is done. A call that finds
// the program in the cache writes nothing.
//
// The error of a failed build holds the output of the compiler. A failed build leaves
// only an empty lock file in the cache, and the next call builds again.
func Build(ctx context.Context, p Program, progress io.Writer) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("building %s %s: %w", p.Name, p.Version, err)
	}
	exe, err := build(ctx, filepath.Join(cache, "tempograph", "programs"), p, progress)
	if err != nil {
		return "", fmt.Errorf("building %s %s: %w", p.Name, p.Version, err)
	}
	return exe, nil
}

func build(ctx context.Context, dir string, p Program, progress io.Writer) (string, error) {
	key := p.key()
	exe := filepath.Join(dir, key)
	if runtime.GOOS == "windows" {
		exe += ".exe"
	}
	if found, err := exists(exe); found || err != nil {
		return exe, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	unlock, err := lock(ctx, filepath.Join(dir, key+".lock"), func() {
		fmt.Fprintf(progress, "waiting for another process to build %s %s\n", p.Name, p.Version)
	})
	if err != nil {
		return "", err
	}
	defer unlock()
	if found, err := exists(exe); found || err != nil { // another process has built the program meanwhile
		return exe, err
	}

	fmt.Fprintf(progress, "building %s %s into %s, once: this may take minutes\n", p.Name, p.Version, dir)
	began := time.Now()
	// The work directory is in the cache because the rename below is atomic only
	// within one file system.
	work, err := os.MkdirTemp(dir, key+".build-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(work)
	built := filepath.Join(work, p.Name)
	if err := p.compile(ctx, work, built); err != nil {
		return "", err
	}
	if err := os.Rename(built, exe); err != nil {
		return "", err
	}
	fmt.Fprintf(progress, "built %s %s in %v\n", p.Name, p.Version, time.Since(began).Round(time.Second))
	return exe, nil
}

// compile writes the module into the empty directory work and builds p from it.
func (p Program) compile(ctx context.Context, work, exe string) error {
	files := map[string][]byte{"go.mod": p.Mod, "go.sum": p.Sum}
	if p.Main != nil {
		files["main.go"] = p.Main
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(work, name), text, 0o644); err != nil {
			return err
		}
	}
	cmd := exec.CommandContext(ctx, "go", append(p.buildArgs(), "-o", exe, p.Package)...)
	cmd.Dir = work
	// The caller's settings for its own module must not affect this build. GOFLAGS must not be
	// empty: the go command would then use the GOFLAGS of its configuration file.
	cmd.Env = append(cmd.Environ(), "GO111MODULE=on", "GOWORK=off", "GOFLAGS=-mod=readonly",
		"CGO_ENABLED=0", "GOOS="+runtime.GOOS, "GOARCH="+runtime.GOARCH)
	// An interrupt lets the go command remove its own work directory; a kill leaves
	// some hundred megabytes in the temporary directory.
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	out, err := cmd.CombinedOutput()
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return fmt.Errorf("go build: %w\n%s", err, withoutDownloads(out))
}

// key returns the name of the executable in the cache. The hash covers everything that decides what
// is built. The hash includes the Go version that compiled the caller: go test and go run put that
// version first in PATH.
func (p Program) key() string {
	h := sha256.New()
	fmt.Fprintf(h, "%q %q %q %q %q%s", runtime.Version(), p.buildArgs(), p.Package, p.Mod, p.Sum, p.Main)
	return fmt.Sprintf("%s-%s-%s-%s-%x", p.Name, p.Version, runtime.GOOS, runtime.GOARCH, h.Sum(nil)[:8])
}

func exists(path string) (bool, error) {
	_, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// withoutDownloads drops the lines about fetched modules: the hundreds of lines of a
// first build would hide the reason for a failure.
func withoutDownloads(out []byte) []byte {
	var rest []byte
	for line := range bytes.Lines(out) {
		if !bytes.HasPrefix(line, []byte("go: downloading ")) {
			rest = append(rest, line...)
		}
	}
	return rest
}
