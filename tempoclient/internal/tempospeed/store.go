package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"time"

	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// store sends traces to Tempo. Three in five begin within the same second, the others within the
// last three minutes. Each trace is a request to service web, which calls service cart, which
// queries a database.
func store(ctx context.Context, otlp string, traces int) error {
	const batch = 500
	random := rand.New(rand.NewPCG(1, 2))
	now := time.Now()
	for first := 0; first < traces; first += batch {
		var web, cart []*tracepb.Span
		for n := first; n < min(first+batch, traces); n++ {
			start := now.Add(-time.Minute + time.Duration(random.IntN(1e9)))
			if n%5 > 2 {
				start = now.Add(-time.Duration(random.IntN(170e9)))
			}
			spans := trace(random, start)
			web, cart = append(web, spans[:2]...), append(cart, spans[2:]...)
		}
		body, err := proto.Marshal(&tracepb.TracesData{ResourceSpans: []*tracepb.ResourceSpans{resource("web", web), resource("cart", cart)}})
		if err != nil {
			return err
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, otlp+"/v1/traces", bytes.NewReader(body))
		if err != nil {
			return err
		}
		req.Header.Set("Content-Type", "application/x-protobuf")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return err
		}
		answer, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return fmt.Errorf("storing traces: %s: %s", resp.Status, answer)
		}
	}
	return nil
}

func text(key, value string) *commonpb.KeyValue {
	return &commonpb.KeyValue{Key: key, Value: &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: value}}}
}

func integer(key string, value int64) *commonpb.KeyValue {
	return &commonpb.KeyValue{Key: key, Value: &commonpb.AnyValue{Value: &commonpb.AnyValue_IntValue{IntValue: value}}}
}

func resource(service string, spans []*tracepb.Span) *tracepb.ResourceSpans {
	return &tracepb.ResourceSpans{
		Resource:   &resourcepb.Resource{Attributes: []*commonpb.KeyValue{text("service.name", service), text("service.namespace", "shop"), text("telemetry.sdk.language", "go")}},
		ScopeSpans: []*tracepb.ScopeSpans{{Spans: spans}},
	}
}

// trace returns the spans of one trace: two of service web, two of service cart.
func trace(random *rand.Rand, start time.Time) []*tracepb.Span {
	id := make([]byte, 16)
	binary.BigEndian.PutUint64(id, random.Uint64())
	binary.BigEndian.PutUint64(id[8:], random.Uint64())
	var spans []*tracepb.Span
	var parent []byte
	for i, s := range []struct {
		name       string
		kind       tracepb.Span_SpanKind
		attributes []*commonpb.KeyValue
	}{
		{"GET /checkout", tracepb.Span_SPAN_KIND_SERVER, []*commonpb.KeyValue{text("http.request.method", "GET"), text("url.path", "/checkout"), text("http.route", "/checkout"), integer("http.response.status_code", 200)}},
		{"GET", tracepb.Span_SPAN_KIND_CLIENT, []*commonpb.KeyValue{text("http.request.method", "GET"), text("url.full", "http://cart:8080/items"), text("server.address", "cart"), integer("server.port", 8080), integer("http.response.status_code", 200)}},
		{"GET /items", tracepb.Span_SPAN_KIND_SERVER, []*commonpb.KeyValue{text("http.request.method", "GET"), text("url.path", "/items"), text("http.route", "/items"), integer("http.response.status_code", 200)}},
		{"SELECT items", tracepb.Span_SPAN_KIND_CLIENT, []*commonpb.KeyValue{text("db.system.name", "postgresql"), text("db.namespace", "shop"), text("db.query.text", "SELECT * FROM items WHERE cart = $1"), text("server.address", "db"), integer("server.port", 5432)}},
	} {
		span := make([]byte, 8)
		binary.BigEndian.PutUint64(span, random.Uint64())
		begin := start.Add(time.Duration(i) * time.Millisecond)
		spans = append(spans, &tracepb.Span{
			TraceId: id, SpanId: span, ParentSpanId: parent, Name: s.name, Kind: s.kind, Attributes: s.attributes,
			StartTimeUnixNano: uint64(begin.UnixNano()), EndTimeUnixNano: uint64(begin.Add(time.Duration(20-4*i) * time.Millisecond).UnixNano()),
		})
		parent = span
	}
	return spans
}
