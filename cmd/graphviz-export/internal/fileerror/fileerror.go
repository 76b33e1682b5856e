// Package fileerror shortens the errors of the file system.
package fileerror

import (
	"errors"
	"io/fs"
	"os"
)

// Cause strips the operation and the paths from an error of the file system, for messages that
// already name the operation and the path.
func Cause(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	if e, ok := errors.AsType[*os.LinkError](err); ok {
		return e.Err
	}
	return err
}
