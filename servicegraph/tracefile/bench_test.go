package tracefile

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"regexp"
	"testing"

	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/tempograph/tempograph/servicegraph"
)

// BenchmarkGraph measures all steps from OTLP to the finished graph. The spans are of 30 services,
// in traces of about 25 spans, with 12 attributes for each span and 10 for each resource. A message
// is either one trace, as Tempo stores it, or 100 spans of one service, as SDKs export them.
// Messages are in protobuf or in lines of JSON.
func BenchmarkGraph(b *testing.B) {
	const spans = 100_000
	for _, c := range []struct {
		name string
		data []byte
	}{
		{"trace-messages", traceMessages(spans)},
		{"sdk-messages", sdkMessages(spans)},
		{"trace-messages/JSON", inJSON(b, traceMessages(spans))},
		{"sdk-messages/JSON", inJSON(b, sdkMessages(spans))},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(c.data)))
			for b.Loop() {
				builder := servicegraph.NewBuilder(servicegraph.Config{})
				err := Load(builder, bytes.NewReader(c.data), c.name, LoadConfig{})
				g := builder.Graph()
				if err != nil || g.Report().Spans < spans*9/10 {
					b.Fatalf("%+v, %v", g.Report(), err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*spans), "ns/span")
		})
	}
}

// traceMessages returns delimited requests of one trace each.
func traceMessages(n int) []byte {
	var out []byte
	rng := rand.New(rand.NewPCG(1, 2))
	for made := 0; made < n; {
		trace := benchTrace(rng)
		byService := map[int]*tracepb.ResourceSpans{}
		var request tracepb.TracesData
		for _, s := range trace {
			rs := byService[s.service]
			if rs == nil {
				rs = benchResource(s.service)
				byService[s.service] = rs
				request.ResourceSpans = append(request.ResourceSpans, rs)
			}
			rs.ScopeSpans[0].Spans = append(rs.ScopeSpans[0].Spans, s.span)
		}
		made += len(trace)
		out = appendDelimited(out, &request)
	}
	return out
}

// sdkMessages returns delimited requests of 100 spans of one service each.
func sdkMessages(n int) []byte {
	var out []byte
	rng := rand.New(rand.NewPCG(1, 2))
	pending := map[int]*tracepb.ResourceSpans{}
	for made := 0; made < n; {
		trace := benchTrace(rng)
		made += len(trace)
		for _, s := range trace {
			rs := pending[s.service]
			if rs == nil {
				rs = benchResource(s.service)
				pending[s.service] = rs
			}
			rs.ScopeSpans[0].Spans = append(rs.ScopeSpans[0].Spans, s.span)
			if len(rs.ScopeSpans[0].Spans) == 100 {
				out = appendDelimited(out, &tracepb.TracesData{ResourceSpans: []*tracepb.ResourceSpans{rs}})
				delete(pending, s.service)
			}
		}
	}
	for service := range 30 {
		if rs := pending[service]; rs != nil {
			out = appendDelimited(out, &tracepb.TracesData{ResourceSpans: []*tracepb.ResourceSpans{rs}})
		}
	}
	return out
}

func appendDelimited(out []byte, m proto.Message) []byte {
	data, err := proto.Marshal(m)
	if err != nil {
		panic(err)
	}
	return protowire.AppendBytes(out, data)
}

// base64ID is an id as protojson writes it.
var base64ID = regexp.MustCompile(`"(traceId|spanId|parentSpanId)":"([^"]*)"`)

// inJSON returns delimited requests as OTLP JSON, one a line, with keys in the Collector's
// order.
func inJSON(tb testing.TB, messages []byte) []byte {
	tb.Helper()
	var out bytes.Buffer
	for len(messages) > 0 {
		message, n := protowire.ConsumeBytes(messages)
		var request tracepb.TracesData
		if err := proto.Unmarshal(message, &request); err != nil {
			tb.Fatal(err)
		}
		object, err := protojson.MarshalOptions{UseEnumNumbers: true}.Marshal(&request)
		if err != nil {
			tb.Fatal(err)
		}
		line := new(bytes.Buffer)
		if err := json.Compact(line, object); err != nil { // protojson adds spaces at random
			tb.Fatal(err)
		}
		out.Write(base64ID.ReplaceAllFunc(line.Bytes(), func(field []byte) []byte {
			parts := base64ID.FindSubmatch(field)
			id, err := base64.StdEncoding.DecodeString(string(parts[2]))
			if err != nil {
				tb.Fatal(err)
			}
			return fmt.Appendf(nil, `"%s":"%x"`, parts[1], id)
		}))
		out.WriteByte('\n')
		messages = messages[n:]
	}
	return out.Bytes()
}

