package outfile

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"

	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/fileerror"
)

// Name returns the name of the target in the summary.
func (t Target) Name() string {
	if t.Path == "" {
		return "standard output"
	}
	return t.Path
}

// Check reports whether the file can be written, before the work begins.
func (t Target) Check() error {
	if t.Path == "" {
		return nil
	}
	dir := filepath.Dir(t.Path)
	switch info, err := os.Stat(dir); {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("writing %s: the directory %s does not exist: create it first", t.Path, dir)
	case err != nil:
		return fmt.Errorf("writing %s: %w", t.Path, fileerror.Cause(err))
	case !info.IsDir():
		return fmt.Errorf("writing %s: %s is not a directory", t.Path, dir)
	}
	switch info, err := os.Stat(t.file); {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return fmt.Errorf("writing %s: %w", t.Path, fileerror.Cause(err))
	case info.IsDir():
		return fmt.Errorf("writing %s: it is a directory: name a file in it", t.Path)
	case !info.Mode().IsRegular():
		return nil // devices and pipes are opened only when they are written
	}
	f, err := createTemp(t.file)
	if err != nil {
		return fmt.Errorf("writing %s: %w", t.Path, fileerror.Cause(err))
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
