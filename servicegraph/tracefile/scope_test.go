package tracefile

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"

	commonv1 "go.opentelemetry.io/proto/otlp/common/v1"
	resourcev1 "go.opentelemetry.io/proto/otlp/resource/v1"
	tracev1 "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/tempograph/tempograph/servicegraph"
)

// TestScopes reads two spans of one call, which two libraries recorded, in every format. Only the
// names of the instrumentation scopes distinguish such spans from two calls. So the graph has one
// call if the names were read, and two calls if both spans are of one library.
func TestScopes(t *testing.T) {
	const trace = "0102030405060708090a0b0c0d0e0f10"
	span := func(id, start string) string {
		return fmt.Sprintf(`{"traceId":%q,"spanId":"000000000000000%s","parentSpanId":"0000000000000009","name":"GET","kind":3,`+
			`"startTimeUnixNano":"17000000000000000%s","endTimeUnixNano":"1700000000000001000",`+
			`"attributes":[{"key":"server.address","value":{"stringValue":"shop"}}]}`, trace, id, start)
	}
	root := fmt.Sprintf(`{"spans":[{"traceId":%q,"spanId":"0000000000000009","name":"root","kind":2,`+
		`"startTimeUnixNano":"1700000000000000000","endTimeUnixNano":"1700000000000002000"}]}`, trace)
	otlp := func(scope, first, second string) string {
		return `{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"web"}}]},"scopeSpans":[` + root + `,` +
			fmt.Sprintf(scope, first, span("1", "10")) + `,` + fmt.Sprintf(scope, second, span("2", "11")) + "]}]}\n"
	}
	const (
		before = `{"scope":{"name":%q,"version":"1"},"spans":[%s]}`
		after  = `{"spans":[%[2]s],"scope":{"version":"1","name":%[1]q}}`
	)
	old := func(first, second string) string {
		text := strings.Replace(otlp(before, first, second), "scopeSpans", "instrumentationLibrarySpans", 1)
		return strings.ReplaceAll(text, `"scope"`, `"instrumentationLibrary"`)
	}
	escaped := func(first, second string) string { // JSON that the slow decoder reads
		return strings.ReplaceAll(otlp(before, first, second), `"scope"`, `"\u0073cope"`)
	}
	protobuf := func(first, second string) string {
		return string(delimited(t, parseOTLPJSON(t, []byte(otlp(before, first, second)))))
	}
	scopeLast := func(first, second string) string {
		return string(protowire.AppendBytes(nil, scopesAfterSpans(t, parseOTLPJSON(t, []byte(otlp(before, first, second))))))
	}
	jaeger := func(first, second string) string {
		one := func(id, start, tag, scope string) string {
			return fmt.Sprintf(`{"traceID":%q,"spanID":%q,"references":[{"refType":"CHILD_OF","traceID":%[1]q,"spanID":"9"}],"operationName":"GET",`+
				`"startTime":1700000000000%[3]s,"duration":100,"processID":"p","tags":[{"key":"span.kind","type":"string","value":"client"},`+
				`{"key":"server.address","type":"string","value":"shop"},{"key":%[4]q,"type":"string","value":%[5]q}]}`, trace, id, start, tag, scope)
		}
		return `{"data":[{"traceID":"` + trace + `","processes":{"p":{"serviceName":"web"}},"spans":[` +
			fmt.Sprintf(`{"traceID":%q,"spanID":"9","operationName":"root","startTime":1700000000000000,"duration":2000,"processID":"p","tags":[]}`, trace) + `,` +
			one("1", "100", "otel.scope.name", first) + `,` + one("2", "100", "otel.library.name", second) + `]}]}`
	}
	zipkin := func(first, second string) string {
		one := func(id, scope string) string {
			return fmt.Sprintf(`{"traceId":%q,"id":"000000000000000%s","parentId":"0000000000000009","kind":"CLIENT","name":"get","timestamp":1700000000000100,"duration":100,`+
				`"localEndpoint":{"serviceName":"web"},"tags":{"server.address":"shop","otel.scope.name":%q}}`, trace, id, scope)
		}
		return fmt.Sprintf(`[{"traceId":%q,"id":"0000000000000009","name":"root","timestamp":1700000000000000,"duration":2000,"localEndpoint":{"serviceName":"web"}},`, trace) +
			one("1", first) + `,` + one("2", second) + `]`
	}
	for _, format := range []struct {
		name string
		text func(first, second string) string
	}{
		{"OTLP JSON", func(first, second string) string { return otlp(before, first, second) }},
		{"OTLP JSON, known bytes", func(first, second string) string { return otlp(before, first, second) + otlp(before, first, second) }},
		{"OTLP JSON, scope after the spans", func(first, second string) string { return otlp(after, first, second) }},
		{"OTLP JSON, old names", old},
		{"OTLP JSON, as a whole", escaped},
		{"OTLP protobuf", protobuf},
		{"OTLP protobuf, scope after the spans", scopeLast},
		{"Jaeger", jaeger},
		{"Zipkin", zipkin},
	} {
		for _, test := range []struct {
			first, second string
			calls         float64
		}{
			{"library", "framework", 1},
			{"library", "library", 2},
			{"", "framework", 2},
		} {
			text := format.text(test.first, test.second)
			loaded := servicegraph.NewBuilder(servicegraph.Config{})
			if err := Load(loaded, strings.NewReader(text), format.name, LoadConfig{}); err != nil {
				t.Fatalf("%s: %v", format.name, err)
			}
			read, err := servicegraph.Build(Read(strings.NewReader(text), format.name, Config{}), servicegraph.Config{})
			if err != nil {
				t.Fatalf("%s: %v", format.name, err)
			}
			for way, g := range map[string]*servicegraph.Graph{"loaded": loaded.Graph(), "read": read} {
				calls := 0.0
				for e := range g.Edges() {
					calls += e.Calls
				}
				if calls != test.calls {
					t.Errorf("%s, %s, scopes %q and %q: %v calls, want %v", format.name, way, test.first, test.second, calls, test.calls)
				}
			}
		}
	}
}

