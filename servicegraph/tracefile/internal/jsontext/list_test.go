package jsontext

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// FuzzListStream compares the splitting of lists with the standard library.
func FuzzListStream(f *testing.F) {
	for _, seed := range []string{
		`{}`, `[]`, `[{},{"a":[1,{}]}]`, `[[{"a":1}],[],[[{}]]] {"b":{}}`, "[\n{}\n,\n{}]\n[{}]", `{"data":[{"a":1},{}],"b":2}`, `{"data":[[{}]]}{"data":[]}`,
		`{"data":[{}]`, `{"data":[{}],}`, `{"data":[{}]} x`, `[{}`, `[{]`, `[7]`, `{"data" : [ {} ] }`, `{"data":{}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 1<<12 {
			return
		}
		want, valid := flattened(b)
		o := NewListStream(bufio.NewReaderSize(bytes.NewReader(b), 16), unlimited, 3000, "data")
		end := int64(0)
		var got []json.RawMessage
		for {
			object, err := o.Next()
			if err == io.EOF {
				break
			}
			malformed, ok := errors.AsType[*MalformedError](err)
			if err != nil && valid {
				t.Fatalf("%q is JSON: %v", b, err)
			}
			if err != nil && !ok {
				return // the rest is lost
			}
			if o.Start() < end || o.Start() > int64(len(b)) {
				t.Fatalf("object at %d, before %d of %d (%v)", o.Start(), end, len(b), malformed)
			}
			end = o.Start()
			if err == nil {
				got = append(got, bytes.Clone(object))
			}
		}
		if valid && !cmp.Equal(want, got) {
			t.Errorf("%q (-want +got):\n%s", b, cmp.Diff(want, got))
		}
	})
}

// flattened returns the objects in JSON values: the elements of lists, and, for an object that
// begins with a list under "data", the elements and then the object with an empty list. The
// values are not valid if they hold anything else.
func flattened(b []byte) (objects []json.RawMessage, valid bool) {
	d := json.NewDecoder(bytes.NewReader(b))
	for {
		var value json.RawMessage
		err := d.Decode(&value)
		if err == io.EOF {
			return objects, true
		}
		if err != nil || !utf8.Valid(value) || bytes.ContainsAny(b, "\xef\xbb\xbf") {
			return nil, false
		}
		if !flatten(value, true, &objects) {
			return nil, false
		}
	}
}

func flatten(value json.RawMessage, outermost bool, objects *[]json.RawMessage) bool {
	switch value[0] {
	case '{':
		inner, rest, ok := wrapped(value)
		if !outermost || !ok {
			*objects = append(*objects, value)
			return true
		}
		if !flatten(inner, false, objects) {
			return false
		}
		*objects = append(*objects, rest)
		return true
	case '[':
		var list []json.RawMessage
		if json.Unmarshal(value, &list) != nil {
			return false
		}
		for _, element := range list {
			if !flatten(element, false, objects) {
				return false
			}
		}
		return true
	}
	return false
}

// wrapped splits an object that begins with a list under "data".
func wrapped(object json.RawMessage) (inner, rest json.RawMessage, ok bool) {
	d := json.NewDecoder(bytes.NewReader(object))
	d.Token()
	if key, err := d.Token(); err != nil || key != "data" || !bytes.Contains(object[:d.InputOffset()], []byte(`"data"`)) {
		return nil, nil, false
	}
	if err := d.Decode(&inner); err != nil || inner[0] != '[' {
		return nil, nil, false
	}
	return inner, append([]byte(`{"data":[]`), object[d.InputOffset():]...), true
}
