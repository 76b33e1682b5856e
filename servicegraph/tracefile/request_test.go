package tracefile

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	tracev1 "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/tempograph/tempograph/servicegraph"
)

// Requests loaded one by one give the graph of all of them, in either encoding.
func TestRequestLoader(t *testing.T) {
	_, recorded := hotrodRequests(t)
	recorded = append(recorded, everything()...)
	for _, cfg := range loadConfigs {
		want := plainly(t, Read(strings.NewReader(string(delimited(t, recorded...))), "input", Config{}), cfg)
		for encoding, load := range map[string]func(l *RequestLoader, r *tracev1.TracesData) (RequestResult, error){
			"protobuf": func(l *RequestLoader, r *tracev1.TracesData) (RequestResult, error) { return l.Protobuf(message(t, r)) },
			"JSON": func(l *RequestLoader, r *tracev1.TracesData) (RequestResult, error) {
				return l.JSON(otlpJSON(t, r, protojson.MarshalOptions{}))
			},
		} {
			b := servicegraph.NewBuilder(cfg)
			l := NewRequestLoader(b, nil)
			for _, r := range recorded {
				if _, err := load(l, r); err != nil {
					t.Errorf("%s: %v", encoding, err)
				}
			}
			if diff := cmp.Diff(want.Graph, outcomeOf(t, b, nil, nil).Graph); diff != "" {
				t.Errorf("%s, %+v (-want +got):\n%s", encoding, cfg, diff)
			}
		}
	}
}

// The loader tells a sender what is wrong with a request, and the graph counts it.
func TestRequestLoaderAnswers(t *testing.T) {
	good := span(1, "good")
	bad := &tracev1.Span{Name: "bad", TraceId: []byte{1}}
	zero := span(2, "zero")
	zero.TraceId = make([]byte, 16)
	whole := message(t, request("svc", good))
	tests := []struct {
		name    string
		request []byte
		json    bool
		want    string
	}{
		{"empty", nil, false, "0 rejected: <nil>; 0 spans, 0 skipped, 0 invalid"},
		{"good", whole, false, "0 rejected: <nil>; 1 spans, 0 skipped, 0 invalid"},
		{"one bad", message(t, request("svc", bad, good, bad)), false,
			`2 rejected: span "bad" of "svc": trace id: want 16 bytes, got 1; 1 spans, 2 skipped, 0 invalid`},
		{"zero ids", message(t, request("svc", zero, good)), false,
			"1 rejected: an id of a span is all zero; 2 spans, 0 skipped, 1 invalid"},
		{"cut off", slices.Concat(whole, whole[:len(whole)-1]), false, // after a valid span
			"not a request of OTLP: the rest of a request: damaged protobuf: a field runs over the end of its message; 0 spans, 1 skipped, 0 invalid"},
		{"text", []byte("hello"), false,
			"not a request of OTLP: the rest of a request: damaged protobuf: proto: mismatching end group marker; 0 spans, 1 skipped, 0 invalid"},
		{"empty object", []byte(" {} "), true, "0 rejected: <nil>; 0 spans, 0 skipped, 0 invalid"},
		{"null", []byte(`{"resourceSpans":null}`), true, "0 rejected: <nil>; 0 spans, 0 skipped, 0 invalid"},
		{"good JSON", otlpJSON(t, request("svc", good), protojson.MarshalOptions{}), true, "0 rejected: <nil>; 1 spans, 0 skipped, 0 invalid"},
		{"one bad in JSON", []byte(`{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":"bad","traceId":"1"}]}]}]}`), true,
			`1 rejected: span "bad": traceId: "1": want 32 hexadecimal digits, got 1 characters; 0 spans, 1 skipped, 0 invalid`},
		{"bad resource in JSON", []byte(`{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"intValue":"x"}}]},"scopeSpans":[{"spans":[{},{}]}]}]}`), true,
			`2 rejected: all spans of a resource: "service.name": "x" is not an integer; 0 spans, 2 skipped, 0 invalid`},
		{"no JSON", []byte(`{"resourceSpans":[`), true, "not a request of OTLP: not JSON: unexpected end of JSON input; 0 spans, 1 skipped, 0 invalid"},
		{"nothing", nil, true, "not a request of OTLP: not JSON: unexpected end of JSON input; 0 spans, 1 skipped, 0 invalid"},
		{"two objects", []byte(`{}{}`), true, "not a request of OTLP: not JSON: invalid character '{' after top-level value; 0 spans, 1 skipped, 0 invalid"},
	}
	for _, tt := range tests {
		b := servicegraph.NewBuilder(servicegraph.Config{})
		l := NewRequestLoader(b, nil)
		got := answer(l, tt.request, tt.json)
		r := b.Graph().Report()
		got = strings.ReplaceAll(got, "\u00a0", " ") // the protobuf package varies its spaces from build to build
		got = fmt.Sprintf("%s; %d spans, %d skipped, %d invalid", got, r.Spans, r.Skipped, r.Invalid)
		if got != tt.want {
			t.Errorf("%s:\n got %s\nwant %s", tt.name, got, tt.want)
		}
		if again := answer(l, whole, false); again != "0 rejected: <nil>" {
			t.Errorf("after %s, a good request: %s", tt.name, again)
		}
	}
}

