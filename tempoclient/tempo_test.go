package tempoclient

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	coltracepb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/tempoclient/tempotest"
)

// These tests run a real Tempo. fault_test.go has faults that a real Tempo does not show
// on demand.

func newClient(tb testing.TB, url string, cfg Config) *Client {
	tb.Helper()
	c, err := New(url, cfg)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { c.Close() })
	return c
}

// push sends an OTLP request.
func push(t *testing.T, tempo *tempotest.Tempo, orgID, contentType string, body []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, tempo.OTLPHTTPURL+"/v1/traces", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", contentType)
	if orgID != "" {
		req.Header.Set("X-Scope-OrgID", orgID)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("push: status %d: %s (%v)", resp.StatusCode, answer, err)
	}
}

// pushSpans sends spans as OTLP protobuf, in one request.
func pushSpans(t *testing.T, tempo *tempotest.Tempo, orgID string, spans []servicegraph.Span) {
	t.Helper()
	body, err := proto.Marshal(otlpOf(spans))
	if err != nil {
		t.Fatal(err)
	}
	push(t, tempo, orgID, "application/x-protobuf", body)
}

// otlpOf converts spans to OTLP, with a resource for each span. The attribute messageKey becomes the message
// of the status. The weight is lost.
func otlpOf(spans []servicegraph.Span) *coltracepb.ExportTraceServiceRequest {
	str := func(key, value string) *commonpb.KeyValue {
		return &commonpb.KeyValue{Key: key, Value: &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: value}}}
	}
	req := &coltracepb.ExportTraceServiceRequest{}
	for _, s := range spans {
		span := &tracepb.Span{
			TraceId:           s.TraceID[:],
			SpanId:            s.SpanID[:],
			Name:              s.Name,
			Kind:              tracepb.Span_SpanKind(s.Kind),
			StartTimeUnixNano: uint64(s.Start),
			EndTimeUnixNano:   uint64(s.End),
			Status:            &tracepb.Status{Code: tracepb.Status_StatusCode(s.Status)},
		}
		if !s.ParentID.IsZero() {
			span.ParentSpanId = s.ParentID[:]
		}
		for _, a := range s.Attrs {
			if a.Key == messageKey {
				span.Status.Message = a.Value
				continue
			}
			span.Attributes = append(span.Attributes, str(a.Key, a.Value))
		}
		for _, l := range s.Links {
			span.Links = append(span.Links, &tracepb.Span_Link{TraceId: l.TraceID[:], SpanId: l.SpanID[:]})
		}
		res := &resourcepb.Resource{Attributes: []*commonpb.KeyValue{str("service.name", s.Service)}}
		if s.Namespace != "" {
			res.Attributes = append(res.Attributes, str("service.namespace", s.Namespace))
		}
		for _, a := range s.Resource {
			res.Attributes = append(res.Attributes, str(a.Key, a.Value))
		}
		req.ResourceSpans = append(req.ResourceSpans, &tracepb.ResourceSpans{
			Resource:   res,
			ScopeSpans: []*tracepb.ScopeSpans{{Spans: []*tracepb.Span{span}}},
		})
	}
	return req
}

