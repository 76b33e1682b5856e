package tracefile

import (
	"bufio"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
)

const zstdMagic = "\x28\xb5\x2f\xfd"

// An unzstd inflates a zstd stream of one or more frames. Other bytes behind them are
// damage: unlike with gzip, nothing tells them from a frame that begins wrong.
type unzstd struct {
	z    *zstd.Decoder
	from *stickyReader
}

// newUnzstd returns a reader of what in holds, compressed. It reads in the goroutine
// that reads from it, so that there is nothing to close.
func newUnzstd(in *bufio.Reader, from *stickyReader) (*unzstd, error) {
	z, err := zstd.NewReader(in, zstd.WithDecoderConcurrency(1))
	return &unzstd{z, from}, err
}

func (u *unzstd) Read(p []byte) (int, error) {
	n, err := u.z.Read(p)
	switch {
	case err == nil || err == io.EOF:
		return n, err
	case u.from.err != nil && u.from.err != io.EOF: // it was not the stream
		return n, u.from.err
	case errors.Is(err, zstd.ErrWindowSizeExceeded):
		return n, errors.New("the zstd stream needs more memory than it gets here, because it was compressed with a long window: inflate it with zstd -dc --long=31, and pipe that in")
	case errors.Is(err, io.ErrUnexpectedEOF):
		return n, fmt.Errorf("the zstd stream ends early (%w)", io.ErrUnexpectedEOF)
	}
	return n, fmt.Errorf("the zstd stream is damaged (%w)", err)
}
