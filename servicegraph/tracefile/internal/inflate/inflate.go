// Package inflate decompresses inputs. It detects gzip and zstd from the first bytes.
package inflate

import (
	"bufio"
	"bytes"
	"io"
)

// A Stream is a decompressed input. The embedded reader buffers the decompressed bytes.
type Stream struct {
	*bufio.Reader
	Codec string // of the input: "gzip", "zstd", or empty if it is not compressed

	gzip *gzipReader // nil with another codec
}

// New returns the stream of an input, with a buffer of bufferSize bytes. The error says why
// the input cannot be decompressed.
func New(r io.Reader, bufferSize int) (Stream, error) {
	in := &stickyReader{r: r}
	s := Stream{Reader: bufio.NewReaderSize(in, bufferSize)}
	magic, _ := s.Peek(len(zstdMagic)) // an error of r is returned again by the first read
	switch {
	case bytes.HasPrefix(magic, []byte(gzipMagic)):
		s.Codec = "gzip"
		s.gzip = &gzipReader{in: s.Reader}
		s.Reader = bufio.NewReaderSize(s.gzip, bufferSize)
	case isZstd(magic):
		s.Codec = "zstd"
		z, err := newZstdReader(s.Reader, in)
		if err != nil {
			return s, err
		}
		s.Reader = bufio.NewReaderSize(z, bufferSize)
	}
	return s, nil
}

// IgnoredTail reports whether a gzip stream was followed by bytes that are not gzip, which were
// not read. The answer is final when the stream has ended.
func (s *Stream) IgnoredTail() bool { return s.gzip != nil && s.gzip.ignoredTail }
