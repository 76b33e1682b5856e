// Package cachedir decides where go-graphviz keeps its cache of native code.
//
// While it is initialised, go-graphviz compiles Graphviz from WebAssembly to
// native code, which takes half a second, and keeps the result in
// os.TempDir()/go-graphviz for the next process. It does not look at who owns
// that directory. On a machine with several users anyone can make it first, and
// what they put there is run. There is no option for another place.
//
// So this package, initialised before go-graphviz, points TMPDIR at a directory
// of this user alone, below os.UserCacheDir, and [Restore] puts TMPDIR back
// before main starts. That takes an init function, which this module otherwise
// does without: main runs too late to have a say. Packages that happen to be
// initialised in between see the other directory; they can use it.
//
// That this package is initialised before go-graphviz is no accident. Of the
// packages whose imports are all initialised, Go takes the one with the least
// import path. What this package imports, wazero imports, too, and go-graphviz
// imports wazero; and "github.com/tempograph" is less than
// "github.com/tetratelabs/wazero". So as soon as wazero can be initialised, this
// package can be, and comes first. It must not import anything else.
package cachedir

import (
	"os"
	"path/filepath"
)

var (
	original string // value of the variable, if it was set
	wasSet   bool
	changed  bool
	scratch  string // directory to remove, if any
)

func init() {
	if variable == "" {
		return
	}
	original, wasSet = os.LookupEnv(variable)
	changed = os.Setenv(variable, choose()) == nil
}

// Restore undoes what the initialisation of this package did to the environment.
// It is called once, from the initialisation of the package that imports
// go-graphviz.
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

// choose returns the directory for the cache. A user without a cache directory
// of their own pays the half second every time: the cache then goes to a new
// directory, which is removed at once, or nowhere.
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
