// Command spanfile writes the spans of a generated system as OTLP protobuf, for measurements by
// hand. It writes one request for each trace, preceded by the length of the request as a varint.
//
//	go run ./internal/spanfile -spans 1000000 > spans.pb
//	go build ./cmd/graphviz-export
//	/usr/bin/time -v ./graphviz-export critical spans.pb
//
// Each span has 10 attributes and each resource has 4, like the spans of instrumented services.
package main

import (
	"bufio"
	"encoding/binary"
	"flag"
	"fmt"
	"io"
	"os"

	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/tempograph/tempograph/internal/systems"
	"github.com/tempograph/tempograph/servicegraph"
)

func main() {
	spans := flag.Int("spans", 1_000_000, "write at least `N` spans; the last trace is complete")
	services := flag.Int("services", 60, "of a system of `N` services")
	seed := flag.Uint64("seed", 1, "`SEED` of the system and its requests")
	flag.Parse()
	w := bufio.NewWriterSize(os.Stdout, 1<<20)
	err := write(w, systems.Config{Services: *services, Seed: *seed, Failing: true, Requests: *spans}, *spans)
	if err == nil {
		err = w.Flush()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "spanfile:", err)
		os.Exit(1)
	}
}

// write writes whole traces of a system until there are enough spans.
func write(w io.Writer, cfg systems.Config, spans int) error {
	var trace []servicegraph.Span
	written := 0
	for s := range systems.New(cfg).Spans() {
		if len(trace) > 0 && s.TraceID != trace[0].TraceID {
			if err := writeTrace(w, trace); err != nil {
				return err
			}
			written += len(trace)
			trace = trace[:0]
			if written >= spans {
				return nil
			}
		}
		trace = append(trace, s)
	}
	return writeTrace(w, trace)
}

// writeTrace writes one trace, with the spans of a service below one resource.
func writeTrace(w io.Writer, trace []servicegraph.Span) error {
	if len(trace) == 0 {
		return nil
	}
	request := new(tracepb.TracesData)
	type name struct{ namespace, service string }
	scopes := make(map[name]*tracepb.ScopeSpans)
	for _, s := range trace {
		of := name{s.Namespace, s.Service}
		scope := scopes[of]
		if scope == nil {
			scope = new(tracepb.ScopeSpans)
			scopes[of] = scope
			request.ResourceSpans = append(request.ResourceSpans, &tracepb.ResourceSpans{
				Resource: &resourcepb.Resource{Attributes: attributes(
					"service.name", s.Service, "service.namespace", s.Namespace, "service.version", "1.4.2", "telemetry.sdk.language", "go")},
				ScopeSpans: []*tracepb.ScopeSpans{scope},
			})
		}
		scope.Spans = append(scope.Spans, spanOf(s))
	}
	data, err := proto.Marshal(request)
	if err != nil {
		return fmt.Errorf("encoding a trace: %w", err)
	}
	if _, err := w.Write(binary.AppendUvarint(nil, uint64(len(data)))); err != nil {
		return err
	}
	_, err = w.Write(data)
	return err
}

func spanOf(s servicegraph.Span) *tracepb.Span {
	out := &tracepb.Span{
		TraceId: s.TraceID[:], SpanId: s.SpanID[:], Name: s.Name, Kind: tracepb.Span_SpanKind(s.Kind),
		StartTimeUnixNano: uint64(s.Start), EndTimeUnixNano: uint64(s.End),
		Attributes: attributes(
			"http.request.method", "GET", "url.scheme", "http", "url.path", "/api/v1/items/17", "http.route", "/api/v1/items/{id}",
			"network.protocol.name", "http", "network.protocol.version", "1.1", "user_agent.original", "Go-http-client/1.1",
			"http.response.status_code", "200", "thread.id", "42", "code.function.name", "handler.ServeHTTP"),
	}
	if !s.ParentID.IsZero() {
		out.ParentSpanId = s.ParentID[:]
	}
	if s.Status == servicegraph.StatusError {
		out.Status = &tracepb.Status{Code: tracepb.Status_STATUS_CODE_ERROR}
	}
	for _, a := range s.Attrs {
		out.Attributes = append(out.Attributes, attributes(a.Key, a.Value)...)
	}
	return out
}

// attributes returns attributes from a list of alternating keys and values.
func attributes(texts ...string) (list []*commonpb.KeyValue) {
	for i := 0; i < len(texts); i += 2 {
		list = append(list, &commonpb.KeyValue{Key: texts[i], Value: &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: texts[i+1]}}})
	}
	return list
}
