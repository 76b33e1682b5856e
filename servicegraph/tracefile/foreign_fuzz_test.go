package tracefile

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/tempograph/tempograph/servicegraph"
)

// FuzzJaeger reads anything as Jaeger's JSON.
func FuzzJaeger(f *testing.F) {
	for _, seed := range []string{
		jaegerTraceJSON,
		`{"data":[` + jaegerTraceJSON + `],"total":0,"errors":[{"msg":"m"}]}`,
		`{"errors":null,"data":[` + jaegerTraceJSON + `]}` + "\n" + jaegerTraceJSON,
		`[{"spans":[{"traceID":"1","spanID":"a_1","parentSpanID":"b"},7]},[]]`,
		`{"spans":[{"traceID":"1","spanID":"a","references":[{"refType":"CHILD_OF","traceID":"1","spanID":"b","span":{"references":[{}]}}],"startTime":1e15,"duration":18446744073709551615,"process":{}}]}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, input []byte) { checkReader(t, input, readJaeger) })
}

// FuzzZipkin reads anything as Zipkin's JSON.
func FuzzZipkin(f *testing.F) {
	for _, seed := range []string{
		zipkinSpanJSON,
		"[" + zipkinSpanJSON + "]",
		"[[" + zipkinSpanJSON + "],[]]",
		`{"traceId":"1","id":"a","timestamp":1.5,"duration":-1,"remoteEndpoint":{"port":"80"},"tags":{"a":[],"error":""}}` + "\n{}\nnot JSON\n[1]",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, input []byte) { checkReader(t, input, readZipkin) })
}

// checkReader reads an input: that ends, with errors of one line, with no more
// spans than the input has room for, and each is valid.
func checkReader(t *testing.T, input []byte, read func(s *source, in *bufio.Reader, limit int) error) {
	if len(input) > 1<<16 {
		return // the fuzzer's time is better spent on shapes
	}
	events := 0
	final := read(newSource("input", Config{}, func(s servicegraph.Span, err error) bool {
		if events++; events > len(input) {
			t.Fatal("no end")
		}
		if err != nil {
			if _, ok := errors.AsType[*servicegraph.SkipError](err); !ok {
				t.Fatalf("not a skipped record: %v", err)
			}
			checkError(t, err)
			return true
		}
		for _, text := range append([]string{s.Name, s.Service, s.Namespace}, texts(s)...) {
			if !utf8.ValidString(text) {
				t.Errorf("invalid UTF-8: %q", text)
			}
		}
		if s.Start < 0 || s.End < 0 || s.Kind > servicegraph.KindConsumer || s.Status > servicegraph.StatusError || s.Weight < 0 {
			t.Errorf("out of range: %+v", s)
		}
		if len(s.Links) > len(input) {
			t.Errorf("%d links", len(s.Links))
		}
		return true
	}), bufio.NewReaderSize(bytes.NewReader(input), 16), 1<<14)
	if final != nil {
		checkError(t, final)
	}
}

func checkError(t *testing.T, err error) {
	t.Helper()
	if text := err.Error(); strings.ContainsAny(text, "\r\n") || len(text) > 1000 {
		t.Errorf("not one short line: %q", text)
	}
}

// FuzzObjects compares the splitting of lists with the standard library's.
func FuzzObjects(f *testing.F) {
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
		o := newObjects(bufio.NewReaderSize(bytes.NewReader(b), 16), maxRecord, "data")
		end := int64(0)
		var got []json.RawMessage
		for {
			object, err := o.next()
			if err == io.EOF {
				break
			}
			broken, ok := errors.AsType[*brokenValue](err)
			if err != nil && valid {
				t.Fatalf("%q is JSON: %v", b, err)
			}
			if err != nil && !ok {
				return // lost
			}
			if o.start < end || o.start > int64(len(b)) {
				t.Fatalf("value at %d behind %d of %d (%v)", o.start, end, len(b), broken)
			}
			end = o.start
			if err == nil {
				got = append(got, bytes.Clone(object))
			}
		}
		if valid && !cmp.Equal(want, got) {
			t.Errorf("%q (-want +got):\n%s", b, cmp.Diff(want, got))
		}
	})
}

// flattened returns the objects of JSON values, of lists their elements, and of
// objects that begin with a list of data its elements and then the rest. It is not
// valid if there is anything else.
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

// wrapped splits an object that begins with a list of data.
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
