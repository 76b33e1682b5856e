package outfile

import (
	"errors"
	"io/fs"
	"os"
)

// replacements are files that new ones have replaced, and that can be put back.
type replacements []replacement

type replacement struct {
	Target
	old string // another name of the file that was replaced; empty if there was none, or no second name is possible
	new bool   // there was no file
}

// replace gives a temporary file the name of a target. Nothing can fail after the last rename, so that
// it keeps no way to undo that one.
func (r *replacements) replace(t Target, staged string, last bool) error {
	done := replacement{Target: t}
	_, err := os.Lstat(t.file)
	done.new = errors.Is(err, fs.ErrNotExist)
	if !done.new && !last {
		// Some file systems have no hard links, and Linux allows none to files of other users.
		if old := tempName(t.file); os.Link(t.file, old) == nil {
			done.old = old
		}
	}
	if err := os.Rename(staged, t.file); err != nil {
		done.forget()
		return err
	}
	*r = append(*r, done)
	return nil
}

// undo puts all files back, and returns the names of those for which that is not possible.
func (r replacements) undo() (left []string) {
	for _, done := range r {
		var err error
		switch {
		case done.new:
			err = os.Remove(done.file)
		case done.old != "":
			err = os.Rename(done.old, done.file)
		default:
			err = errors.ErrUnsupported
		}
		if err != nil {
			left = append(left, done.Path)
		}
	}
	return left
}

// keep makes the replacements final.
func (r replacements) keep() {
	for _, done := range r {
		done.forget()
	}
}

func (r replacement) forget() {
	if r.old != "" {
		os.Remove(r.old)
	}
}
