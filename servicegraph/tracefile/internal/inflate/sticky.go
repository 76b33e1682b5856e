package inflate

import (
	"cmp"
	"io"
)

// A stickyReader repeats the first error of a reader, which a bufio.Reader forgets after
// it has returned the error once. It never returns 0 bytes without an error.
type stickyReader struct {
	r   io.Reader
	err error
}

// maxEmptyReads is how many reads of 0 bytes in a row a reader may return.
const maxEmptyReads = 100

func (s *stickyReader) Read(p []byte) (n int, err error) {
	for try := 0; n == 0 && s.err == nil && len(p) > 0; try++ {
		n, s.err = s.r.Read(p)
		if try == maxEmptyReads {
			s.err = cmp.Or(s.err, io.ErrNoProgress)
		}
	}
	if n > 0 {
		return n, nil
	}
	return 0, s.err
}
