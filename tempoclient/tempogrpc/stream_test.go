package tempogrpc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/grafana/tempo/pkg/tempopb"
	commonpb "github.com/grafana/tempo/pkg/tempopb/common/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/tempoclient"
	"github.com/tempograph/tempograph/tempoclient/tempotest"
)

// newStreams returns a client of the gRPC server at addr. An empty addr means the host and port of
// the URL.
func newStreams(t *testing.T, url, addr string, cfg tempoclient.Config) *Client {
	t.Helper()
	client, err := tempoclient.New(url, cfg)
	if err != nil {
		t.Fatal(err)
	}
	c, err := New(client, Config{Addr: addr})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Close()
		client.Close()
	})
	return c
}

func serve(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

func id(n byte) servicegraph.TraceID { return servicegraph.TraceID{0: n, 8: n, 15: 1} }

func attr(key, value string) []servicegraph.Attr {
	return []servicegraph.Attr{{Key: key, Value: value}}
}

// collect reads a sequence to its end, and fails the test on any error.
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

// await repeats a check until it returns nil.
func await(t *testing.T, check func() error) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
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

// push sends a trace of one call from web to cart.
func push(t *testing.T, tempo *tempotest.Tempo, tenant string, trace servicegraph.TraceID) {
	t.Helper()
	start := time.Now().Add(-2 * time.Second).UnixNano()
	spans := []servicegraph.Span{
		{TraceID: trace, SpanID: servicegraph.SpanID{7: 1}, Service: "web", Name: "GET", Kind: servicegraph.KindClient, Status: servicegraph.StatusError, Start: start, End: start + 1e6},
		{TraceID: trace, SpanID: servicegraph.SpanID{7: 2}, ParentID: servicegraph.SpanID{7: 1}, Service: "cart", Name: "GET", Kind: servicegraph.KindServer, Start: start, End: start + 1e6},
	}
	body, err := Trace(spans).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, tempo.OTLPHTTPURL+"/v1/traces", strings.NewReader(string(body)))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-protobuf")
	if tenant != "" {
		req.Header.Set("X-Scope-OrgID", tenant)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if answer, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("push: status %d: %s (%v)", resp.StatusCode, answer, err)
	}
}

// last reads a sequence to its end and returns its last element. It fails the test on any error.
func last[T any](t *testing.T, seq iter.Seq2[T, error]) T {
	t.Helper()
	all := collect(t, seq)
	if len(all) == 0 {
		t.Fatal("the sequence is empty")
	}
	return all[len(all)-1]
}

func firstError[T any](seq iter.Seq2[T, error]) error {
	for _, err := range seq {
		if err != nil {
			return err
		}
	}
	return nil
}

