// Package jsonstream reads a large JSON object or list in parts. The caller decides which objects
// and lists are read element by element, and which values are read whole. Neither a long value nor
// long white space takes more memory than the limit on one value.
package jsonstream

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/tempograph/tempograph/internal/quantity"
)

// A Reader reads one JSON object or list. Each method reads the next part of the text, so that the
// caller must call them in the order of the text.
type Reader struct {
	decoder *json.Decoder
	text    limitedReader
}

// Limits are numbers of bytes.
type Limits struct {
	Value int64 // limit on a value that is read whole, including the white space before the value
	Total int64 // limit on the whole text
}

// ErrTooLarge is the error about a text beyond the limits. Errors wrap it.
var ErrTooLarge = errors.New("too large")

// New returns a reader of a text. The Reader may read more bytes from r than the object or list
// has.
func New(r io.Reader, limits Limits) *Reader {
	s := &Reader{text: limitedReader{r: r, limits: limits}}
	s.decoder = json.NewDecoder(&s.text)
	return s
}

// Object reads an object and calls field for each of its keys. field must read exactly the value of
// its key. Object does nothing if the value is null.
func (s *Reader) Object(field func(key string) error) error {
	return s.inside('{', "an object", func() error {
		key, err := s.token()
		if err != nil {
			return err
		}
		return field(key.(string)) // the decoder accepts no other key
	})
}

// List reads a list and calls element for each of its elements. element must read exactly one
// element. List does nothing if the value is null.
func (s *Reader) List(element func() error) error {
	return s.inside('[', "a list", element)
}

// Value reads a value as [json.Unmarshal] does. An error about a wrong type names types of JSON,
// not of Go. An error about the text says where the value is.
func (s *Reader) Value(v any) error {
	s.text.begin(s.decoder)
	return s.located(reworded(s.decoder.Decode(v), v))
}

// Incomplete says whether an error is about a text that ends early, that cannot be read further or
// that is too large, rather than about what the text says.
func (s *Reader) Incomplete(err error) bool {
	return s.text.failed || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, ErrTooLarge)
}

// located adds to an error about the text where the value that is being read begins.
func (s *Reader) located(err error) error {
	if err == nil || s.Incomplete(err) {
		return err
	}
	return fmt.Errorf("%w, after byte %d", err, s.text.start)
}

// End returns an error if anything but white space follows in the text.
func (s *Reader) End() error {
	switch token, err := s.token(); {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return nil
	case err != nil:
		return err
	default:
		return fmt.Errorf("%v after the end, at byte %d", token, s.decoder.InputOffset())
	}
}

// Skip reads a value and discards it.
func (s *Reader) Skip() error { return s.Value(&dropped{}) }

// dropped decodes any value and keeps nothing.
type dropped struct{}

func (*dropped) UnmarshalJSON([]byte) error { return nil }

// inside calls each for each element of a list or object.
func (s *Reader) inside(open json.Delim, want string, each func() error) error {
	begin, err := s.token()
	if err != nil || begin == nil {
		return err
	}
	if begin != open {
		return fmt.Errorf("want %s, got %v before byte %d", want, begin, s.decoder.InputOffset())
	}
	for s.more() {
		if err := each(); err != nil {
			return err
		}
	}
	_, err = s.token()
	return err
}

func (s *Reader) more() bool {
	s.text.begin(s.decoder)
	return s.decoder.More()
}

// token reads a bracket, a key, or a short value.
func (s *Reader) token() (json.Token, error) {
	s.text.begin(s.decoder)
	token, err := s.decoder.Token()
	if err == io.EOF && s.text.read > 0 {
		err = io.ErrUnexpectedEOF
	}
	return token, s.located(err)
}

// A limitedReader reads a text, and returns an error when the text exceeds a limit.
type limitedReader struct {
	r      io.Reader
	limits Limits

	read  int64 // how many bytes of the text have been read
	start int64 // offset of the value that is being read

	failed bool // r has returned an error other than the end of the text
}

// begin records that the decoder begins to read the next value.
func (l *limitedReader) begin(d *json.Decoder) { l.start = d.InputOffset() }

func (l *limitedReader) Read(p []byte) (int, error) {
	switch {
	case l.read >= l.limits.Total:
		return 0, fmt.Errorf("%w: more than %s", ErrTooLarge, quantity.Of(l.limits.Total, "byte"))
	case l.read-l.start >= l.limits.Value:
		return 0, fmt.Errorf("%w: a value at byte %d of more than %s", ErrTooLarge, l.start, quantity.Of(l.limits.Value, "byte"))
	}
	n, err := l.r.Read(p)
	l.read += int64(n)
	l.failed = l.failed || err != nil && err != io.EOF
	return n, err
}
