package tempoclient

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/grafana/tempo/pkg/tempopb"
	commonpb "github.com/grafana/tempo/pkg/tempopb/common/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/tempograph/tempograph/tempoclient/tempotest"
)

// last reads a sequence to its end and returns its last element; it fails on any
// error.
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
	tempo := tempotest.Start(t, tempotest.Config{})
	start := time.Now().Add(-2 * time.Second).UnixNano()
	for n := range byte(30) {
		pushSpans(t, tempo, "", shop(id(n), start+ms(int64(n))))
	}
	for name, cfg := range map[string]Config{
		"gRPC port": {GRPCAddr: tempo.GRPCAddr},
		"HTTP port": {},
	} {
		t.Run(name, func(t *testing.T) {
			c := newClient(t, tempo.URL, cfg)
			want := awaitFound(t, c, Query{}, 30)
			got := last(t, c.StreamSearch(t.Context(), Query{}))
			if diff := cmp.Diff(want, got.Traces); diff != "" || got.Completed != got.Jobs || got.Warnings != nil {
				t.Errorf("StreamSearch: %d of %d done, warnings %v, (-want +got):\n%s", got.Completed, got.Jobs, got.Warnings, diff)
			}
			if got := last(t, c.StreamSearch(t.Context(), Query{Limit: 7})); len(got.Traces) != 7 {
				t.Errorf("StreamSearch with a limit of 7: %d traces", len(got.Traces))
			}

			wantTags, err := c.Tags(t.Context(), TagQuery{})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(wantTags, last(t, c.StreamTags(t.Context(), TagQuery{}))); diff != "" || len(wantTags.Scopes) < 3 {
				t.Errorf("StreamTags (-HTTP +gRPC):\n%s", diff)
			}
			q := TagQuery{TraceQL: "{status=error}"}
			wantValues, err := c.TagValues(t.Context(), "resource.service.name", q)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(wantValues, last(t, c.StreamTagValues(t.Context(), "resource.service.name", q))); diff != "" || len(wantValues.Values) != 2 {
				t.Errorf("StreamTagValues (-HTTP +gRPC):\n%s", diff)
			}

			err = firstError(c.StreamSearch(t.Context(), Query{TraceQL: "{ foo"}))
			if e, ok := errors.AsType[*Error](err); !ok || e.StatusCode != http.StatusBadRequest ||
				!strings.HasSuffix(err.Error(), ": gRPC /tempopb.StreamingQuerier/Search: 400 Bad Request: invalid TraceQL query: parse error at line 1, col 3: syntax error: unexpected IDENTIFIER") {
				t.Errorf("a query that Tempo rejects: %v", err)
			}
		})
	}
}

func TestStreamsWithTenants(t *testing.T) {
	tempo := tempotest.Start(t, tempotest.Config{Multitenancy: true})
	for n, tenant := range []string{"blue", "red"} {
		pushSpans(t, tempo, tenant, shop(id(byte(n)), time.Now().Add(-time.Second).UnixNano()))
		awaitFound(t, newClient(t, tempo.URL, Config{OrgID: tenant}), Query{}, 1)
	}
	for tenant, want := range map[string]int{"blue": 1, "red": 1, "green": 0, "blue|red": 2} {
		c := newClient(t, tempo.URL, Config{OrgID: tenant, GRPCAddr: tempo.GRPCAddr})
		if got := last(t, c.StreamSearch(t.Context(), Query{})); len(got.Traces) != want {
			t.Errorf("StreamSearch as %s: %d traces, want %d", tenant, len(got.Traces), want)
		}
		if got := collect(t, c.Search(t.Context(), Query{})); len(got) != want {
			t.Errorf("Search as %s: %d traces, want %d", tenant, len(got), want)
		}
	}
	c := newClient(t, tempo.URL, Config{GRPCAddr: tempo.GRPCAddr})
	if err := firstError(c.StreamSearch(t.Context(), Query{})); err == nil || !strings.Contains(err.Error(), "no org id") {
		t.Errorf("no tenant: %v", err)
	}
}

// A fakeStreams is a StreamingQuerier whose messages and errors are chosen. A method
// that is not set is unimplemented.
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

// serveStreams returns the address of the fake.
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

