//go:build !(darwin || dragonfly || freebsd || illumos || linux || netbsd || openbsd)

package buildtool

import "context"

// lock does nothing here: processes that start at once build the same program
// several times, each in a directory of its own, and the last rename wins.
func lock(context.Context, string, func()) (unlock func(), err error) {
	return func() {}, nil
}