func TestStreamsOfTempo(t *testing.T) {
	tempo := tempotest.Start(t, tempotest.Config{TraceQLMetrics: true})
	const n = 10
	for i := range byte(n) {
		push(t, tempo, "", id(i))
	}
	client, err := tempoclient.New(tempo.URL, tempoclient.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx := t.Context()
	var want []tempoclient.TraceSummary
	await(t, func() error {
		want = collect(t, client.Search(ctx, tempoclient.Query{}))
		if len(want) < n {
			return fmt.Errorf("found %d of %d traces", len(want), n)
		}
		return nil
	})
	for name, addr := range map[string]string{"gRPC port": tempo.GRPCAddr, "HTTP port": ""} {
		t.Run(name, func(t *testing.T) {
			c := newStreams(t, tempo.URL, addr, tempoclient.Config{})
			compareSearches(t, c, want)
			compareTags(t, c, client)
			awaitMetrics(t, c, n)
			err := firstError(c.Search(ctx, tempoclient.Query{TraceQL: "{ foo"}))
			if e, ok := errors.AsType[*tempoclient.Error](err); !ok || e.StatusCode != http.StatusBadRequest ||
				!strings.HasSuffix(err.Error(), ": gRPC /tempopb.StreamingQuerier/Search: 400 Bad Request: invalid TraceQL query: parse error at line 1, col 3: syntax error: unexpected IDENTIFIER") {
				t.Errorf("a query that Tempo rejects: %v", err)
			}
		})
	}
}

// compareSearches compares the results of searches with those over HTTP.
func compareSearches(t *testing.T, c *Client, want []tempoclient.TraceSummary) {
	ctx := t.Context()
	got := last(t, c.Search(ctx, tempoclient.Query{}))
	if diff := cmp.Diff(want, got.Traces); diff != "" || got.Completed != got.Jobs || got.Warnings != nil {
		t.Errorf("Search: %d of %d done, warnings %v, (-HTTP +gRPC):\n%s", got.Completed, got.Jobs, got.Warnings, diff)
	}
	if got := last(t, c.Search(ctx, tempoclient.Query{Limit: 7})); len(got.Traces) != 7 {
		t.Errorf("Search with a limit of 7: %d traces", len(got.Traces))
	}
}

// compareTags compares tags and values of tags with those over HTTP.
func compareTags(t *testing.T, c *Client, client *tempoclient.Client) {
	ctx := t.Context()
	wantTags, err := client.Tags(ctx, tempoclient.TagQuery{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(wantTags, last(t, c.Tags(ctx, tempoclient.TagQuery{}))); diff != "" || len(wantTags.Scopes) < 2 {
		t.Errorf("Tags (-HTTP +gRPC):\n%s", diff)
	}
	q := tempoclient.TagQuery{TraceQL: "{status=error}"}
	wantValues, err := client.TagValues(ctx, "resource.service.name", q)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(wantValues, last(t, c.TagValues(ctx, "resource.service.name", q))); diff != "" || len(wantValues.Values) != 1 {
		t.Errorf("TagValues (-HTTP +gRPC):\n%s", diff)
	}
}

// awaitMetrics waits until the metrics count each of n traces.
func awaitMetrics(t *testing.T, c *Client, n float64) {
	ctx := t.Context()
	metrics := tempoclient.MetricsQuery{TraceQL: "{} | count_over_time() by (resource.service.name)", Start: time.Now().Add(-time.Minute), End: time.Now().Add(time.Minute), Step: 10 * time.Second}
	for name, ask := range map[string]func() *tempoclient.Metrics{
		"QueryRange":   func() *tempoclient.Metrics { return last(t, c.QueryRange(ctx, metrics)) },
		"QueryInstant": func() *tempoclient.Metrics { return last(t, c.QueryInstant(ctx, metrics)) },
	} {
		await(t, func() error {
			sums := make(map[string]float64)
			for _, s := range ask().Series {
				for _, sample := range s.Samples {
					sums[s.Labels[len(s.Labels)-1].Value] += sample.Value
				}
			}
			if want := map[string]float64{"web": n, "cart": n}; fmt.Sprint(sums) != fmt.Sprint(want) {
				return fmt.Errorf("%s: %v, want %v", name, sums, want)
			}
			return nil
		})
	}
}

func TestStreamsWithTenants(t *testing.T) {
	tempo := tempotest.Start(t, tempotest.Config{Multitenancy: true})
	for n, tenant := range []string{"blue", "red"} {
		push(t, tempo, tenant, id(byte(n)))
	}
	for tenant, want := range map[string]int{"blue": 1, "red": 1, "green": 0, "blue|red": 2} {
		c := newStreams(t, tempo.URL, tempo.GRPCAddr, tempoclient.Config{OrgID: tenant})
		await(t, func() error {
			if got := last(t, c.Search(t.Context(), tempoclient.Query{})); len(got.Traces) != want {
				return fmt.Errorf("Search as %s: %d traces, want %d", tenant, len(got.Traces), want)
			}
			return nil
		})
	}
	c := newStreams(t, tempo.URL, tempo.GRPCAddr, tempoclient.Config{})
	if err := firstError(c.Search(t.Context(), tempoclient.Query{})); err == nil || !strings.Contains(err.Error(), "no org id") {
		t.Errorf("no tenant: %v", err)
	}
}

// A fakeStreams is a StreamingQuerier with chosen messages and errors.
type fakeStreams struct {
	tempopb.UnimplementedStreamingQuerierServer
	search  func(*tempopb.SearchRequest, tempopb.StreamingQuerier_SearchServer) error
	tags    func(*tempopb.SearchTagsRequest, tempopb.StreamingQuerier_SearchTagsV2Server) error
	values  func(*tempopb.SearchTagValuesRequest, tempopb.StreamingQuerier_SearchTagValuesV2Server) error
	ranges  func(*tempopb.QueryRangeRequest, tempopb.StreamingQuerier_MetricsQueryRangeServer) error
	instant func(*tempopb.QueryInstantRequest, tempopb.StreamingQuerier_MetricsQueryInstantServer) error
}

func (f *fakeStreams) Search(r *tempopb.SearchRequest, s tempopb.StreamingQuerier_SearchServer) error {
	return f.search(r, s)
}

func (f *fakeStreams) SearchTagsV2(r *tempopb.SearchTagsRequest, s tempopb.StreamingQuerier_SearchTagsV2Server) error {
	return f.tags(r, s)
}

func (f *fakeStreams) SearchTagValuesV2(r *tempopb.SearchTagValuesRequest, s tempopb.StreamingQuerier_SearchTagValuesV2Server) error {
	return f.values(r, s)
}

func (f *fakeStreams) MetricsQueryRange(r *tempopb.QueryRangeRequest, s tempopb.StreamingQuerier_MetricsQueryRangeServer) error {
	return f.ranges(r, s)
}

func (f *fakeStreams) MetricsQueryInstant(r *tempopb.QueryInstantRequest, s tempopb.StreamingQuerier_MetricsQueryInstantServer) error {
	return f.instant(r, s)
}

// serveStreams returns the address of a server.
func serveStreams(t *testing.T, f *fakeStreams, options ...grpc.ServerOption) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := grpc.NewServer(append(options, grpc.ForceServerCodec(codec{}))...)
	tempopb.RegisterStreamingQuerierServer(s, f)
	go s.Serve(l)
	t.Cleanup(s.Stop)
	return l.Addr().String()
}

// TestStreamsMergeDeltas has messages that add, change and repeat results.
func TestStreamsMergeDeltas(t *testing.T) {
	end := time.UnixMilli(1795399620000)
	found := func(n byte, name string, start int) *tempopb.TraceSearchMetadata {
		return &tempopb.TraceSearchMetadata{TraceID: strings.TrimLeft(id(n).String(), "0"), RootTraceName: name, StartTimeUnixNano: uint64(start)}
	}
	label := []commonpb.KeyValue{tempopb.MakeKeyValueString("service", "a")}
	other := []commonpb.KeyValue{tempopb.MakeKeyValueString("service", "b")}
	var got struct {
		search *tempopb.SearchRequest
		ranges *tempopb.QueryRangeRequest
		header metadata.MD
	}
	addr := serveStreams(t, &fakeStreams{
		search: func(r *tempopb.SearchRequest, s tempopb.StreamingQuerier_SearchServer) error {
			got.search = r
			got.header, _ = metadata.FromIncomingContext(s.Context())
			for i, traces := range [][]*tempopb.TraceSearchMetadata{
				{found(1, "one", 10), found(2, "<root span not yet received>", 20)},
				{},
				{found(3, "three", 15), found(2, "two", 5)},
			} {
				if err := s.Send(&tempopb.SearchResponse{Traces: traces, Metrics: &tempopb.SearchMetrics{CompletedJobs: uint32(i), TotalJobs: 3}}); err != nil {
					return err
				}
			}
			return nil
		},
		tags: func(_ *tempopb.SearchTagsRequest, s tempopb.StreamingQuerier_SearchTagsV2Server) error {
			s.Send(&tempopb.SearchTagsV2Response{Scopes: []*tempopb.SearchTagsV2Scope{{Name: "span", Tags: []string{"b", "c"}}}})
			return s.Send(&tempopb.SearchTagsV2Response{Scopes: []*tempopb.SearchTagsV2Scope{{Name: "span", Tags: []string{"a", "b"}}, {Name: "resource", Tags: []string{"r"}}}})
		},
		values: func(_ *tempopb.SearchTagValuesRequest, s tempopb.StreamingQuerier_SearchTagValuesV2Server) error {
			s.Send(&tempopb.SearchTagValuesV2Response{TagValues: []*tempopb.TagValue{{Type: "string", Value: "web"}}})
			return s.Send(&tempopb.SearchTagValuesV2Response{
				TagValues: []*tempopb.TagValue{{Type: "string", Value: "api"}, {Type: "string", Value: "web"}, {Type: "int", Value: "7"}},
				Metrics:   &tempopb.MetadataMetrics{CompletedJobs: 2, TotalJobs: 3},
			})
		},
		ranges: func(r *tempopb.QueryRangeRequest, s tempopb.StreamingQuerier_MetricsQueryRangeServer) error {
			got.ranges = r
			s.Send(&tempopb.QueryRangeResponse{Series: []*tempopb.TimeSeries{
				{Labels: other, Samples: []tempopb.Sample{{TimestampMs: 1000, Value: 9}}},
				{Labels: label, Samples: []tempopb.Sample{{TimestampMs: 2000, Value: 1}, {TimestampMs: 3000, Value: 1}}, Exemplars: []tempopb.Exemplar{{TimestampMs: 2500, Value: 1}}},
			}})
			return s.Send(&tempopb.QueryRangeResponse{Series: []*tempopb.TimeSeries{
				{Labels: label, Samples: []tempopb.Sample{{TimestampMs: 3000, Value: 2}, {TimestampMs: 1000, Value: 4}}, Exemplars: []tempopb.Exemplar{{TimestampMs: 2500, Value: 3}}},
			}, Status: tempopb.PartialStatus_PARTIAL, Message: "max series"})
		},
		instant: func(_ *tempopb.QueryInstantRequest, s tempopb.StreamingQuerier_MetricsQueryInstantServer) error {
			s.Send(&tempopb.QueryInstantResponse{Series: []*tempopb.InstantSeries{{Labels: label, Value: 1}}})
			return s.Send(&tempopb.QueryInstantResponse{Series: []*tempopb.InstantSeries{{Labels: label, Value: 2}, {Labels: other}}})
		},
	})
	c := newStreams(t, "http://localhost:1", addr, tempoclient.Config{OrgID: "org", BearerToken: "tok", Header: http.Header{"X-Extra": {"x"}}})

	var order []string
	for p, err := range c.Search(t.Context(), tempoclient.Query{TraceQL: "{a}", Start: end.Add(-time.Minute), End: end, Limit: 50}) {
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, s := range p.Traces {
			names = append(names, s.RootName)
		}
		order = append(order, fmt.Sprintf("%d/%d %s %v", p.Completed, p.Jobs, strings.Join(names, ","), p.Warnings))
	}
	want := []string{
		"0/3 <root span not yet received>,one []",
		"1/3 <root span not yet received>,one []",
		"2/3 three,one,two []",
		"2/3 three,one,two [partial: 2 of 3 parts of the search were done]",
	}
	if diff := cmp.Diff(want, order); diff != "" {
		t.Errorf("Search (-want +got):\n%s", diff)
	}
	if r := got.search; r.Query != "{a}" || r.Limit != 50 || int64(r.End)-int64(r.Start) != 60 || int64(r.End) != end.Unix() {
		t.Errorf("Tempo was asked %v", r)
	}
	for key, want := range map[string]string{"x-scope-orgid": "org", "authorization": "Bearer tok", "x-extra": "x"} {
		if v := got.header.Get(key); !slices.Equal(v, []string{want}) {
			t.Errorf("metadata %s is %q, want %q", key, v, want)
		}
	}

	tags := last(t, c.Tags(t.Context(), tempoclient.TagQuery{}))
	if diff := cmp.Diff(&tempoclient.Tags{Scopes: []tempoclient.TagScope{{Name: "resource", Tags: []string{"r"}}, {Name: "span", Tags: []string{"a", "b", "c"}}}}, tags); diff != "" {
		t.Errorf("Tags (-want +got):\n%s", diff)
	}

	values := last(t, c.TagValues(t.Context(), "span.x", tempoclient.TagQuery{}))
	wantValues := &tempoclient.TagValues{
		Values:   []tempoclient.TagValue{{Type: "int", Value: "7"}, {Type: "string", Value: "api"}, {Type: "string", Value: "web"}},
		Warnings: []*tempoclient.Warning{{Kind: tempoclient.WarnPartial, Message: "2 of 3 parts of the search were done"}},
	}
	if diff := cmp.Diff(wantValues, values); diff != "" {
		t.Errorf("TagValues (-want +got):\n%s", diff)
	}

	metrics := last(t, c.QueryRange(t.Context(), tempoclient.MetricsQuery{TraceQL: "{} | rate()", End: end, Step: time.Second}))
	at := func(s int64, v float64) tempoclient.Sample {
		return tempoclient.Sample{Time: time.UnixMilli(1000 * s), Value: v}
	}
	wantMetrics := &tempoclient.Metrics{
		Series: []tempoclient.Series{
			{Labels: attr("service", "a"), Samples: []tempoclient.Sample{at(1, 4), at(2, 1), at(3, 2)}, Exemplars: []tempoclient.Exemplar{{Sample: tempoclient.Sample{Time: time.UnixMilli(2500), Value: 3}}}},
			{Labels: attr("service", "b"), Samples: []tempoclient.Sample{at(1, 9)}},
		},
		Warnings: []*tempoclient.Warning{{Kind: tempoclient.WarnPartial, Message: "max series"}},
	}
	if diff := cmp.Diff(wantMetrics, metrics); diff != "" {
		t.Errorf("QueryRange (-want +got):\n%s", diff)
	}
	if r := got.ranges; r.Step != uint64(time.Second) || r.End != uint64(end.UnixNano()) || r.End-r.Start != uint64(time.Hour) {
		t.Errorf("Tempo was asked %v", r)
	}

	metrics = last(t, c.QueryInstant(t.Context(), tempoclient.MetricsQuery{TraceQL: "{} | rate()", End: end}))
	wantMetrics = &tempoclient.Metrics{Series: []tempoclient.Series{
		{Labels: attr("service", "a"), Samples: []tempoclient.Sample{{Time: end, Value: 2}}},
		{Labels: attr("service", "b"), Samples: []tempoclient.Sample{{Time: end, Value: 0}}},
	}}
	if diff := cmp.Diff(wantMetrics, metrics); diff != "" {
		t.Errorf("QueryInstant (-want +got):\n%s", diff)
	}
}

func TestStreamFaults(t *testing.T) {
	type server = tempopb.StreamingQuerier_SearchServer
	one := &tempopb.SearchResponse{Traces: []*tempopb.TraceSearchMetadata{{TraceID: "1"}}}
	for _, test := range []struct {
		name   string
		search func(attempt int, s server) error
		yields int
		want   string // empty for no error
	}{
		{"nothing", func(int, server) error { return nil }, 0, "the stream ended without an answer"},
		{"an id that is none", func(_ int, s server) error {
			return s.Send(&tempopb.SearchResponse{Traces: []*tempopb.TraceSearchMetadata{{TraceID: "x"}}})
		}, 0, `Search: trace id "x": want 1 to 32 hexadecimal digits`},
		{"breaks in the middle", func(_ int, s server) error {
			s.Send(one)
			s.Send(one)
			return status.Error(codes.Unavailable, "transport is closing")
		}, 2, "the answer broke off: transport is closing"},
		{"comes back", func(attempt int, s server) error {
			if attempt < 3 {
				return status.Error(codes.Unavailable, "starting")
			}
			return s.Send(one)
		}, 2, ""},
		{"queue full, comes back", func(attempt int, s server) error {
			if attempt < 2 {
				return status.Error(codes.ResourceExhausted, "queue is full")
			}
			return s.Send(one)
		}, 2, ""},
		{"rejects", func(attempt int, s server) error {
			if attempt > 1 {
				t.Error("asked again")
			}
			return status.Error(codes.InvalidArgument, "range is reversed")
		}, 0, "Search: 400 Bad Request: range is reversed"},
		{"echoes credentials", func(_ int, s server) error {
			return status.Error(codes.PermissionDenied, "not with hunter2")
		}, 0, "Search: 403 Forbidden: not with REDACTED"},
		{"too large", func(_ int, s server) error {
			return s.Send(&tempopb.SearchResponse{Traces: []*tempopb.TraceSearchMetadata{{TraceID: "1", RootTraceName: strings.Repeat("x", 5000)}}})
		}, 0, "the answer is larger than 4,096 bytes"},
	} {
		t.Run(test.name, func(t *testing.T) {
			attempt := 0
			addr := serveStreams(t, &fakeStreams{search: func(_ *tempopb.SearchRequest, s server) error {
				attempt++
				return test.search(attempt, s)
			}})
			c := newStreams(t, "http://localhost:1", addr, tempoclient.Config{BearerToken: "hunter2", MaxBytes: 4096})
			yields, got := 0, error(nil)
			for _, err := range c.Search(t.Context(), tempoclient.Query{}) {
				if err != nil {
					got = err
					continue
				}
				yields++
			}
			if yields != test.yields || (test.want == "") != (got == nil) || !strings.Contains(fmt.Sprint(got), test.want) {
				t.Errorf("%d elements, want %d; error %v, want %q", yields, test.yields, got, test.want)
			}
		})
	}
}

func TestStreamsEndAtOnce(t *testing.T) {
	addr := serveStreams(t, &fakeStreams{search: func(_ *tempopb.SearchRequest, s tempopb.StreamingQuerier_SearchServer) error {
		for range 2 {
			s.Send(&tempopb.SearchResponse{})
		}
		<-s.Context().Done()
		return nil
	}})
	c := newStreams(t, "http://localhost:1", addr, tempoclient.Config{})
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	reason := errors.New("enough")
	var got error
	for _, err := range c.Search(ctx, tempoclient.Query{}) {
		got = err
		cancel(reason)
	}
	if !errors.Is(got, reason) {
		t.Errorf("canceled: %v", got)
	}

	c = newStreams(t, "http://localhost:1", addr, tempoclient.Config{Timeout: 50 * time.Millisecond})
	if err := firstError(c.Search(t.Context(), tempoclient.Query{})); err == nil || !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "no message for 50ms") {
		t.Errorf("a silent server: %v", err)
	}
	n := 0
	for _, err := range c.Search(t.Context(), tempoclient.Query{}) {
		if n++; n == 2 {
			if err != nil {
				t.Errorf("after the caller took its time: %v", err)
			}
			break // ends the stream, because the server would not end it
		}
		time.Sleep(100 * time.Millisecond) // longer than the timeout
	}
}

func TestStreamsOfSomethingElse(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	down := newStreams(t, "http://"+l.Addr().String(), "", tempoclient.Config{})
	err = firstError(down.Tags(t.Context(), tempoclient.TagQuery{}))
	if want := "tempo " + l.Addr().String() + ": connection refused: is Tempo running there?"; err == nil || err.Error() != want {
		t.Errorf("nobody there: %v, want %s", err, want)
	}

	web := newStreams(t, serve(t, http.NotFound), "", tempoclient.Config{})
	if err := firstError(web.Tags(t.Context(), tempoclient.TagQuery{})); err == nil || !strings.Contains(err.Error(), "is this Tempo's gRPC port") {
		t.Errorf("a web server: %v", err)
	}
}

// TestStreamsThatAreReset resets the connection after the first message. The stream yields
// that message, and then an error.
func TestStreamsThatAreReset(t *testing.T) {
	release := make(chan struct{})
	addr := serveStreams(t, &fakeStreams{
		search: func(_ *tempopb.SearchRequest, s tempopb.StreamingQuerier_SearchServer) error {
			s.Send(&tempopb.SearchResponse{Traces: []*tempopb.TraceSearchMetadata{{TraceID: "1"}}})
			<-release
			return nil
		},
	})
	defer close(release)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var mu sync.Mutex
	var clients []*net.TCPConn
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", addr)
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			clients = append(clients, client.(*net.TCPConn))
			mu.Unlock()
			go io.Copy(server, client)
			go io.Copy(client, server)
		}
	}()
	c := newStreams(t, "http://tempo", l.Addr().String(), tempoclient.Config{})
	found := 0
	var failure error
	for p, err := range c.Search(t.Context(), tempoclient.Query{}) {
		if err != nil {
			failure = err
			continue
		}
		found = len(p.Traces)
		mu.Lock()
		for _, conn := range clients {
			conn.SetLinger(0)
			conn.Close()
		}
		mu.Unlock()
	}
	if e, ok := errors.AsType[*tempoclient.Error](failure); !ok || found != 1 || !strings.Contains(e.Error(), ": the answer broke off: ") {
		t.Errorf("%d traces, then %v", found, failure)
	}
}