// await repeats a check until it returns nil.
func await(t *testing.T, check func() error) {
	t.Helper()
	deadline := time.Now().Add(2 * time.Minute) // so long because the machine may be busy
	for {
		err := check()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("gave up waiting: %v", err)
		}
		select {
		case <-t.Context().Done():
			t.Fatal(t.Context().Err())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// awaitTrace waits until Tempo returns n spans of a trace, and returns the trace.
func awaitTrace(t *testing.T, c *Client, id servicegraph.TraceID, n int) *Trace {
	t.Helper()
	var trace *Trace
	await(t, func() error {
		var err error
		trace, err = c.Trace(t.Context(), id)
		if err == nil && len(trace.Spans) < n {
			err = fmt.Errorf("%d of %d spans", len(trace.Spans), n)
		}
		return err
	})
	return trace
}

// collect reads a sequence to its end, and fails on any error.
func collect[T any](t *testing.T, seq iter.Seq2[T, error]) []T {
	t.Helper()
	var all []T
	for v, err := range seq {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, v)
	}
	return all
}

// awaitFound waits until the query finds n traces, and returns them.
func awaitFound(t *testing.T, c *Client, q Query, n int) []TraceSummary {
	t.Helper()
	var found []TraceSummary
	await(t, func() error {
		found = collect(t, c.Search(t.Context(), q))
		if len(found) < n {
			return fmt.Errorf("found %d of %d traces", len(found), n)
		}
		return nil
	})
	return found
}

func id(n byte) servicegraph.TraceID { return servicegraph.TraceID{0: n, 8: n, 15: 1} }
func sid(n byte) servicegraph.SpanID { return servicegraph.SpanID{7: n} }
func ms(n int64) int64               { return n * int64(time.Millisecond) }
func attr(kv ...string) []servicegraph.Attr {
	var attrs []servicegraph.Attr
	for p := range slices.Chunk(kv, 2) {
		attrs = append(attrs, servicegraph.Attr{Key: p[0], Value: p[1]})
	}
	return attrs
}

// shop returns a trace of five services, with a database, a queue and an error.
func shop(trace servicegraph.TraceID, start int64) []servicegraph.Span {
	const (
		server   = servicegraph.KindServer
		client   = servicegraph.KindClient
		producer = servicegraph.KindProducer
		consumer = servicegraph.KindConsumer
	)
	span := func(n, parent byte, service string, kind servicegraph.Kind, from, to int64, kv ...string) servicegraph.Span {
		return servicegraph.Span{
			TraceID: trace, SpanID: sid(n), ParentID: sid(parent),
			Service: service, Namespace: "shop", Name: service + " " + kind.String(), Kind: kind,
			Start: start + ms(from), End: start + ms(to),
			Resource: attr("host.name", "h"+service, "deployment.environment", "test"), Attrs: attr(kv...),
		}
	}
	spans := []servicegraph.Span{
		span(1, 0, "frontend", server, 0, 100),
		span(2, 1, "frontend", client, 5, 90, "server.address", "checkout.local"),
		span(3, 2, "checkout", server, 10, 85),
		span(4, 3, "checkout", client, 12, 30, "db.system.name", "postgresql", "db.namespace", "orders"),
		span(5, 3, "checkout", producer, 31, 32, "messaging.system", "kafka", "messaging.destination.name", "paid"),
		span(7, 3, "checkout", client, 33, 80),
		span(8, 7, "payment", server, 35, 78),
		span(6, 5, "mailer", consumer, 40, 60, "messaging.system", "kafka", "messaging.destination.name", "paid"),
	}
	spans[0].Status = servicegraph.StatusOK
	spans[5].Status = servicegraph.StatusError
	spans[6].Status = servicegraph.StatusError
	spans[7].Links = []servicegraph.Link{{TraceID: id(250), SpanID: sid(9)}, {TraceID: trace, SpanID: sid(5)}}
	return spans
}

func TestTraceComesBackComplete(t *testing.T) {
	tempo := tempotest.Start(t, tempotest.Config{})
	c := newClient(t, tempo.URL+"/", Config{})

	want := shop(id(1), time.Now().Add(-time.Second).UnixNano())
	pushSpans(t, tempo, "", want)
	got := awaitTrace(t, c, id(1), len(want))
	for _, w := range got.Warnings {
		if w.Kind != WarnArriving { // the trace is only a second old
			t.Errorf("warning: %v", w)
		}
	}
	got.Warnings = nil
	// Tempo keeps the order of attributes only in memory, not in blocks.
	got.Spans, want = ordered(got.Spans), ordered(want)
	if diff := cmp.Diff(&Trace{ID: id(1), Spans: want}, got); diff != "" {
		t.Errorf("the trace differs from what was pushed (-want +got):\n%s", diff)
	}
}

func TestTraceWithValuesOfAllTypes(t *testing.T) {
	tempo := tempotest.Start(t, tempotest.Config{})
	trace := servicegraph.TraceID{8: 0xf7, 15: 0xdd} // Tempo omits leading zeros
	start := time.Now().Add(-time.Second).UnixNano()
	push(t, tempo, "", "application/json", fmt.Appendf(nil, `{"resourceSpans": [{
		"resource": {"attributes": [
			{"key": "service.name", "value": {"stringValue": "api"}},
			{"key": "process.pid", "value": {"intValue": "42"}}
		]},
		"scopeSpans": [{"spans": [{
			"traceId": %q, "spanId": "00f067aa0ba902b7", "name": "GET /", "kind": 2,
			"traceState": "vendor=x,ot=th:c", "startTimeUnixNano": "%d", "endTimeUnixNano": "%d",
			"attributes": [
				{"key": "text", "value": {"stringValue": "ü"}},
				{"key": "int", "value": {"intValue": "-7"}},
				{"key": "double", "value": {"doubleValue": 0.25}},
				{"key": "bool", "value": {"boolValue": true}},
				{"key": "list", "value": {"arrayValue": {"values": [{"intValue": "1"}]}}},
				{"key": "bytes", "value": {"bytesValue": "AAAA"}}
			]
		}]}]
	}]}`, trace, start, start+1))

	want := servicegraph.Span{
		TraceID: trace, SpanID: servicegraph.SpanID{0x00, 0xf0, 0x67, 0xaa, 0x0b, 0xa9, 0x02, 0xb7},
		Service: "api", Name: "GET /", Kind: servicegraph.KindServer,
		Start: start, End: start + 1,
		Resource: attr("process.pid", "42"),
		Attrs:    attr("text", "ü", "int", "-7", "double", "0.25", "bool", "true"),
		Weight:   4, // th:c is 1 in 4
	}
	c := newClient(t, tempo.URL, Config{})
	if diff := cmp.Diff([]servicegraph.Span{want}, awaitTrace(t, c, trace, 1).Spans); diff != "" {
		t.Errorf("span differs (-want +got):\n%s", diff)
	}

	c = newClient(t, tempo.URL, Config{Keep: func(key string) bool { return key == "int" }})
	want.Resource, want.Attrs = nil, attr("int", "-7")
	if diff := cmp.Diff([]servicegraph.Span{want}, awaitTrace(t, c, trace, 1).Spans); diff != "" {
		t.Errorf("span with Keep differs (-want +got):\n%s", diff)
	}
}

// TestPartialTraceOfTempo has a trace in two parts. Tempo accepts each part, but both parts
// together are larger than Tempo returns.
func TestPartialTraceOfTempo(t *testing.T) {
	tempo := tempotest.Start(t, tempotest.Config{})
	c := newClient(t, tempo.URL, Config{})
	var kv []string
	for i := range 100 { // attributes of 2 kB, the largest that Tempo accepts
		kv = append(kv, fmt.Sprint("key", i), strings.Repeat("x", 2000))
	}
	start := time.Now().Add(-2 * time.Second).UnixNano()
	part := func(from byte) []servicegraph.Span {
		var spans []servicegraph.Span
		for n := range byte(20) {
			spans = append(spans, servicegraph.Span{TraceID: id(1), SpanID: sid(from + n), Service: "api", Start: start, End: start + 1, Attrs: attr(kv...)})
		}
		return spans
	}
	pushSpans(t, tempo, "", part(1))
	awaitFound(t, c, Query{}, 1)
	flush(t, tempo)
	pushSpans(t, tempo, "", shop(id(2), start))
	awaitFound(t, c, Query{}, 2)
	flush(t, tempo) // after a flush Tempo forgets the size of the trace
	pushSpans(t, tempo, "", part(100))

	var trace *Trace
	await(t, func() error {
		var err error
		if trace, err = c.Trace(t.Context(), id(1)); err != nil {
			return err
		}
		for _, w := range trace.Warnings {
			if w.Kind == WarnPartial {
				return nil
			}
		}
		return fmt.Errorf("%d spans, and no word of the others: %v", len(trace.Spans), trace.Warnings)
	})
	if len(trace.Spans) == 0 {
		t.Error("no spans")
	}
	t.Logf("%d spans: %v", len(trace.Spans), trace.Warnings)

	graph, err := servicegraph.Build(c.Spans(t.Context(), Query{}), servicegraph.Config{})
	if err != nil || graph.Report().Skipped == 0 {
		t.Errorf("the graph does not count that something is missing: %+v, error %v", graph.Report(), err)
	}
}

func TestTraceNotFound(t *testing.T) {
	tempo := tempotest.Start(t, tempotest.Config{})
	_, err := newClient(t, tempo.URL, Config{}).Trace(t.Context(), id(9))
	if !errors.Is(err, ErrNotFound) {
		t.Fatalf("error %v, want ErrNotFound", err)
	}
	if want := "tempo " + tempo.URL + ": trace " + id(9).String() + ": trace not found"; err.Error() != want {
		t.Errorf("error %q, want %q", err, want)
	}
}

func TestSearchFinds(t *testing.T) {
	tempo := tempotest.Start(t, tempotest.Config{})
	c := newClient(t, tempo.URL, Config{})
	now := time.Now().Add(-2 * time.Second).Truncate(time.Second)
	for n := range byte(5) {
		pushSpans(t, tempo, "", shop(id(n), now.UnixNano()-ms(10*int64(n%3))))
	}
	found := awaitFound(t, c, Query{}, 5)
	var order []byte
	for _, s := range found {
		order = append(order, s.ID[0])
	}
	// The newest first, equal starts by id.
	if diff := cmp.Diff([]byte{0, 3, 1, 4, 2}, order); diff != "" {
		t.Errorf("order (-want +got):\n%s", diff)
	}
	want := TraceSummary{ID: id(0), RootService: "frontend", RootName: "frontend server", Start: now, Duration: 100 * time.Millisecond, Matched: 8}
	if diff := cmp.Diff(want, found[0]); diff != "" {
		t.Errorf("summary (-want +got):\n%s", diff)
	}

	newest := collect(t, c.Search(t.Context(), Query{Limit: 2}))
	if diff := cmp.Diff(found[:2], newest); diff != "" {
		t.Errorf("with a limit (-want +got):\n%s", diff)
	}
	for query, want := range map[string]int{
		`{resource.service.name="mailer"}`:                       5,
		`{resource.service.name="payment" && status=error}`:      5,
		`{resource.service.name="frontend" && status=error}`:     0,
		`{span.db.namespace="orders" && name="checkout client"}`: 5,
	} {
		if got := len(collect(t, c.Search(t.Context(), Query{TraceQL: query}))); got != want {
			t.Errorf("%s finds %d traces, want %d", query, got, want)
		}
	}
	for name, q := range map[string]Query{
		"ten days":   {Start: now.Add(-11 * 24 * time.Hour), End: now.Add(-24 * time.Hour)},
		"before":     {Start: now.Add(-time.Hour), End: now.Add(-time.Minute)},
		"the future": {Start: now.Add(time.Hour), End: now.Add(2 * time.Hour)},
	} {
		if got := collect(t, c.Search(t.Context(), q)); len(got) != 0 {
			t.Errorf("%s: found %v", name, got)
		}
	}
}

func TestQueryThatTempoRejects(t *testing.T) {
	tempo := tempotest.Start(t, tempotest.Config{})
	c := newClient(t, tempo.URL, Config{})
	for _, err := range c.Spans(t.Context(), Query{TraceQL: "{ foo"}) {
		e, ok := errors.AsType[*Error](err)
		if !ok || e.StatusCode != http.StatusBadRequest {
			t.Fatalf("error %v", err)
		}
		want := "tempo " + tempo.URL + ": GET /api/search: 400 Bad Request: invalid TraceQL query: parse error at line 1, col 3: syntax error: unexpected IDENTIFIER"
		if err.Error() != want {
			t.Errorf("error %q, want %q", err, want)
		}
		return
	}
	t.Error("no error")
}

// TestGraphThroughTempo checks that the graph of spans from Tempo is the graph of the spans
// that Tempo received.
func TestGraphThroughTempo(t *testing.T) {
	tempo := tempotest.Start(t, tempotest.Config{})
	c := newClient(t, tempo.URL, Config{Keep: servicegraph.Config{}.Reads})
	const traces = 3 * fetchers
	start := time.Now().Add(-2 * time.Second).UnixNano()
	var spans []servicegraph.Span
	for n := range byte(traces) {
		spans = append(spans, shop(id(n), start+ms(int64(n)))...)
	}
	pushSpans(t, tempo, "", spans)
	awaitFound(t, c, Query{}, traces)

	marshal := func(seq iter.Seq2[servicegraph.Span, error]) []byte {
		g, err := servicegraph.Build(seq, servicegraph.Config{})
		if err != nil {
			t.Fatal(err)
		}
		b, err := json.Marshal(g)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	direct := marshal(func(yield func(servicegraph.Span, error) bool) {
		for _, s := range spans {
			if !yield(s, nil) {
				return
			}
		}
	})
	query := Query{TraceQL: `{resource.service.name="frontend"}`}
	through := marshal(c.Spans(t.Context(), query))
	if !bytes.Equal(direct, through) {
		t.Errorf("the graph differs (-direct +through Tempo):\n%s", cmp.Diff(string(direct), string(through)))
	}
	if !strings.Contains(string(direct), `"payment"`) {
		t.Errorf("the graph lacks a service:\n%s", direct)
	}

	// The order must be the same each time, whichever fetch ends first.
	first := collect(t, c.Spans(t.Context(), query))
	second := collect(t, c.Spans(t.Context(), query))
	if diff := cmp.Diff(first, second); diff != "" {
		t.Errorf("two reads differ:\n%s", diff)
	}
	if !slices.IsSortedFunc(first, func(a, b servicegraph.Span) int { return int(b.TraceID[0]) - int(a.TraceID[0]) }) {
		t.Error("the newest traces are not first")
	}
}

func TestAwait(t *testing.T) {
	tempo := tempotest.Start(t, tempotest.Config{})
	c := newClient(t, tempo.URL, Config{})
	spans := shop(id(1), time.Now().Add(-time.Second).UnixNano())

	// The trace arrives span by span, the root last. The time between two spans is longer than the
	// time between two fetches of Await.
	const settle = time.Second
	var (
		got      *Trace
		err      error
		returned time.Time
	)
	done := make(chan struct{})
	go func() {
		defer close(done)
		got, err = c.Await(t.Context(), id(1), settle)
		returned = time.Now()
	}()
	var last time.Time
	for _, s := range slices.Backward(spans) {
		time.Sleep(settle / 5) // the delay between spans is the case under test
		pushSpans(t, tempo, "", []servicegraph.Span{s})
		last = time.Now()
	}
	<-done
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Spans) != len(spans) {
		t.Errorf("%d spans, want %d", len(got.Spans), len(spans))
	}
	if quiet := returned.Sub(last); quiet < settle || quiet > settle+5*time.Second {
		t.Errorf("returned %v after the last span, want %v", quiet, settle)
	}

	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	if _, err := c.Await(ctx, id(2), settle); !errors.Is(err, ErrNotFound) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a trace that never comes: error %v", err)
	}
	ctx, cancel = context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	if got, err := c.Await(ctx, id(1), time.Hour); !errors.Is(err, context.DeadlineExceeded) || got == nil || len(got.Spans) != len(spans) {
		t.Errorf("not settled in time: %v, error %v", got, err)
	}
}

