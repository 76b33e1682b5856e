//go:build unix

package cachedir

import (
	"os"
	"syscall"
)

// variable is the environment variable of os.TempDir.
const variable = "TMPDIR"

// private reports whether dir is a directory of this user that no other user can write.
func private(dir string) bool {
	info, err := os.Lstat(dir)
	if err != nil || !info.IsDir() || info.Mode().Perm()&0o022 != 0 {
		return false
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == os.Geteuid()
}
