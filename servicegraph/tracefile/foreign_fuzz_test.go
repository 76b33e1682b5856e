package tracefile

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/tempograph/tempograph/servicegraph"
)

// FuzzJaeger reads any input as Jaeger's JSON.
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

// FuzzZipkin reads any input as Zipkin's JSON.
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

// checkReader reads an input: reading ends, with errors of one line and no more spans than
// the input has bytes, and each span is valid.
func checkReader(t *testing.T, data []byte, read func(s *sink, in *input) error) {
	if len(data) > maxFuzzed {
		return
	}
	events := 0
	final := read(newSink("input", Config{}, yieldOutput(func(s servicegraph.Span, err error) bool {
		if events++; events > len(data) {
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
		if len(s.Links) > len(data) {
			t.Errorf("%d links", len(s.Links))
		}
		return true
	})), inputOf(data, 16, 1<<14))
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