// TestStreamsOfTempo3 checks that a stream ends with the warning that Tempo 3 does not
// search the last half minute.
func TestStreamsOfTempo3(t *testing.T) {
	addr := serveStreams(t, &fakeStreams{
		search: func(_ *tempopb.SearchRequest, s tempopb.StreamingQuerier_SearchServer) error {
			return s.Send(&tempopb.SearchResponse{Traces: []*tempopb.TraceSearchMetadata{{TraceID: "1"}}})
		},
		tags: func(_ *tempopb.SearchTagsRequest, s tempopb.StreamingQuerier_SearchTagsV2Server) error {
			return s.Send(&tempopb.SearchTagsV2Response{})
		},
		values: func(_ *tempopb.SearchTagValuesRequest, s tempopb.StreamingQuerier_SearchTagValuesV2Server) error {
			return s.Send(&tempopb.SearchTagValuesV2Response{})
		},
		ranges: func(_ *tempopb.QueryRangeRequest, s tempopb.StreamingQuerier_MetricsQueryRangeServer) error {
			return s.Send(&tempopb.QueryRangeResponse{})
		},
		instant: func(_ *tempopb.QueryInstantRequest, s tempopb.StreamingQuerier_MetricsQueryInstantServer) error {
			return s.Send(&tempopb.QueryInstantResponse{})
		},
	})
	c := newStreams(t, "http://tempo", addr, tempoclient.Config{Transport: tempo3{}})
	hour := tempoclient.TagQuery{Start: time.Now().Add(-time.Hour), End: time.Now()}
	query := tempoclient.MetricsQuery{TraceQL: "{} | rate()"}
	for name, got := range map[string][]*tempoclient.Warning{
		"Search":                    last(t, c.Search(t.Context(), tempoclient.Query{})).Warnings,
		"Tags":                      last(t, c.Tags(t.Context(), hour)).Warnings,
		"TagValues":                 last(t, c.TagValues(t.Context(), "resource.service.name", hour)).Warnings,
		"QueryRange":                last(t, c.QueryRange(t.Context(), query)).Warnings,
		"QueryInstant":              last(t, c.QueryInstant(t.Context(), query)).Warnings,
		"Search of yesterday":       last(t, c.Search(t.Context(), tempoclient.Query{End: time.Now().Add(-24 * time.Hour)})).Warnings,
		"Tags without a range":      last(t, c.Tags(t.Context(), tempoclient.TagQuery{})).Warnings,
		"QueryRange of yesterday":   last(t, c.QueryRange(t.Context(), tempoclient.MetricsQuery{End: time.Now().Add(-24 * time.Hour)})).Warnings,
		"TagValues without a range": last(t, c.TagValues(t.Context(), "name", tempoclient.TagQuery{})).Warnings,
	} {
		want := 1
		if strings.Contains(name, " ") {
			want = 0
		}
		if len(got) != want || want > 0 && got[0].Kind != tempoclient.WarnRecent {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// tempo3 answers like Tempo 3 when it is asked for its version and for recent traces.
type tempo3 struct{}

func (tempo3) RoundTrip(req *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	if req.URL.Path != "/api/search" {
		fmt.Fprint(w, `{"version":"3.0.3"}`)
		return w.Result(), nil
	}
	start, err := strconv.ParseInt(req.FormValue("start"), 10, 64)
	if err != nil {
		return nil, err
	}
	http.Error(w, fmt.Sprintf("http parameter start must be before end. received start=%d end=%d", start, time.Now().Add(-30*time.Second).Unix()), http.StatusBadRequest)
	return w.Result(), nil
}
