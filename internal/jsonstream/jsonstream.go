// Package jsonstream reads a large JSON object or list piece by piece. The caller says which lists it
// reads element by element. Neither a long value nor long white space takes more memory than
// the limit on one value.
package jsonstream

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// A Reader reads one JSON object or list. Its methods read what comes next in the text, so they must
// be called in the order of the text.
type Reader struct {
	decoder *json.Decoder
	text    limitedReader
}

// Limits are numbers of bytes.
type Limits struct {
	Value int64 // of a value that is read at once, with the white space before it
	Total int64 // of the text
}

// ErrTooLarge is the error about a text beyond the limits. Errors wrap it.
var ErrTooLarge = errors.New("too large")

// New returns a reader of a text. It may read beyond the end of the object.
func New(r io.Reader, limits Limits) *Reader {
	s := &Reader{text: limitedReader{r: r, limits: limits}}
	s.decoder = json.NewDecoder(&s.text)
	return s
}

// Object reads an object and calls field for each of its keys. The function must read the
// value, and nothing else. Object does nothing if the value is null.
func (s *Reader) Object(field func(key string) error) error {
	return s.inside('{', "an object", func() error {
		key, err := s.token()
		if err != nil {
			return err
		}
		return field(key.(string)) // the decoder accepts no other key
	})
}

// List reads a list and calls element for each of its elements. The function must read the
// element, and nothing else. List does nothing if the value is null.
func (s *Reader) List(element func() error) error {
	return s.inside('[', "a list", element)
}

// Value reads a value as [json.Unmarshal] does. An error about a type is in JSON's terms.
func (s *Reader) Value(v any) error {
	s.text.begin(s.decoder)
	return Reworded(s.decoder.Decode(v), "a value")
}

// End returns an error if the text goes on.
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

// Skip reads a value and drops it.
func (s *Reader) Skip() error { return s.Value(&dropped{}) }

// dropped is a value of any type that is not kept.
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
	return token, err
}

// A limitedReader returns an error where the text goes beyond the limits.
type limitedReader struct {
	r      io.Reader
	limits Limits

	read  int64 // bytes of the text
	start int64 // of the value that is being read
}

// begin says that the decoder starts with the next value.
func (l *limitedReader) begin(d *json.Decoder) { l.start = d.InputOffset() }

func (l *limitedReader) Read(p []byte) (int, error) {
	switch {
	case l.read >= l.limits.Total:
		return 0, fmt.Errorf("%w: more than %d bytes", ErrTooLarge, l.limits.Total)
	case l.read-l.start >= l.limits.Value:
		return 0, fmt.Errorf("%w: a value at byte %d of more than %d bytes", ErrTooLarge, l.start, l.limits.Value)
	}
	n, err := l.r.Read(p)
	l.read += int64(n)
	return n, err
}
