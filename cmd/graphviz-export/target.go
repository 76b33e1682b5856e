package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"

	"github.com/tempograph/tempograph/servicegraph/render"
)

// A target is where the result goes, and in which format.
type target struct {
	path   string // as the user wrote it; empty: standard output
	file   string // what path is, or links to
	stdout io.Writer
	format render.Format
	totals bool // the result shows the totals to the user
}

// targets returns the targets that the command line names, and makes sure that
// they can be written to.
func (e *export) targets(formats []render.Format) ([]target, error) {
	if len(e.outputs) == 0 {
		t, err := e.target(formats, "")
		return []target{t}, err
	}
	if e.format != "" && len(e.outputs) > 1 {
		return nil, usagef("--format says what one output is, but there are %d: leave it out, and let their extensions say it", len(e.outputs))
	}
	var targets []target
	for _, output := range e.outputs {
		if output == "" {
			return nil, usagef("--output: the file name is empty")
		}
		t, err := e.target(formats, output)
		if err != nil {
			return nil, err
		}
		for _, other := range targets {
			if filepath.Clean(other.file) == filepath.Clean(t.file) {
				return nil, usagef("--output %s is given twice", output)
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
	screen := t.path == "" && isTerminal(e.stdout)
	var err error
	if t.format, err = e.chooseFormat(formats, t.path, screen); err != nil {
		return t, err
	}
	if screen && t.format.Binary {
		return t, usagef("%s is not for a terminal: write it to a file with -o FILE, or pipe it to a program", t.format.Name)
	}
	t.totals = screen && t.format.Name == "txt"
	if linked, err := filepath.EvalSymlinks(t.path); err == nil && t.path != "" {
		t.file = linked
	}
	return t, t.check()
}

// chooseFormat returns the format that the user names, else the one of the file's
// extension, else what suits a screen or a pipe.
func (e *export) chooseFormat(formats []render.Format, path string, screen bool) (render.Format, error) {
	switch {
	case e.format != "":
		f, err := render.ByName(formats, e.format)
		if err == nil {
			return f, nil
		}
		if f, err := render.ByFileName(formats, "."+e.format); err == nil { // md, mmd, gv
			return f, nil
		}
		return f, usagef("--format: %w", err)
	case path != "":
		f, err := render.ByFileName(formats, path)
		if err != nil {
			return f, usagef("--output: %w, or --format to say what it is", err)
		}
		return f, nil
	case screen:
		return render.ByName(formats, "txt")
	}
	return render.ByName(formats, "dot")
}

// name is what the summary calls the target.
func (t target) name() string {
	if t.path == "" {
		return "standard output"
	}
	return t.path
}

// check finds out whether the file can be written.
func (t target) check() error {
	if t.path == "" {
		return nil
	}
	dir := filepath.Dir(t.path)
	switch info, err := os.Stat(dir); {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("writing %s: the directory %s does not exist: make it first", t.path, dir)
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
		return nil // a device or a pipe: see write
	}
	f, err := createTemp(t.file)
	if err != nil {
		return fmt.Errorf("writing %s: %w", t.path, pathCause(err))
	}
	f.Close()
	return os.Remove(f.Name())
}

// write writes the whole result. A file is there with all of it or, on an error,
// as it was before: the result goes to a file beside it, which takes its place.
func (t target) write(doc []byte) (err error) {
	if t.path == "" {
		if _, err := t.stdout.Write(doc); err != nil {
			return fmt.Errorf("writing to standard output: %w", pathCause(err))
		}
		return nil
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("writing %s: %w", t.path, pathCause(err))
		}
	}()
	mode := fs.FileMode(0) // of the file that is replaced
	if info, err := os.Stat(t.file); err == nil {
		if !info.Mode().IsRegular() {
			return os.WriteFile(t.file, doc, 0o666) // nothing takes the place of /dev/null or a pipe
		}
		mode = info.Mode().Perm()
	}
	f, err := createTemp(t.file)
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // fails when all went well
	_, err = f.Write(doc)
	if mode != 0 {
		err = errors.Join(err, f.Chmod(mode))
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), t.file)
}

// createTemp creates a new file in the directory of path, with the permissions
// of any new file: os.CreateTemp makes files that nobody else can read.
func createTemp(path string) (*os.File, error) {
	for {
		name := filepath.Join(filepath.Dir(path), fmt.Sprintf(".graphviz-export-%08x.tmp", rand.Uint32()))
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
		if !errors.Is(err, fs.ErrExist) {
			return f, err
		}
	}
}