// TestTenants checks that a trace of one tenant is not found for another.
func TestTenants(t *testing.T) {
	tempo := tempotest.Start(t, tempotest.Config{Multitenancy: true})
	pushSpans(t, tempo, "blue", shop(id(1), time.Now().Add(-time.Second).UnixNano()))
	awaitTrace(t, newClient(t, tempo.URL, Config{OrgID: "blue"}), id(1), 8)

	if _, err := newClient(t, tempo.URL, Config{OrgID: "red"}).Trace(t.Context(), id(1)); !errors.Is(err, ErrNotFound) {
		t.Errorf("another tenant: error %v, want ErrNotFound", err)
	}
	// A client of two tenants gets the traces of both.
	pushSpans(t, tempo, "red", shop(id(2), time.Now().Add(-time.Second).UnixNano()))
	both := newClient(t, tempo.URL, Config{OrgID: "red|blue"})
	for _, trace := range []servicegraph.TraceID{id(1), id(2)} {
		awaitTrace(t, both, trace, 8)
	}
	for _, call := range httpCalls {
		switch call.name {
		case "Echo", "Ready", "BuildInfo", "Overrides": // these calls need no tenant
			continue
		}
		err := call.do(t.Context(), newClient(t, tempo.URL, Config{}), timeRange{})
		if e, ok := errors.AsType[*Error](err); !ok || e.StatusCode != http.StatusUnauthorized || !strings.HasSuffix(err.Error(), ": 401 Unauthorized: "+errNoTenant.Error()) {
			t.Errorf("%s without a tenant: %v", call.name, err)
		}
	}
	_, err := newClient(t, tempo.URL, Config{}).Trace(t.Context(), id(1))
	want := "tempo " + tempo.URL + ": GET /api/v2/traces/" + id(1).String() + ": 401 Unauthorized: no org id: this Tempo needs the name of a tenant"
	if err == nil || err.Error() != want {
		t.Errorf("no tenant: error %v, want %s", err, want)
	}
}

