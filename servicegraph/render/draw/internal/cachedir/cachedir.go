// Package cachedir sets the directory of go-graphviz's cache of native code.
//
// During its initialization, go-graphviz compiles Graphviz from WebAssembly to native
// code, which takes half a second, and stores the result in os.TempDir()/go-graphviz for
// the next process. go-graphviz does not check the owner of that directory. On a machine
// with several users, anyone can create the directory first, and go-graphviz runs the
// code in it. go-graphviz has no option for another directory.
//
// This package is initialized before go-graphviz and sets TMPDIR to a directory below
// os.UserCacheDir that only this user can write. [Restore] resets TMPDIR before main starts. The
// package needs an init function, which the module otherwise avoids, because main would run too
// late. Packages that are initialized in between see the changed TMPDIR, which is usable.
//
// The order of initialization is guaranteed. Go initializes, among the packages whose
// imports are all initialized, the one with the smallest import path first. Every import
// of this package is also an import of wazero, which go-graphviz imports, and
// "github.com/tempograph" sorts before "github.com/tetratelabs/wazero". So this package
// is ready at the latest when wazero is, and comes first. It must not import any other
// package.
package cachedir

import (
	"os"
	"path/filepath"
)

var (
	original string // value of the variable, if it was set
	wasSet   bool
	changed  bool
	scratch  string // directory to remove; empty: none
)

func init() {
	if variable == "" {
		return
	}
	original, wasSet = os.LookupEnv(variable)
	changed = os.Setenv(variable, choose()) == nil
}

// Restore resets the environment variable that the initialization of this package
// changed. The package that imports go-graphviz calls Restore once, in its
// initialization.
func Restore() {
	if !changed {
		return
	}
	if wasSet {
		os.Setenv(variable, original)
	} else {
		os.Unsetenv(variable)
	}
	if scratch != "" {
		os.RemoveAll(scratch)
	}
}

// choose returns the directory for the cache. Without a private directory in the user's
// cache directory, nothing is cached and every start takes the half second: the
// directory is a new one that Restore removes, or os.DevNull.
func choose() string {
	if base, err := os.UserCacheDir(); err == nil {
		dir := filepath.Join(base, "tempograph", "graphviz")
		if os.MkdirAll(dir, 0o700) == nil && private(dir) {
			return dir
		}
	}
	if dir, err := os.MkdirTemp("", "tempograph-"); err == nil {
		scratch = dir
		return dir
	}
	return os.DevNull
}
