package outfile

import (
	"errors"
	"io/fs"
	"os"
)

// replacements are the files that WriteAll has replaced and can still restore.
type replacements []replacement

type replacement struct {
	Target
	old string // a second name of the replaced file; empty if there was no file, or if it cannot have a second name
	new bool   // whether there was no file before
}

// replace gives a temporary file the name of a target. It keeps no means to undo the last rename,
// because nothing can fail after it.
func (r *replacements) replace(t Target, staged string, last bool) error {
	done := replacement{Target: t}
	_, err := os.Lstat(t.file)
	done.new = errors.Is(err, fs.ErrNotExist)
	if !done.new && !last {
		// Some file systems have no hard links, and Linux may forbid hard links to files of other
		// users.
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

// undo restores all replaced files, and returns the names of the files that it cannot restore.
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
