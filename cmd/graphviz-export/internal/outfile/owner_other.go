//go:build !unix

package outfile

import (
	"io/fs"
	"os"
)

// keepOwner does nothing: a new file has the default owner and permissions.
func keepOwner(*os.File, fs.FileInfo) {}
