package jsontext

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// unlimited is a limit on objects that no test reaches.
const unlimited = 1 << 30

// newTestStream returns a stream of b that arrives in pieces of a size.
func newTestStream(b []byte, size, limit int) *Stream {
	s := NewStream(bufio.NewReaderSize(bytes.NewReader(b), size), limit)
	return &s
}

// FuzzStream compares a stream with the standard library, and with a stream of the same
// input that arrives in one piece.
func FuzzStream(f *testing.F) {
	for _, seed := range []string{
		`{}`, `{"a":[1,-2.5e+3,true,false,null,"x\"\\\u0041"]} {"b":{}}`, "{\n}\n{}", `{"a":[]}{"b":[[],{}]}`, `{"a":1,}`, `{"a" "b"}`, `{"a":"` + "\n" + `"}`,
		"{]\n{}", "[\n{}", "{}\n\xef\xbb\xbf{}", "{\n\"a\":0\n{\n\"b\":0\n}\n{}", "{\"a text that is quoted\":\n}", "{\"a\":\"of twenty-one\"}{}", `{"a":` + strings.Repeat("[", 10) + strings.Repeat("]", 10) + "}",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, limit := range []int{unlimited, 20} {
			pieces := splitObjects(newTestStream(b, 16, limit))
			if diff := cmp.Diff(splitObjects(newTestStream(b, len(b), limit)), pieces); diff != "" {
				t.Fatalf("limit of %d: in one piece and in many (-want +got):\n%s", limit, diff)
			}
		}
		if bytes.Count(b, []byte("{"))+bytes.Count(b, []byte("[")) > maxDepth {
			return // may be nested too deep
		}
		var want []json.RawMessage
		decoder := json.NewDecoder(bytes.NewReader(b))
		for {
			var raw json.RawMessage
			if err := decoder.Decode(&raw); err == io.EOF {
				break
			} else if err != nil || raw[0] != '{' {
				want = nil
				break
			}
			want = append(want, raw)
		}

		v := newTestStream(b, 16, unlimited)
		end := int64(0)
		var got []json.RawMessage
		for {
			object, err := v.Next()
			if err == io.EOF {
				break
			}
			if v.start < end || v.start >= int64(len(b)) {
				t.Fatalf("object at %d, before %d of %d", v.start, end, len(b))
			}
			end = v.start + 1
			if err != nil {
				if len(want) > 0 {
					t.Fatalf("%q is JSON: %v", b, err)
				}
				continue
			}
			end = v.start + int64(len(object))
			if !bytes.Equal(b[v.start:end], object) {
				t.Fatalf("at %d: %q", v.start, object)
			}
			got = append(got, bytes.Clone(object))
		}
		if want != nil && !cmp.Equal(want, got) {
			t.Errorf("(-want +got):\n%s", cmp.Diff(want, got))
		}
	})
}

// splitObjects returns where the objects of a stream begin, and each object or the reason why
// it is malformed.
func splitObjects(v *Stream) (list []string) {
	for {
		object, err := v.Next()
		switch {
		case err == io.EOF:
			return list
		case err != nil:
			object = []byte(err.Error())
		}
		list = append(list, fmt.Sprintf("%d: %q", v.start, object))
	}
}