// TestStreamsMergeDeltas has messages that add, change and repeat.
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
	c := newClient(t, "http://localhost:1", Config{GRPCAddr: addr, OrgID: "org", BearerToken: "tok", Header: http.Header{"X-Extra": {"x"}}})

	var order []string
	for p, err := range c.StreamSearch(t.Context(), Query{TraceQL: "{a}", Start: end.Add(-time.Minute), End: end, Limit: 50}) {
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
		t.Errorf("StreamSearch (-want +got):\n%s", diff)
	}
	if r := got.search; r.Query != "{a}" || r.Limit != 50 || int64(r.End)-int64(r.Start) != 60 || int64(r.End) != end.Unix() {
		t.Errorf("Tempo was asked %v", r)
	}
	for key, want := range map[string]string{"x-scope-orgid": "org", "authorization": "Bearer tok", "x-extra": "x"} {
		if v := got.header.Get(key); !slices.Equal(v, []string{want}) {
			t.Errorf("metadata %s is %q, want %q", key, v, want)
		}
	}

	tags := last(t, c.StreamTags(t.Context(), TagQuery{}))
	if diff := cmp.Diff(&Tags{Scopes: []TagScope{{"resource", []string{"r"}}, {"span", []string{"a", "b", "c"}}}}, tags); diff != "" {
		t.Errorf("StreamTags (-want +got):\n%s", diff)
	}

	values := last(t, c.StreamTagValues(t.Context(), "span.x", TagQuery{}))
	wantValues := &TagValues{
		Values:   []TagValue{{"int", "7"}, {"string", "api"}, {"string", "web"}},
		Warnings: []*Warning{{Kind: WarnPartial, Message: "2 of 3 parts of the search were done"}},
	}
	if diff := cmp.Diff(wantValues, values); diff != "" {
		t.Errorf("StreamTagValues (-want +got):\n%s", diff)
	}

	metrics := last(t, c.StreamQueryRange(t.Context(), MetricsQuery{TraceQL: "{} | rate()", End: end, Step: time.Second}))
	at := func(s int64, v float64) Sample { return Sample{time.UnixMilli(1000 * s), v} }
	wantMetrics := &Metrics{
		Series: []Series{
			{Labels: attr("service", "a"), Samples: []Sample{at(1, 4), at(2, 1), at(3, 2)}, Exemplars: []Exemplar{{Sample: Sample{time.UnixMilli(2500), 3}}}},
			{Labels: attr("service", "b"), Samples: []Sample{at(1, 9)}},
		},
		Warnings: []*Warning{{Kind: WarnPartial, Message: "max series"}},
	}
	if diff := cmp.Diff(wantMetrics, metrics); diff != "" {
		t.Errorf("StreamQueryRange (-want +got):\n%s", diff)
	}
	if r := got.ranges; r.Step != uint64(time.Second) || r.End != uint64(end.UnixNano()) || r.End-r.Start != uint64(time.Hour) {
		t.Errorf("Tempo was asked %v", r)
	}

	metrics = last(t, c.StreamQueryInstant(t.Context(), MetricsQuery{TraceQL: "{} | rate()", End: end}))
	wantMetrics = &Metrics{Series: []Series{
		{Labels: attr("service", "a"), Samples: []Sample{{end, 2}}},
		{Labels: attr("service", "b"), Samples: []Sample{{end, 0}}},
	}}
	if diff := cmp.Diff(wantMetrics, metrics); diff != "" {
		t.Errorf("StreamQueryInstant (-want +got):\n%s", diff)
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
		}, 0, "the answer is larger than 4096 bytes"},
	} {
		t.Run(test.name, func(t *testing.T) {
			attempt := 0
			addr := serveStreams(t, &fakeStreams{search: func(_ *tempopb.SearchRequest, s server) error {
				attempt++
				return test.search(attempt, s)
			}})
			c := newClient(t, "http://localhost:1", Config{GRPCAddr: addr, BearerToken: "hunter2", MaxBytes: 4096})
			yields, got := 0, error(nil)
			for _, err := range c.StreamSearch(t.Context(), Query{}) {
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
	c := newClient(t, "http://localhost:1", Config{GRPCAddr: addr})
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	reason := errors.New("enough")
	var got error
	for _, err := range c.StreamSearch(ctx, Query{}) {
		got = err
		cancel(reason)
	}
	if !errors.Is(got, reason) {
		t.Errorf("cancelled: %v", got)
	}

	c = newClient(t, "http://localhost:1", Config{GRPCAddr: addr, Timeout: 50 * time.Millisecond})
	if err := firstError(c.StreamSearch(t.Context(), Query{})); err == nil || !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "silent for 50ms") {
		t.Errorf("a silent server: %v", err)
	}
	n := 0
	for _, err := range c.StreamSearch(t.Context(), Query{}) {
		if n++; n == 2 {
			if err != nil {
				t.Errorf("after the caller took its time: %v", err)
			}
			break // ends the stream: the server would not stop otherwise
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
	down := newClient(t, "http://"+l.Addr().String(), Config{})
	err = firstError(down.StreamTags(t.Context(), TagQuery{}))
	if want := "tempo " + l.Addr().String() + ": connection refused: is Tempo running there?"; err == nil || err.Error() != want {
		t.Errorf("nobody there: %v, want %s", err, want)
	}

	web := newClient(t, serve(t, http.NotFound), Config{})
	if err := firstError(web.StreamTags(t.Context(), TagQuery{})); err == nil || !strings.Contains(err.Error(), "is this Tempo's gRPC port") {
		t.Errorf("a web server: %v", err)
	}
}
