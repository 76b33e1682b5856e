package tracefile

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	tracev1 "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/tempograph/tempograph/servicegraph"
)

// maxFuzzed is the size in bytes of the largest input that is fuzzed. Larger inputs are slow and
// find no more.
const maxFuzzed = 1 << 12

// small returns the requests as seeds of a few hundred bytes. There is one seed for each resource,
// without long texts and with only a few attributes for each span. Fuzz targets run small inputs
// more often, and more mutations of small inputs have an effect.
func small(requests []*tracev1.TracesData) (seeds []*tracev1.TracesData) {
	const most = 5 // attributes
	for _, r := range requests {
		for _, rs := range r.ResourceSpans {
			if proto.Size(rs) > 2<<10 {
				continue
			}
			spans := rs.ScopeSpans
			for from := 0; ; from += most {
				part, more := &tracev1.ResourceSpans{Resource: rs.Resource, SchemaUrl: rs.SchemaUrl}, false
				for _, ss := range spans {
					scope := &tracev1.ScopeSpans{Scope: ss.Scope}
					for _, s := range ss.Spans {
						s := proto.Clone(s).(*tracev1.Span)
						s.Attributes = s.Attributes[min(from, len(s.Attributes)):]
						if len(s.Attributes) > most {
							s.Attributes, more = s.Attributes[:most], true
						}
						scope.Spans = append(scope.Spans, s)
					}
					part.ScopeSpans = append(part.ScopeSpans, scope)
				}
				seeds = append(seeds, &tracev1.TracesData{ResourceSpans: []*tracev1.ResourceSpans{part}})
				if !more {
					break
				}
			}
		}
	}
	return seeds
}

// FuzzRead reads any input. Reading must end, each error must have one line, the spans must be
// valid, and there must not be more of them than the input can hold.
func FuzzRead(f *testing.F) {
	var seeds [][]byte
	for _, r := range small(everything()) {
		seeds = append(seeds, jsonLines(f, r, r), delimited(f, r, r), message(f, r), otlpJSON(f, r, protojson.MarshalOptions{Multiline: true}))
	}
	for _, seed := range append(seeds,
		[]byte("bad\n{\"resourceSpans\":[}\n{\"resourceSpans\":[]}\n"), []byte("{\n"), []byte{0x0a}, []byte{0x1f, 0x8b},
	) {
		f.Add(seed)
		f.Add(zip(f, seed))
	}
	f.Fuzz(func(t *testing.T, input []byte) {
		if len(input) > maxFuzzed {
			return
		}
		var spans []servicegraph.Span
		var final error
		events := 0
		for s, err := range Read(io.LimitReader(bytes.NewReader(input), 1<<20), "input", Config{}) {
			if final != nil {
				t.Fatalf("after the final error %q: %v, %v", final, s, err)
			}
			if events++; events > 1<<22 {
				t.Fatal("no end")
			}
			if _, ok := errors.AsType[*servicegraph.SkipError](err); !ok {
				final = err
			}
			if err != nil {
				if text := err.Error(); strings.ContainsAny(text, "\r\n") || len(text) > 1000 {
					t.Errorf("not one short line: %q", text)
				}
				continue
			}
			spans = append(spans, s)
			for _, text := range append([]string{s.Name, s.Service, s.Namespace}, texts(s)...) {
				if !utf8.ValidString(text) {
					t.Errorf("invalid UTF-8: %q", text)
				}
			}
			if s.Start < 0 || s.End < 0 || s.Kind > servicegraph.KindConsumer || s.Status > servicegraph.StatusError {
				t.Errorf("out of range: %+v", s)
			}
		}
		if len(input) > 0 && events == 0 && len(bytes.TrimSpace(input)) == 0 {
			t.Error("blanks were taken for a trace file")
		}
	})
}

func texts(s servicegraph.Span) []string {
	var list []string
	for _, a := range s.Attrs {
		list = append(list, a.Key, a.Value)
	}
	for _, a := range s.Resource {
		list = append(list, a.Key, a.Value)
	}
	return list
}

// FuzzWire compares the decoder with the official one: both read the same spans from an input
// that the official one accepts. Other input may be read in part, and must not panic.
func FuzzWire(f *testing.F) {
	for _, r := range small(everything()) {
		f.Add(message(f, r))
	}
	split := request("svc", span(1, "a"))
	f.Add(append(message(f, split), message(f, request("svc", &tracev1.Span{TraceId: []byte{1}}))...))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > maxFuzzed {
			return
		}
		var r tracev1.TracesData
		err := proto.Unmarshal(b, &r)
		got := &gathered{}
		d := newWireDecoder(newSink("input", Config{}, got))
		if err := d.request(b); err != nil {
			t.Fatal(err)
		}
		if err != nil {
			return // the official decoder also checks what is not read here: events, scopes, UTF-8
		}
		if d.damaged != nil {
			t.Errorf("damaged here, and valid for the official decoder: %v", got.skips)
		}
		if diff := cmp.Diff(spansOf(&r), got.spans); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

// FuzzJSON encodes a request of the official types as JSON: the spans are those of the request.
func FuzzJSON(f *testing.F) {
	for _, r := range small(everything()) {
		f.Add(message(f, r))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > maxFuzzed {
			return
		}
		var r tracev1.TracesData
		if proto.Unmarshal(b, &r) != nil || len(r.ResourceSpans) == 0 {
			return
		}
		for _, rs := range r.ResourceSpans {
			for _, ss := range rs.ScopeSpans {
				for _, sp := range ss.Spans {
					// In base64 these ids may look like hexadecimal ids of the right length.
					if len(sp.TraceId) == 24 || len(sp.SpanId) == 12 || len(sp.ParentSpanId) == 12 {
						return
					}
					sp.Links = nil // the ids of links may as well
				}
			}
		}
		object, err := protojson.Marshal(&r)
		if err != nil {
			return
		}
		got := &gathered{}
		if err := readJSON(newSink("input", Config{}, got), inputOf(object, headSize, DefaultMaxRecord)); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(spansOf(&r), got.spans); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}