type benchSpan struct {
	service int
	span    *tracepb.Span
}

// benchTrace returns a trace of about 25 spans: a request that passes through
// services, each with work of its own and calls to others or to a database.
func benchTrace(rng *rand.Rand) []benchSpan {
	id := make([]byte, 16)
	binary.BigEndian.PutUint64(id, rng.Uint64())
	binary.BigEndian.PutUint64(id[8:], rng.Uint64())
	start := uint64(1_767_225_600_000_000_000 + rng.Int64N(1e12))
	var spans []benchSpan
	var visit func(service int, parent []byte, depth int)
	add := func(service int, parent []byte, kind tracepb.Span_SpanKind, extra ...*commonpb.KeyValue) []byte {
		span := make([]byte, 8)
		binary.BigEndian.PutUint64(span, rng.Uint64()|1)
		status := &tracepb.Status{}
		if rng.IntN(50) == 0 {
			status.Code = tracepb.Status_STATUS_CODE_ERROR
		}
		begin := start + uint64(len(spans))*1000
		spans = append(spans, benchSpan{service, &tracepb.Span{
			TraceId: id, SpanId: span, ParentSpanId: parent, Kind: kind, Flags: 256,
			Name:              fmt.Sprintf("GET /api/v1/service-%02d/items", service),
			StartTimeUnixNano: begin, EndTimeUnixNano: begin + uint64(rng.IntN(1e8)),
			Status:     status,
			Attributes: append(benchAttributes(rng, service), extra...),
		}})
		return span
	}
	visit = func(service int, parent []byte, depth int) {
		server := add(service, parent, tracepb.Span_SPAN_KIND_SERVER)
		work := add(service, server, tracepb.Span_SPAN_KIND_INTERNAL)
		if depth == 3 {
			add(service, work, tracepb.Span_SPAN_KIND_CLIENT, stringAttr("db.system.name", "postgresql"), stringAttr("db.namespace", fmt.Sprintf("db-%d", service%5)))
			return
		}
		for range 1 + rng.IntN(2) {
			callee := (service*3 + 1 + rng.IntN(4)) % 30
			client := add(service, work, tracepb.Span_SPAN_KIND_CLIENT, stringAttr("server.address", fmt.Sprintf("service-%02d", callee)), stringAttr("server.port", "8080"))
			visit(callee, client, depth+1)
		}
	}
	visit(rng.IntN(3), nil, 0)
	return spans
}

func benchAttributes(rng *rand.Rand, service int) []*commonpb.KeyValue {
	return []*commonpb.KeyValue{
		stringAttr("http.request.method", "GET"),
		stringAttr("url.scheme", "http"),
		stringAttr("url.path", fmt.Sprintf("/api/v1/service-%02d/items/%d", service, rng.IntN(1e6))),
		stringAttr("http.route", "/api/v1/items/{id}"),
		{Key: "http.response.status_code", Value: &commonpb.AnyValue{Value: &commonpb.AnyValue_IntValue{IntValue: 200}}},
		stringAttr("network.protocol.name", "http"),
		stringAttr("network.protocol.version", "1.1"),
		stringAttr("user_agent.original", "bench/1.0 (linux; amd64)"),
		stringAttr("client.address", fmt.Sprintf("10.0.%d.%d", rng.IntN(256), rng.IntN(256))),
		{Key: "thread.id", Value: &commonpb.AnyValue{Value: &commonpb.AnyValue_IntValue{IntValue: int64(rng.IntN(64))}}},
	}
}

func benchResource(service int) *tracepb.ResourceSpans {
	attrs := []*commonpb.KeyValue{
		stringAttr("service.name", fmt.Sprintf("service-%02d", service)),
		stringAttr("service.version", "1.2.3"),
		stringAttr("service.instance.id", fmt.Sprintf("5f0c9a1e-0000-4000-8000-%012d", service)),
		stringAttr("telemetry.sdk.name", "opentelemetry"),
		stringAttr("telemetry.sdk.language", "go"),
		stringAttr("telemetry.sdk.version", "1.47.0"),
		stringAttr("host.name", "node-17.example.internal"),
		stringAttr("os.type", "linux"),
		stringAttr("k8s.pod.name", fmt.Sprintf("service-%02d-7d9f8b6c5-x2x4z", service)),
		stringAttr("k8s.namespace.name", "shop"),
	}
	return &tracepb.ResourceSpans{
		Resource:   &resourcepb.Resource{Attributes: attrs},
		ScopeSpans: []*tracepb.ScopeSpans{{Scope: &commonpb.InstrumentationScope{Name: "bench"}}},
	}
}

func stringAttr(key, value string) *commonpb.KeyValue {
	return &commonpb.KeyValue{Key: key, Value: &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: value}}}
}
