package tracefile

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	tracev1 "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/protojson"

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
			l := NewRequestLoader(b)
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
		l := NewRequestLoader(b)
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
	for _, r := range everything() {
		f.Add(message(f, r), false)
		f.Add(otlpJSON(f, r, protojson.MarshalOptions{}), true)
	}
	f.Fuzz(func(t *testing.T, data []byte, isJSON bool) {
		if len(data) > 1<<16 {
			return
		}
		good := message(t, request("svc", span(1, "good")))
		b := servicegraph.NewBuilder(servicegraph.Config{})
		l := NewRequestLoader(b)
		got := outcomeOf(t, b, []string{answer(l, good, false), answer(l, data, isJSON), answer(l, good, false)}, nil)

		b = servicegraph.NewBuilder(servicegraph.Config{})
		want := outcomeOf(t, b, []string{addDecoded(b, good, false), addDecoded(b, data, isJSON), addDecoded(b, good, false)}, nil)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("spans added one by one, and the loader (-want +got):\n%s", diff)
		}
	})
}

// addDecoded adds the spans of a request to a builder one by one, as the decoders of [Read]
// yield them; it adds nothing of a damaged request. It returns what answer returns.
func addDecoded(b *servicegraph.Builder, request []byte, isJSON bool) string {
	decoded := &gathered{}
	s := newSink("request", Config{Keep: b.Config().Reads}, decoded)
	var err error
	if isJSON {
		var r jsonRequest
		if err = json.Unmarshal(request, &r); err != nil {
			err = jsonError("request", err)
		} else {
			err = jsonDecoder{s}.lists(&r)
		}
	} else {
		d := newWireDecoder(s)
		if err = d.request(request); err == nil {
			err = d.damaged
		}
	}
	if err != nil {
		b.CountSkipped()
		return fmt.Errorf("not a request of OTLP: %w", err).Error()
	}
	for _, span := range decoded.spans {
		b.Add(span)
	}
	for range s.rejected {
		b.CountSkipped()
	}
	reason := s.rejection
	if s.unidentified > 0 && s.rejected == 0 {
		reason = errZeroID
	}
	return fmt.Sprintf("%d rejected: %v", s.rejected+s.unidentified, reason)
}
