package inflate

import (
	"bufio"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"
)

const gzipMagic = "\x1f\x8b"

// A gzipReader decompresses a gzip stream of one or more members. It reads the members one by one.
// gzip.Reader can read all members by itself, but cannot distinguish a stream that is cut off from
// a complete stream with other bytes after it.
type gzipReader struct {
	in          *bufio.Reader
	z           gzip.Reader
	inside      bool // z is within a member
	ignoredTail bool // the bytes after the last member are not gzip
	err         error
}

func (g *gzipReader) Read(p []byte) (int, error) {
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

// nextMember starts the next member. The error is io.EOF if there is none.
func (g *gzipReader) nextMember() error {
	magic, err := g.in.Peek(len(gzipMagic))
	if len(magic) == 0 {
		return err
	}
	if string(magic) != gzipMagic {
		g.ignoredTail = true
		return io.EOF
	}
	if err := g.z.Reset(g.in); err != nil {
		return gzipError(err)
	}
	g.z.Multistream(false)
	g.inside = true
	return nil
}

// gzipError returns an error that says how the stream is damaged. An error of the underlying reader
// stays as it is.
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