func answer(l *RequestLoader, request []byte, isJSON bool) string {
	load := l.Protobuf
	if isJSON {
		load = l.JSON
	}
	loaded, err := load(request)
	if err != nil {
		return err.Error()
	}
	return fmt.Sprintf("%d rejected: %v", loaded.Rejected, loaded.Reason)
}

// FuzzRequestLoader sends a request between two good ones, and compares the loader with
// the decoders of [Read], whose spans are added one by one.
func FuzzRequestLoader(f *testing.F) {
	for _, r := range small(everything()) {
		f.Add(message(f, r), false)
		f.Add(otlpJSON(f, r, protojson.MarshalOptions{}), true)
	}
	good := message(f, request("svc", span(1, "good")))
	f.Fuzz(func(t *testing.T, data []byte, isJSON bool) {
		if len(data) > maxFuzzed {
			return
		}
		b := servicegraph.NewBuilder(servicegraph.Config{})
		l := NewRequestLoader(b, nil)
		got := outcomeOf(t, b, []string{answer(l, good, false), answer(l, data, isJSON), answer(l, good, false)}, nil)

		b = servicegraph.NewBuilder(servicegraph.Config{})
		want := outcomeOf(t, b, []string{addDecoded(b, good, false), addDecoded(b, data, isJSON), addDecoded(b, good, false)}, nil)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("spans added one by one, and the loader (-want +got):\n%s", diff)
		}
	})
}

// addDecoded adds the spans of a request to a builder one by one, as the decoders of [Read] yield
// them; it adds nothing of a damaged request. It returns the same text as answer.
func addDecoded(b *servicegraph.Builder, request []byte, isJSON bool) string {
	decoded := &gathered{}
	s := newSink("request", Config{Keep: b.Config().Reads}, decoded)
	var err error
	if isJSON {
		var r jsonRequest
		if err = r.read(request); err == nil {
			d := jsonDecoder{sink: s}
			if err = d.lists(&r); err == nil {
				err = d.damaged
			}
		}
	} else {
		d := newWireDecoder(s)
		if err = d.request(request); err == nil {
			err = d.damaged
		}
	}
	if err != nil {
		b.CountSkipped(1)
		return fmt.Errorf("not a request of OTLP: %w", err).Error()
	}
	for _, span := range decoded.spans {
		b.Add(span)
	}
	for range s.rejected {
		b.CountSkipped(1)
	}
	reason := s.rejection
	if s.unidentified > 0 && s.rejected == 0 {
		reason = errZeroID
	}
	return fmt.Sprintf("%d rejected: %v", s.rejected+s.unidentified, reason)
}

