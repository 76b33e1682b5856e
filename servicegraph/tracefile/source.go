package tracefile

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strconv"
	"strings"

	"github.com/tempograph/tempograph/internal/quantity"
	"github.com/tempograph/tempograph/servicegraph"
)

// A source is one input on its way to the consumer: where its spans go, and what
// has come of it so far.
type source struct {
	name  string
	keep  func(key string) bool
	yield func(servicegraph.Span, error) bool

	// intake, if set, takes the spans of forms that can be read without making values
	// of type Span, and loaded, if set, takes what it holds, between records, and reports
	// whether to go on. Errors, and other spans, go to yield.
	intake *servicegraph.Intake
	loaded func(*servicegraph.Intake) bool

	stopped bool // loaded said not to go on: whoever passes on looks between records

	pipeline *pipeline // decodes records of forms that can be; nil if this goroutine does

	record int   // number of the record being read, from 1
	offset int64 // where it begins in the uncompressed input

	spans   int
	skipped int
	first   *servicegraph.SkipError // the first record that was skipped

	rejected     int   // spans that were skipped for what they say, in an encoding that is right
	rejection    error // of the first of them
	unidentified int   // spans without an identity, which are passed on for the builder to count
}

// errStopped says that the consumer wants no more. It never reaches a caller.
var errStopped = errors.New("tracefile: the consumer stopped")

func newSource(name string, cfg Config, yield func(servicegraph.Span, error) bool) *source {
	keep := cfg.Keep
	if keep == nil {
		keep = func(string) bool { return true }
	}
	return &source{name: name, keep: keep, yield: yield}
}

// run reads an input to its end and reports how it ended, if not well.
func (s *source) run(r io.Reader, limit int) {
	if err := s.read(r, limit); err != nil && err != errStopped {
		s.yield(servicegraph.Span{}, fmt.Errorf("reading %s: %w", s.name, err))
	}
}

// span passes a span on.
func (s *source) span(sp servicegraph.Span) error {
	s.note(sp.TraceID, sp.SpanID)
	if !s.yield(sp, nil) {
		return errStopped
	}
	return nil
}

// note counts a span that is passed on.
func (s *source) note(trace servicegraph.TraceID, span servicegraph.SpanID) {
	s.spans++
	if trace.IsZero() || span.IsZero() {
		s.unidentified++
	}
}

// passOn passes the spans in the intake on if there are as many.
func (s *source) passOn(many int) {
	if s.loaded != nil && s.intake.Len() >= many && !s.loaded(s.intake) {
		s.stopped = true
	}
}

// skip reports that the current record, or a part of it, was left out.
func (s *source) skip(reason error) error {
	return s.report(&servicegraph.SkipError{Source: s.name, Record: s.record, Offset: s.offset, Err: reason})
}

// report counts and passes on that something was left out.
func (s *source) report(e *servicegraph.SkipError) error {
	s.skipped++
	if s.first == nil {
		s.first = e
	}
	if !s.yield(servicegraph.Span{}, e) {
		return errStopped
	}
	return nil
}

// reject is skip of n spans for what they, or their resource, say.
func (s *source) reject(n int, reason error) error {
	if s.rejected == 0 {
		s.rejection = reason
	}
	s.rejected += n
	return s.skip(reason)
}

// headSize is how much of an input is looked at to tell its form.
const headSize = 64 << 10

// read reads an input in whatever form it has. Its error completes the sentence
// "reading NAME: …".
func (s *source) read(r io.Reader, limit int) error {
	in, err := s.open(r)
	if err != nil {
		return err
	}
	return s.finish(in, in.form.read(s, in.Reader, limit))
}

// A recognized input is one whose form is known, uncompressed.
type recognized struct {
	*bufio.Reader
	form  format
	small bool  // all of it is there
	size  int64 // bytes, before they are uncompressed; -1 if that is not known

	codec string  // that it was compressed with: gzip, zstd, or empty
	unzip *gunzip // that it comes from; nil if the codec is another
}