// scopesAfterSpans encodes a request as the Collector does: each scope comes after its spans.
func scopesAfterSpans(tb testing.TB, request *tracev1.TracesData) []byte {
	var resources []wireField
	for _, rs := range request.ResourceSpans {
		fields := []wireField{bytesField(1, message(tb, rs.Resource))}
		for _, ss := range rs.ScopeSpans {
			var spans []wireField
			for _, span := range ss.Spans {
				spans = append(spans, bytesField(2, message(tb, span)))
			}
			fields = append(fields, bytesField(2, append(spans, bytesField(1, message(tb, ss.Scope)))...))
		}
		resources = append(resources, bytesField(1, fields...))
	}
	return slices.Concat(resources...)
}

// TestScopeOfLargeRequest: the scope after the spans is the scope of all of them, even if there are so
// many that a RequestLoader adds them to the builder in several batches.
func TestScopeOfLargeRequest(t *testing.T) {
	sockets := &tracev1.ScopeSpans{Scope: &commonv1.InstrumentationScope{Name: "Experimental.System.Net.Sockets"}}
	for i := range 2*requestBatch + 10 {
		sockets.Spans = append(sockets.Spans, &tracev1.Span{
			TraceId: binary.BigEndian.AppendUint64(make([]byte, 8), uint64(i+1)), SpanId: []byte("12345678"), Kind: tracev1.Span_SPAN_KIND_CLIENT,
			Attributes: []*commonv1.KeyValue{attribute("server.address", "shop")},
		})
	}
	request := &tracev1.TracesData{ResourceSpans: []*tracev1.ResourceSpans{{
		Resource: &resourcev1.Resource{Attributes: []*commonv1.KeyValue{attribute("service.name", "web")}}, ScopeSpans: []*tracev1.ScopeSpans{sockets},
	}}}
	b := servicegraph.NewBuilder(servicegraph.Config{})
	if _, err := NewRequestLoader(b, nil).Protobuf(scopesAfterSpans(t, request)); err != nil {
		t.Fatal(err)
	}
	g := b.Graph()
	if r := g.Report(); r.Spans != uint64(len(sockets.Spans)) {
		t.Errorf("%d spans, want %d", r.Spans, len(sockets.Spans))
	}
	for e := range g.Edges() {
		t.Errorf("%v calls on %v: the spans of this scope are no calls", e.Calls, e.ID)
	}
}