// TestRequestTooLarge: a request with very many objects is refused early, whatever the objects are,
// and the builder has nothing of the request. The next request is accepted.
func TestRequestTooLarge(t *testing.T) {
	repeat := func(before, element, after string, n int) []byte {
		return []byte(before + strings.Repeat(element, n) + after)
	}
	good := message(t, request("svc", span(1, "good")))
	for name, test := range map[string]struct {
		request []byte
		json    bool
	}{
		"spans in JSON":                 {repeat(`{"resourceSpans":[{"scopeSpans":[{"spans":[{}`, ",{}", "]}]}]}", maxObjects), true},
		"scopes in JSON":                {repeat(`{"resourceSpans":[{"ScopeSpans":[{}`, ",{}", "]}]}", maxObjects), true},
		"resources in JSON":             {repeat(`{"ResourceSpans":[{}`, ",{}", "]}", maxObjects), true},
		"good spans, and bad ones":      {slices.Concat(good, protowire.AppendBytes([]byte{0x0a}, protowire.AppendBytes([]byte{0x12}, repeat("", "\x12\x00", "", maxObjects)))), false},
		"resources in protobuf":         {repeat("", "\x0a\x00", "", maxObjects), false},
		"scopes of a protobuf resource": {protowire.AppendBytes([]byte{0x0a}, repeat("", "\x12\x00", "", maxObjects)), false},
	} {
		b := servicegraph.NewBuilder(servicegraph.Config{})
		l := NewRequestLoader(b, nil)
		load := l.Protobuf
		if test.json {
			load = l.JSON
		}
		if _, err := load(test.request); !errors.Is(err, ErrRequestTooLarge) {
			t.Errorf("%s: %v", name, err)
		}
		if answer := answer(l, good, false); answer != "0 rejected: <nil>" {
			t.Errorf("%s: a good request after it: %s", name, answer)
		}
		if r := b.Graph().Report(); r.Spans != 1 || r.Skipped != 1 {
			t.Errorf("%s: %d spans and %d skipped records, want one of each", name, r.Spans, r.Skipped)
		}
	}
}

// TestRequestLoadersConcurrentSafe loads requests with several loaders into one builder, and
// makes graphs meanwhile.
func TestRequestLoadersConcurrentSafe(t *testing.T) {
	var lock sync.Mutex
	b := servicegraph.NewBuilder(servicegraph.Config{})
	const loaders, requests = 4, 50
	var group sync.WaitGroup
	for i := range loaders {
		group.Go(func() {
			l := NewRequestLoader(b, &lock)
			for n := range requests {
				s := span(byte(n+1), "s")
				s.SpanId[0] = byte(i + 1)
				encoded := message(t, request("svc", s))
				load := l.Protobuf
				if n%2 == 0 {
					encoded, load = otlpJSON(t, request("svc", s), protojson.MarshalOptions{}), l.JSON
				}
				if _, err := load(encoded); err != nil {
					t.Error(err)
				}
				lock.Lock()
				b.Graph()
				lock.Unlock()
			}
		})
	}
	group.Wait()
	if r := b.Graph().Report(); r.Spans-r.Duplicate != loaders*requests {
		t.Errorf("%d spans, want %d", r.Spans-r.Duplicate, loaders*requests)
	}
}

// A lockedOnly lock fails the test if it is locked while it must not be.
type lockedOnly struct {
	t       *testing.T
	allowed *bool
	sync.Mutex
}

func (l *lockedOnly) Lock() {
	l.Mutex.Lock()
	if !*l.allowed {
		l.t.Error("the builder is locked although nothing is to be added")
	}
}

// TestDecodingTakesNoLock: a request is decoded before the builder is locked, and an invalid
// request changes nothing in the builder except the count of records.
func TestDecodingTakesNoLock(t *testing.T) {
	allowed := false
	lock := &lockedOnly{t: t, allowed: &allowed}
	b := servicegraph.NewBuilder(servicegraph.Config{})
	l := NewRequestLoader(b, lock)
	for _, empty := range []string{`{}`, `{"resourceSpans":[{"scopeSpans":[{"spans":[]}]}]}`} {
		if _, err := l.JSON([]byte(empty)); err != nil {
			t.Error(err)
		}
	}
	allowed = true
	if _, err := l.Protobuf(message(t, request("svc", span(1, "a")))); err != nil {
		t.Error(err)
	}
	if n := b.Graph().Report().Spans; n != 1 {
		t.Errorf("%d spans, want 1", n)
	}
}
