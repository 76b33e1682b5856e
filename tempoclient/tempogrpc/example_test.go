package tempogrpc

import (
	"context"
	"fmt"
	"log"
	"net"
	"time"

	"github.com/grafana/tempo/pkg/tempopb"
	commonpb "github.com/grafana/tempo/pkg/tempopb/common/v1"
	"google.golang.org/grpc"

	"github.com/tempograph/tempograph/tempoclient"
)

// A search shows traces as soon as Tempo finds them. A server in this process takes the place of
// Tempo.
func ExampleClient_Search() {
	streams, stop := serveExample(&fakeStreams{search: func(_ *tempopb.SearchRequest, s tempopb.StreamingQuerier_SearchServer) error {
		for i := range uint32(2) {
			answer := &tempopb.SearchResponse{
				Traces:  []*tempopb.TraceSearchMetadata{{TraceID: fmt.Sprint(i + 1), RootServiceName: "web", StartTimeUnixNano: 1_795_402_680e9}},
				Metrics: &tempopb.SearchMetrics{CompletedJobs: i + 1, TotalJobs: 2},
			}
			if err := s.Send(answer); err != nil {
				return err
			}
		}
		return nil
	}})
	defer stop()

	for found, err := range streams.Search(context.Background(), tempoclient.Query{TraceQL: `{resource.service.name="web"}`}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%d of %d parts searched, %d traces found\n", found.Completed, found.Jobs, len(found.Traces))
	}
	// Output:
	// 1 of 2 parts searched, 1 traces found
	// 2 of 2 parts searched, 2 traces found
	// 2 of 2 parts searched, 2 traces found
}

// A metrics query shows values while Tempo computes them.
func ExampleClient_QueryRange() {
	series := func(value float64) []*tempopb.TimeSeries {
		return []*tempopb.TimeSeries{{
			Labels:  []commonpb.KeyValue{{Key: "resource.service.name", Value: &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: "web"}}}},
			Samples: []tempopb.Sample{{TimestampMs: 1_795_402_680_000, Value: value}},
		}}
	}
	streams, stop := serveExample(&fakeStreams{
		ranges: func(_ *tempopb.QueryRangeRequest, s tempopb.StreamingQuerier_MetricsQueryRangeServer) error {
			return s.Send(&tempopb.QueryRangeResponse{Series: series(2.5)})
		},
	})
	defer stop()

	query := tempoclient.MetricsQuery{TraceQL: "{} | rate() by (resource.service.name)", Step: time.Minute}
	for m, err := range streams.QueryRange(context.Background(), query) {
		if err != nil {
			log.Fatal(err)
		}
		for _, s := range m.Series {
			fmt.Println(s.Labels[0].Value, s.Samples[0].Value)
		}
	}
	// Output:
	// web 2.5
	// web 2.5
}

// An instant query gives one value for the whole range. Each message replaces the message before,
// and the last message is the complete answer.
func ExampleClient_QueryInstant() {
	streams, stop := serveExample(&fakeStreams{
		instant: func(_ *tempopb.QueryInstantRequest, s tempopb.StreamingQuerier_MetricsQueryInstantServer) error {
			return s.Send(&tempopb.QueryInstantResponse{Series: []*tempopb.InstantSeries{{
				Labels: []commonpb.KeyValue{{Key: "resource.service.name", Value: &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: "web"}}}},
				Value:  1.25,
			}}})
		},
	})
	defer stop()

	query := tempoclient.MetricsQuery{TraceQL: "{} | rate() by (resource.service.name)"}
	for m, err := range streams.QueryInstant(context.Background(), query) {
		if err != nil {
			log.Fatal(err)
		}
		for _, s := range m.Series {
			fmt.Println(s.Labels[0].Value, s.Samples[0].Value)
		}
	}
	// Output:
	// web 1.25
	// web 1.25
}

// The names of services appear while Tempo finds them. Each message has all values so far, and the
// last message is the complete answer.
func ExampleClient_TagValues() {
	streams, stop := serveExample(&fakeStreams{
		values: func(_ *tempopb.SearchTagValuesRequest, s tempopb.StreamingQuerier_SearchTagValuesV2Server) error {
			for _, name := range []string{"web", "cart"} {
				if err := s.Send(&tempopb.SearchTagValuesV2Response{TagValues: []*tempopb.TagValue{{Type: "string", Value: name}}}); err != nil {
					return err
				}
			}
			return nil
		},
	})
	defer stop()

	for found, err := range streams.TagValues(context.Background(), "resource.service.name", tempoclient.TagQuery{}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(found.Values)
	}
	// Output:
	// [{string web}]
	// [{string cart} {string web}]
	// [{string cart} {string web}]
}

// The names of attributes of one scope appear while Tempo finds them.
func ExampleClient_Tags() {
	streams, stop := serveExample(&fakeStreams{
		tags: func(_ *tempopb.SearchTagsRequest, s tempopb.StreamingQuerier_SearchTagsV2Server) error {
			for _, name := range []string{"service.name", "cluster"} {
				scope := &tempopb.SearchTagsV2Scope{Name: "resource", Tags: []string{name}}
				if err := s.Send(&tempopb.SearchTagsV2Response{Scopes: []*tempopb.SearchTagsV2Scope{scope}}); err != nil {
					return err
				}
			}
			return nil
		},
	})
	defer stop()

	for found, err := range streams.Tags(context.Background(), tempoclient.TagQuery{Scope: "resource"}) {
		if err != nil {
			log.Fatal(err)
		}
		for _, scope := range found.Scopes {
			fmt.Println(scope.Name, scope.Tags)
		}
	}
	// Output:
	// resource [service.name]
	// resource [cluster service.name]
	// resource [cluster service.name]
}

// serveExample returns a client of a server, and a function that stops both.
func serveExample(f *fakeStreams) (streams *Client, stop func()) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	server := grpc.NewServer(grpc.ForceServerCodec(codec{}))
	tempopb.RegisterStreamingQuerierServer(server, f)
	go server.Serve(l)
	client, err := tempoclient.New("http://"+l.Addr().String(), tempoclient.Config{Transport: tempo3{}})
	if err != nil {
		log.Fatal(err)
	}
	if streams, err = New(client, Config{Addr: l.Addr().String()}); err != nil {
		log.Fatal(err)
	}
	return streams, func() {
		streams.Close()
		client.Close()
		server.Stop()
	}
}