// open recognizes an input.
func (s *source) open(r io.Reader) (in recognized, err error) {
	in.size = sizeOf(r)
	sticky := &stickyReader{r: r}
	in.Reader = bufio.NewReaderSize(sticky, headSize)
	magic, _ := in.Peek(len(zstdMagic))
	switch {
	case bytes.HasPrefix(magic, []byte(gzipMagic)):
		in.codec = "gzip"
		in.unzip = &gunzip{in: in.Reader}
		in.Reader = bufio.NewReaderSize(in.unzip, headSize)
	case string(magic) == zstdMagic:
		in.codec = "zstd"
		unzip, err := newUnzstd(in.Reader, sticky)
		if err != nil {
			return in, s.lost(err)
		}
		in.Reader = bufio.NewReaderSize(unzip, headSize)
	}
	head, err := in.Peek(headSize)
	in.small = err == io.EOF
	if len(head) == 0 {
		switch {
		case err != io.EOF:
			return in, s.lost(err)
		case in.codec != "":
			return in, fmt.Errorf("it is empty: a %s stream of nothing", in.codec)
		}
		return in, errors.New("it is empty")
	}
	form, ok := formOf(head)
	if !ok {
		if err != nil && err != io.EOF {
			return in, s.lost(err)
		}
		if in.small && len(bytes.Trim(head, blanks)) == 0 {
			return in, errors.New("it is empty: nothing but blanks")
		}
		return in, fmt.Errorf("not a trace file: want OTLP JSON or protobuf, or JSON of Tempo, Jaeger or Zipkin, gzip, zstd or neither; it %s", beginning(head))
	}
	in.form = form
	return in, nil
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

// finish says what is to say when reading has ended, with an error or not.
func (s *source) finish(in recognized, err error) error {
	switch {
	case err == errStopped:
		return err
	case err != nil:
		return s.lost(err)
	case s.spans == 0 && s.skipped > 0:
		return fmt.Errorf("no span could be read: %s left out, the first at byte %d: %w", quantity.Of(s.skipped, "record"), s.first.Offset, s.first.Err)
	case in.unzip != nil && in.unzip.trailing:
		s.record, s.offset = 0, -1
		return s.skip(errors.New("what follows the gzip stream is not gzip, and was ignored"))
	}
	return nil
}

// lost says how far reading came before the input was lost.
func (s *source) lost(err error) error {
	advice := ""
	if errors.Is(err, io.ErrUnexpectedEOF) {
		advice = "; it was cut off while being written or copied"
	}
	return fmt.Errorf("%w after %s%s", cause(err), quantity.Of(s.spans, "span"), advice)
}

// beginning says what an input is, or how it begins, that was not recognized.
func beginning(head []byte) string {
	switch {
	case isText(head):
		return "starts with " + excerpt(head)
	case bytes.HasPrefix(head, []byte("\xff\xfe")), bytes.HasPrefix(head, []byte("\xfe\xff")):
		return "is text in UTF-16: save it in UTF-8"
	}
	return fmt.Sprintf("starts with the bytes % x", head[:min(len(head), 8)])
}

// excerpt quotes the beginning of the first line that is not blank, or of JSON spread
// over lines.
func excerpt(b []byte) string {
	b = bytes.TrimLeft(b, blanks)
	line, rest, _ := bytes.Cut(b, []byte("\n"))
	if len(bytes.TrimRight(line, blanks)) == 1 && (line[0] == '{' || line[0] == '[') {
		line = bytes.Join(bytes.Fields(b[:len(line)+min(len(rest), 400)]), []byte(" "))
	}
	s := shorten(string(bytes.TrimRight(line, "\r")), 40)
	if strings.Contains(s, `"`) && strconv.CanBackquote(s) {
		return "`" + s + "`"
	}
	return strconv.Quote(s)
}

// shorten cuts a string to at most n bytes and marks the cut.
func shorten(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return s[:n] + "…"
}

// A stickyReader repeats the first error of a reader, which a bufio.Reader
// forgets once it has returned it, and never reads nothing without one.
type stickyReader struct {
	r   io.Reader
	err error
}

func (s *stickyReader) Read(p []byte) (n int, err error) {
	for try := 0; n == 0 && s.err == nil && len(p) > 0; try++ {
		n, s.err = s.r.Read(p)
		if try == 100 {
			s.err = cmp.Or(s.err, io.ErrNoProgress)
		}
	}
	if n > 0 {
		return n, nil
	}
	return 0, s.err
}
