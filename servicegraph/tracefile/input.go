package tracefile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/tempograph/tempograph/internal/quantity"
	"github.com/tempograph/tempograph/servicegraph/tracefile/internal/inflate"
	"github.com/tempograph/tempograph/servicegraph/tracefile/internal/jsontext"
	"github.com/tempograph/tempograph/servicegraph/tracefile/internal/quote"
)

// An input is a trace file, decompressed, whose format is known.
type input struct {
	inflate.Stream
	format format
	limit  int // bytes of a record; a larger one is skipped

	memory []byte // the whole input, if it is in memory and not compressed: a format may read it in place of the reader

	size  int64 // in bytes, before it is decompressed; -1 if unknown
	small bool  // the whole input is in the buffer
}

// headSize is how many bytes of an input are examined to detect its format.
const headSize = 64 << 10

// openInput detects the compression and the format of an input. If the input is in memory, memory has
// the same bytes as r; otherwise memory is nil.
func openInput(r io.Reader, memory []byte, limit int) (*input, error) {
	stream, err := inflate.New(r, headSize)
	if err != nil {
		return nil, lostError(err, 0)
	}
	in := &input{Stream: stream, limit: limit, size: sizeOf(r)}
	if stream.Codec == "" {
		in.memory = memory
	}
	head, err := in.Peek(headSize)
	in.small = err == io.EOF
	if len(head) == 0 {
		switch {
		case err != io.EOF:
			return nil, lostError(err, 0)
		case in.Codec != "":
			return nil, foreignf("it is empty: a %s stream without content", in.Codec)
		}
		return nil, foreignf("it is empty: check the program that writes the traces")
	}
	var ok bool
	if in.format, ok = formatOf(head); ok {
		return in, nil
	}
	if err != nil && err != io.EOF {
		return nil, lostError(err, 0)
	}
	if in.small && len(bytes.Trim(head, jsontext.Blanks)) == 0 {
		return nil, foreignf("it is empty: only white space")
	}
	return nil, foreignf("not a trace file: want OTLP JSON or protobuf, or JSON of Tempo, Jaeger or Zipkin, plain or compressed with gzip or zstd; it %s", beginning(head))
}

// sizeOf returns how many bytes a reader has, -1 if it does not say.
func sizeOf(r io.Reader) int64 {
	switch r := r.(type) {
	case interface{ Len() int }:
		return int64(r.Len())
	case interface{ Stat() (fs.FileInfo, error) }:
		if info, err := r.Stat(); err == nil && info.Mode().IsRegular() {
			return info.Size()
		}
	}
	return -1
}

// summarize returns the error to report after reading has ended; nil if all went well. err is the
// error that ended reading.
func (s *sink) summarize(in *input, err error) error {
	switch {
	case err == errStopped:
		return err
	case err != nil:
		return lostError(err, s.spans)
	case s.spans == 0 && s.skipped > 0:
		return foreignf("no span could be read: %s left out, the first at byte %d: %w", quantity.Of(s.skipped, "record"), s.first.Offset, s.first.Err)
	case in.IgnoredTail():
		s.record, s.offset = 0, -1
		return s.skip(errors.New("the bytes after the gzip stream are not gzip and were ignored"))
	}
	return nil
}

// A foreignError is an [ErrNotTraceFile] with the reason.
type foreignError struct{ error }

func foreignf(format string, args ...any) error { return foreignError{fmt.Errorf(format, args...)} }

func (e foreignError) Is(target error) bool { return target == ErrNotTraceFile }
func (e foreignError) Unwrap() error        { return e.error }

// lostError says how many spans were read before the input was lost.
func lostError(err error, spans int) error {
	advice := ""
	if errors.Is(err, io.ErrUnexpectedEOF) {
		advice = "; it was cut off while being written or copied"
	}
	return fmt.Errorf("%w after %s%s", withoutPath(err), quantity.Of(spans, "span"), advice)
}

// beginning completes "it …" for an input whose format is unknown: how it starts.
func beginning(head []byte) string {
	switch {
	case isText(head):
		return "starts with " + quote.Excerpt(head)
	case bytes.HasPrefix(head, []byte("\xff\xfe")), bytes.HasPrefix(head, []byte("\xfe\xff")):
		return "is text in UTF-16: save it in UTF-8"
	}
	return fmt.Sprintf("starts with the bytes % x", head[:min(len(head), 8)])
}
