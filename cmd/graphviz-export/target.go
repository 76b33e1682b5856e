package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"

	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/console"
	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/exit"
	"github.com/tempograph/tempograph/servicegraph/render"
)

// A target is a file or standard output, and the format to write.
type target struct {
	path   string // as the user wrote it; empty: standard output
	file   string // where the symbolic links at path lead
	stdout io.Writer
	format render.Format
	totals bool // the document itself shows the user the totals of the graph
}

// targets returns the targets that the command line names. It checks that all of them can be
// written.
func (e *export) targets(formats []render.Format) ([]target, error) {
	if len(e.outputs) == 0 {
		t, err := e.target(formats, "")
		return []target{t}, err
	}
	if e.format != "" && len(e.outputs) > 1 {
		return nil, exit.Usagef("--format cannot be combined with %d outputs: leave it out and choose formats by extension", len(e.outputs))
	}
	var targets []target
	for _, output := range e.outputs {
		t, err := e.target(formats, output)
		if err != nil {
			return nil, err
		}
		for _, other := range targets {
			if filepath.Clean(other.file) == filepath.Clean(t.file) {
				return nil, exit.Usagef("--output %s is given twice", output)
			}
		}
		targets = append(targets, t)
	}
	return targets, nil
}

func (e *export) target(formats []render.Format, output string) (target, error) {
	t := target{path: output, file: output, stdout: e.stdout}
	if t.path == "-" {
		t.path, t.file = "", ""
	}
	screen := t.path == "" && console.IsTerminal(e.stdout)
	var err error
	if t.format, err = e.chooseFormat(formats, t.path); err != nil {
		return t, err
	}
	if screen && t.format.Binary {
		return t, exit.Usagef("%s cannot be shown on a terminal: write it to a file with -o FILE, or pipe it to a program", t.format.Name)
	}
	t.totals = screen && t.format.Name == "txt"
	if t.path != "" {
		t.file = followLinks(t.path)
	}
	return t, t.check()
}

// chooseFormat returns the format that --format names, else that of the file's extension,
// else a table.
func (e *export) chooseFormat(formats []render.Format, path string) (render.Format, error) {
	switch {
	case e.format != "":
		f, err := render.ByName(formats, e.format)
		if err == nil {
			return f, nil
		}
		if f, err := render.ByFileName(formats, "."+e.format); err == nil { // md, mmd, gv
			return f, nil
		}
		return f, exit.Usagef("--format: %w", err)
	case path != "":
		f, err := render.ByFileName(formats, path)
		if err != nil {
			return f, exit.Usagef("--output: %w, or choose a format with --format", err)
		}
		return f, nil
	}
	return render.ByName(formats, "txt")
}

// name returns the name of the target in the summary.
func (t target) name() string {
	if t.path == "" {
		return "standard output"
	}
	return t.path
}

// check reports whether the file can be written, before the work begins.
func (t target) check() error {
	if t.path == "" {
		return nil
	}
	dir := filepath.Dir(t.path)
	switch info, err := os.Stat(dir); {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("writing %s: the directory %s does not exist: create it first", t.path, dir)
	case err != nil:
		return fmt.Errorf("writing %s: %w", t.path, pathCause(err))
	case !info.IsDir():
		return fmt.Errorf("writing %s: %s is not a directory", t.path, dir)
	}
	switch info, err := os.Stat(t.file); {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return fmt.Errorf("writing %s: %w", t.path, pathCause(err))
	case info.IsDir():
		return fmt.Errorf("writing %s: it is a directory: name a file in it", t.path)
	case !info.Mode().IsRegular():
		return nil // write handles devices and pipes
	}
	f, err := createTemp(t.file)
	if err != nil {
		return fmt.Errorf("writing %s: %w", t.path, pathCause(err))
	}
	f.Close()
	return os.Remove(f.Name())
}

// createTemp creates a new file in the directory of path, with the usual permissions of a
// new file: the files of os.CreateTemp are readable by the owner only.
func createTemp(path string) (*os.File, error) {
	for {
		f, err := os.OpenFile(tempName(path), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
		if !errors.Is(err, fs.ErrExist) {
			return f, err
		}
	}
}

// tempName returns a name for a temporary file in the directory of path.
func tempName(path string) string {
	return filepath.Join(filepath.Dir(path), fmt.Sprintf(".graphviz-export-%08x.tmp", rand.Uint32()))
}
