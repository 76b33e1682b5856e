//go:build unix

package cachedir

import (
	"os"
	"syscall"
)

// variable is what os.TempDir reads.
const variable = "TMPDIR"

// private reports whether dir is a directory that belongs to this user and that
// nobody else can write to.
func private(dir string) bool {
	info, err := os.Lstat(dir)
	if err != nil || !info.IsDir() || info.Mode().Perm()&0o022 != 0 {
		return false
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == os.Geteuid()
}
