// Package inflate decompresses inputs: gzip and zstd, told by their first bytes.
package inflate

import (
	"bufio"
	"bytes"
	"io"
)

// A Stream is an input without its compression. Its embedded reader buffers it.
type Stream struct {
	*bufio.Reader
	Codec string // of the input: "gzip", "zstd", or empty where it is not compressed

	gzip *gzipReader // nil with another codec
}

// New returns the stream of an input, with a buffer of a size. The error says why
// the input cannot be decompressed.
func New(r io.Reader, bufferSize int) (Stream, error) {
	in := &stickyReader{r: r}
	s := Stream{Reader: bufio.NewReaderSize(in, bufferSize)}
	magic, _ := s.Peek(len(zstdMagic)) // a reader's error comes again with the first byte
	switch {
	case bytes.HasPrefix(magic, []byte(gzipMagic)):
		s.Codec = "gzip"
		s.gzip = &gzipReader{in: s.Reader}
		s.Reader = bufio.NewReaderSize(s.gzip, bufferSize)
	case string(magic) == zstdMagic:
		s.Codec = "zstd"
		z, err := newZstdReader(s.Reader, in)
		if err != nil {
			return s, err
		}
		s.Reader = bufio.NewReaderSize(z, bufferSize)
	}
	return s, nil
}

// IgnoredTail reports whether bytes that are not gzip followed a gzip stream. They were
// not read. The answer is final when the stream has ended.
func (s *Stream) IgnoredTail() bool { return s.gzip != nil && s.gzip.ignoredTail }