// TestIDsOfAnyLength has ids with every number of leading zeros, which search answers omit.
// Searches and fetches must return the same traces.
func TestIDsOfAnyLength(t *testing.T) {
	tempo := tempotest.Start(t, tempotest.Config{})
	c := newClient(t, tempo.URL, Config{})
	start := time.Now().Add(-2 * time.Second).UnixNano()
	want := make(map[servicegraph.TraceID]bool)
	for digits := 1; digits <= 32; digits++ {
		trace, err := servicegraph.ParseTraceID("7" + strings.Repeat("0", digits-1))
		if err != nil {
			t.Fatal(err)
		}
		want[trace] = true
		pushSpans(t, tempo, "", shop(trace, start))
	}
	summaries := awaitFound(t, c, Query{}, len(want))
	found := make(map[servicegraph.TraceID]int)
	for _, s := range summaries {
		found[s.ID]++
	}
	fetched := make(map[servicegraph.TraceID]int)
	for _, s := range collect(t, c.Spans(t.Context(), Query{})) {
		fetched[s.TraceID]++
	}
	for trace := range want {
		if found[trace] != 1 || fetched[trace] != 8 {
			t.Errorf("trace %s was found %d times, with %d spans, want 8", trace, found[trace], fetched[trace])
		}
		if got := awaitTrace(t, c, trace, 8); got.ID != trace {
			t.Errorf("trace %s came as %s", trace, got.ID)
		}
	}
	if len(found) != len(want) || len(fetched) != len(want) {
		t.Errorf("%d found and %d fetched of %d", len(found), len(fetched), len(want))
	}
}

