package tracefile

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/tempograph/tempograph/internal/jsonstream"
	"github.com/tempograph/tempograph/servicegraph/tracefile/internal/jsontext"
	"github.com/tempograph/tempograph/servicegraph/tracefile/internal/quote"
)

// This file has the values of OTLP JSON, and the errors about them.

// A jsonList is the text of a list. It is nil if the list is absent or null.
type jsonList []byte

// elements returns the texts of the elements, one after the other.
func (l jsonList) elements() iter.Seq[[]byte] { return jsontext.Elements(l) }

// isEmpty reports whether the list has no elements.
func (l jsonList) isEmpty() bool {
	c := jsontext.Cursor{Text: l}
	c.Expect('[')
	return !c.Next(']')
}

// set sets a list to the value of a field.
func (l *jsonList) set(field string, value []byte) error {
	switch value[0] {
	case '[':
		*l = value
	case 'n':
		*l = nil
	default:
		return wrongType(field, "an array", value)
	}
	return nil
}

// setWrapped sets a list to resourceSpans in the object that is the value of a field.
func (l *jsonList) setWrapped(field string, value []byte) error {
	if err := wantObject(field, value); err != nil {
		return err
	}
	for key, value := range jsontext.Members(value) {
		if isKey(key, "resourceSpans") {
			if err := l.set(field+".resourceSpans", value); err != nil {
				return err
			}
		}
	}
	return nil
}

// setText sets a text to the content of the string that is the value of a field, as encoding/json
// decodes it. It changes nothing if the value is null.
func setText[T string | []byte](to *T, field string, value []byte) error {
	switch value[0] {
	case '"':
	case 'n':
		return nil
	default:
		return wrongType(field, "a string", value)
	}
	text := value[1 : len(value)-1]
	if bytes.IndexByte(text, '\\') < 0 && utf8.Valid(text) {
		*to = T(text)
		return nil
	}
	var decoded string
	err := json.Unmarshal(value, &decoded)
	*to = T(decoded)
	return err
}

// isKey reports whether a key has a name, in any case, as in encoding/json.
func isKey(key []byte, name string) bool {
	return string(key) == name || bytes.EqualFold(key, []byte(name))
}

// wantObject returns an error if a value is neither an object nor null.
func wantObject(field string, value []byte) error {
	if value[0] == '{' || value[0] == 'n' {
		return nil
	}
	return wrongType(field, "an object", value)
}

// wrongType returns the error about a value of the wrong type.
func wrongType(field, want string, value []byte) error {
	return fmt.Errorf("%s: want %s, got %s", field, want, typeOf(value))
}

// typeOf returns the type of a value, which is not null, in the words of encoding/json.
func typeOf(value []byte) string {
	switch value[0] {
	case '"':
		return "string"
	case '{':
		return "object"
	case '[':
		return "array"
	case 't', 'f':
		return "bool"
	}
	return "number"
}

// parseID reads an id of len(id) bytes in hexadecimal or base64. The length of the text
// distinguishes the two encodings, both for trace ids and for span ids.
func parseID[T string | []byte](id []byte, s T) error {
	var err error
	switch len(s) {
	case hex.EncodedLen(len(id)):
		_, err = hex.Decode(id, []byte(s))
	case base64.StdEncoding.EncodedLen(len(id)):
		var b []byte
		if b, err = base64.StdEncoding.DecodeString(string(s)); err == nil && len(b) != len(id) {
			err = fmt.Errorf("want %d bytes in base64, got %d", len(id), len(b))
		}
		copy(id, b)
	default:
		err = fmt.Errorf("want %d hexadecimal digits, got %d characters", hex.EncodedLen(len(id)), len(s))
	}
	if err != nil {
		return fmt.Errorf("%q: %w", quote.Shorten(string(s), 40), err)
	}
	return nil
}

// A jsonNumber is the text of a JSON number, or of a JSON string in its place: the JSON
// encoding of protobuf writes 64-bit integers as strings, and may write the values of an
// enum as names. It is empty if absent.
type jsonNumber string

func (n *jsonNumber) UnmarshalJSON(b []byte) error {
	switch c := b[0]; {
	case c == '"':
		return setText((*string)(n), "", b)
	case c == 'n': // null: absent
		return nil
	case c == '-' || '0' <= c && c <= '9':
		*n = jsonNumber(b)
		return nil
	}
	got := string(b) // true or false
	switch b[0] {
	case '{':
		got = "object"
	case '[':
		got = "array"
	}
	return &json.UnmarshalTypeError{Value: got, Type: reflect.TypeFor[int64]()}
}

// set sets a number to the value of a field.
func (n *jsonNumber) set(field string, value []byte) error {
	err := n.UnmarshalJSON(value)
	if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		e.Field = field
		return jsonError("", e)
	}
	return err
}

func (n jsonNumber) int() (int64, error) {
	if i, err := strconv.ParseInt(string(n), 10, 64); err == nil || n == "" {
		return i, nil
	}
	// 1e9 and 1.0 are also integers.
	if f, err := n.float(); err == nil && f == math.Trunc(f) && math.Abs(f) < 1<<63 {
		return int64(f), nil
	}
	return 0, fmt.Errorf("%q is not an integer", quote.Shorten(string(n), 40))
}

func (n jsonNumber) uint() (uint64, error) {
	if i, err := strconv.ParseUint(string(n), 10, 64); err == nil || n == "" {
		return i, nil
	}
	if f, err := n.float(); err == nil && f == math.Trunc(f) && f >= 0 && f < 1<<64 {
		return uint64(f), nil
	}
	return 0, fmt.Errorf("%q is not a positive integer", quote.Shorten(string(n), 40))
}

func (n jsonNumber) float() (float64, error) {
	f, err := strconv.ParseFloat(string(n), 64)
	if err != nil && n != "" {
		return 0, fmt.Errorf("%q is not a number", quote.Shorten(string(n), 40))
	}
	return f, nil
}

// enum returns n as a number. If n is a name, the number is its index in names.
func (n jsonNumber) enum(names []string) (int64, error) {
	if i := slices.Index(names, string(n)); i >= 0 {
		return int64(i), nil
	}
	i, err := n.int()
	if err != nil {
		err = fmt.Errorf("%w: want a number or one of %s", err, strings.Join(names, ", "))
	}
	return i, err
}

// jsonError rewords an error of encoding/json about an object: in JSON's terms, not in Go's.
func jsonError(object string, err error) error {
	if _, ok := errors.AsType[*json.UnmarshalTypeError](err); !ok {
		return fmt.Errorf("not JSON: %w", err)
	}
	return jsonstream.Reworded(err, object)
}

// jsonErrorIn is jsonError for an element of a list.
func jsonErrorIn(list string, err error) error {
	if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok && e.Field != "" {
		e.Field = list + "." + e.Field
	}
	return jsonError(list, err)
}
