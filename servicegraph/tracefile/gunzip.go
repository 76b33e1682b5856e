package tracefile

import (
	"bufio"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"
)

const gzipMagic = "\x1f\x8b"

// A gunzip inflates a gzip stream of one or more members. It takes them one by
// one, which gzip.Reader can do by itself, to tell a stream that is cut off from
// a whole one with something else behind it: of that, everything was read.
type gunzip struct {
	in       *bufio.Reader
	z        gzip.Reader
	inside   bool // z is within a member
	trailing bool // the bytes behind the last member are not gzip
	err      error
}

func (g *gunzip) Read(p []byte) (int, error) {
	for g.err == nil {
		if !g.inside {
			g.err = g.nextMember()
			continue
		}
		n, err := g.z.Read(p)
		if err == io.EOF {
			g.inside, err = false, nil
		}
		g.err = gzipError(err)
		if n > 0 {
			return n, nil
		}
	}
	return 0, g.err
}

// nextMember enters the member that begins here; io.EOF if there is none.
func (g *gunzip) nextMember() error {
	magic, err := g.in.Peek(len(gzipMagic))
	if len(magic) == 0 {
		return err
	}
	if string(magic) != gzipMagic {
		g.trailing = true
		return io.EOF
	}
	if err := g.z.Reset(g.in); err != nil {
		return gzipError(err)
	}
	g.z.Multistream(false)
	g.inside = true
	return nil
}

// gzipError tells damage to the stream from a failure to read it.
func gzipError(err error) error {
	var corrupt flate.CorruptInputError
	switch {
	case err == io.ErrUnexpectedEOF:
		return fmt.Errorf("the gzip stream ends early (%w)", err)
	case err == gzip.ErrHeader, err == gzip.ErrChecksum, errors.As(err, &corrupt):
		return fmt.Errorf("the gzip stream is damaged (%w)", err)
	}
	return err
}