// TestEveryCallConcurrentSafe makes all calls of one client at the same time.
func TestEveryCallConcurrentSafe(t *testing.T) {
	tempo := tempotest.Start(t, tempotest.Config{TraceQLMetrics: true})
	pushSpans(t, tempo, "", shop(id(1), time.Now().Add(-time.Second).UnixNano()))
	awaitFound(t, newClient(t, tempo.URL, Config{}), Query{}, 1)
	c := newClient(t, tempo.URL, Config{})
	var calls sync.WaitGroup
	for _, call := range httpCalls {
		for range 3 {
			calls.Go(func() {
				if err := call.do(t.Context(), c, timeRange{}); err != nil {
					t.Errorf("%s: %v", call.name, err)
				}
			})
		}
	}
	calls.Wait()
}

func TestClientConcurrentSafe(t *testing.T) {
	tempo := tempotest.Start(t, tempotest.Config{})
	c := newClient(t, tempo.URL, Config{})
	pushSpans(t, tempo, "", shop(id(1), time.Now().Add(-time.Second).UnixNano()))
	awaitFound(t, c, Query{}, 1)
	errs := make(chan error)
	const n = 8
	for range n {
		go func() {
			var count int
			for _, err := range c.Spans(context.WithoutCancel(t.Context()), Query{}) {
				if err != nil {
					errs <- err
					return
				}
				count++
			}
			if count != 8 {
				errs <- fmt.Errorf("%d spans, want 8", count)
				return
			}
			errs <- nil
		}()
	}
	for range n {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
}
