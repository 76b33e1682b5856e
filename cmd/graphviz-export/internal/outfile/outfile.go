// Package outfile writes the files of one run of a command: all of them or none.
package outfile

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/fileerror"
)

// A Target is a file or standard output.
type Target struct {
	Path   string // as the user wrote it; empty: standard output
	Stdout io.Writer
	file   string // Path after following symbolic links
}

// At returns the target at a Path: standard output if the path is empty or "-".
func At(path string, stdout io.Writer) Target {
	if path == "" || path == "-" {
		return Target{Stdout: stdout}
	}
	return Target{Path: path, Stdout: stdout, file: followLinks(path)}
}

// Same reports whether two targets are one file, or both are standard output.
func (t Target) Same(o Target) bool { return filepath.Clean(t.file) == filepath.Clean(o.file) }

// WriteAll writes the documents of all targets. If one document cannot be written, WriteAll changes
// no file. It writes the documents for files to temporary files in the same directories, then the
// other documents to pipes, devices and standard output, and renames the temporary files last. A
// rename can still fail, for example for a file that is itself a mount in a container. WriteAll
// then undoes the earlier renames.
func WriteAll(targets []Target, docs [][]byte) error {
	staged := make([]*os.File, len(targets))
	defer func() {
		for _, f := range staged {
			if f != nil {
				os.Remove(f.Name()) // fails after a successful rename
			}
		}
	}()
	for i, t := range targets {
		if t.isFile() {
			var err error
			if staged[i], err = t.stage(docs[i]); err != nil {
				return t.failed(err)
			}
		}
	}
	for i, t := range targets {
		if staged[i] == nil {
			if err := t.send(docs[i]); err != nil {
				return t.failed(err)
			}
		}
	}
	var done replacements
	last := lastNotNil(staged)
	for i, t := range targets {
		if staged[i] == nil {
			continue
		}
		if err := done.replace(t, staged[i].Name(), i == last); err != nil {
			err = t.failed(fileerror.Cause(err))
			if left := done.undo(); len(left) > 0 {
				err = fmt.Errorf("%w; already written: %s", err, strings.Join(left, ", "))
			}
			return err
		}
	}
	done.keep()
	return nil
}

func lastNotNil(files []*os.File) int {
	last := len(files) - 1
	for last >= 0 && files[last] == nil {
		last--
	}
	return last
}

func (t Target) failed(err error) error {
	return fmt.Errorf("writing %s: %w", t.in(), fileerror.Cause(err))
}

// in returns the name of the target in errors.
func (t Target) in() string {
	if t.Path == "" {
		return "to standard output"
	}
	return t.Path
}

// isFile reports whether the target is a file that a rename can replace. Pipes and devices such as
// /dev/null must not be replaced.
func (t Target) isFile() bool {
	if t.Path == "" {
		return false
	}
	info, err := os.Stat(t.file)
	return err != nil || info.Mode().IsRegular()
}

// send writes a document to a pipe, a device or standard output.
func (t Target) send(doc []byte) error {
	if t.Path == "" {
		_, err := t.Stdout.Write(doc)
		return err
	}
	return os.WriteFile(t.file, doc, 0o666)
}

// stage writes a document to a temporary file beside the target, with the mode and, as far as
// allowed, the owner of the file to replace. stage syncs the file to disk, so that a power failure
// after the rename does not leave an empty file.
func (t Target) stage(doc []byte) (*os.File, error) {
	f, err := createTemp(t.file)
	if err != nil {
		return nil, err
	}
	_, err = f.Write(doc)
	if info, statErr := os.Stat(t.file); statErr == nil {
		keepOwner(f, info)
		err = errors.Join(err, f.Chmod(info.Mode().Perm()))
	}
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		os.Remove(f.Name())
		return nil, err
	}
	return f, nil
}

// followLinks follows the symbolic links at a path and returns the path where they end. That path
// need not exist.
func followLinks(path string) string {
	if file, err := filepath.EvalSymlinks(path); err == nil {
		return file
	}
	const most = 40 // the limit of Linux: more links are taken for a loop
	file := path
	for range most {
		to, err := os.Readlink(file)
		if err != nil {
			return file
		}
		if !filepath.IsAbs(to) {
			to = filepath.Join(filepath.Dir(file), to)
		}
		file = to
	}
	return path
}
