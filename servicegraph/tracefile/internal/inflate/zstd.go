package inflate

import (
	"bufio"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
)

const zstdMagic = "\x28\xb5\x2f\xfd"

// isZstd reports whether a stream begins with a frame of zstd. Skippable frames, with which pzstd
// begins, have magic numbers from 0x184D2A50 to 0x184D2A5F.
func isZstd(magic []byte) bool {
	return string(magic) == zstdMagic ||
		len(magic) == len(zstdMagic) && magic[0]&0xf0 == 0x50 && string(magic[1:]) == "\x2a\x4d\x18"
}

// A zstdReader decompresses a zstd stream of one or more frames. Other bytes after the
// frames are damage: with zstd, unlike with gzip, such bytes look like a damaged frame.
type zstdReader struct {
	z  *zstd.Decoder
	in *stickyReader // what z reads, below its buffer
}

// newZstdReader returns a reader that starts no goroutine and need not be closed.
func newZstdReader(buffered *bufio.Reader, in *stickyReader) (*zstdReader, error) {
	z, err := zstd.NewReader(buffered, zstd.WithDecoderConcurrency(1))
	return &zstdReader{z, in}, err
}

func (z *zstdReader) Read(p []byte) (int, error) {
	n, err := z.z.Read(p)
	switch {
	case err == nil || err == io.EOF:
		return n, err
	case z.in.err != nil && z.in.err != io.EOF: // the input failed, not the decoder
		return n, z.in.err
	case errors.Is(err, zstd.ErrWindowSizeExceeded):
		return n, errors.New("the zstd stream was compressed with a long window and needs more memory than the limit here: decompress it with zstd -dc --long=31, and pipe that in")
	case errors.Is(err, io.ErrUnexpectedEOF):
		return n, fmt.Errorf("the zstd stream ends early (%w)", io.ErrUnexpectedEOF)
	}
	return n, fmt.Errorf("the zstd stream is damaged (%w)", err)
}
