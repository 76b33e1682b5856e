package main

import (
	"encoding/binary"
	"fmt"
	"iter"
	"math/rand/v2"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// Generated traces pass through these services. Each instance of a service has its own
// resource.
const (
	services  = 30
	instances = 4 // of each service
)

// A place is the instance of a service that makes a span.
type place struct{ service, instance int }

// traceMessages returns about n spans in requests of one trace each, as Tempo stores
// them.
func traceMessages(n int) iter.Seq2[ptrace.Traces, error] {
	return func(yield func(ptrace.Traces, error) bool) {
		rng := rand.New(rand.NewPCG(1, 2))
		for made := 0; made < n; {
			request := ptrace.NewTraces()
			groups := make(map[place]ptrace.SpanSlice)
			trace(rng, func(p place) ptrace.Span {
				made++
				group, ok := groups[p]
				if !ok {
					group = addResource(request, p)
					groups[p] = group
				}
				return group.AppendEmpty()
			})
			if !yield(request, nil) {
				return
			}
		}
	}
}

// sdkMessages returns the same spans in requests of 100 spans of one instance each, as
// SDKs export them. The remaining spans of each instance come at the end.
func sdkMessages(n int) iter.Seq2[ptrace.Traces, error] {
	return func(yield func(ptrace.Traces, error) bool) {
		rng := rand.New(rand.NewPCG(1, 2))
		pending := make(map[place]ptrace.SpanSlice)
		requests := make(map[place]ptrace.Traces)
		for made := 0; made < n; {
			var full []place
			trace(rng, func(p place) ptrace.Span {
				made++
				group, ok := pending[p]
				if !ok {
					requests[p] = ptrace.NewTraces()
					group = addResource(requests[p], p)
					pending[p] = group
				}
				if group.Len() == 99 {
					full = append(full, p)
				}
				return group.AppendEmpty()
			})
			for _, p := range full {
				if !yield(requests[p], nil) {
					return
				}
				delete(requests, p)
				delete(pending, p)
			}
		}
		for service := range services {
			for instance := range instances {
				if request, ok := requests[place{service, instance}]; ok && !yield(request, nil) {
					return
				}
			}
		}
	}
}

// trace makes a trace of about 25 spans: a request that passes through services, each
// with internal work and with calls to other services, a database or an external
// service. add makes every span; each span has 12 attributes.
func trace(rng *rand.Rand, add func(place) ptrace.Span) {
	var id pcommon.TraceID
	binary.BigEndian.PutUint64(id[:], rng.Uint64())
	binary.BigEndian.PutUint64(id[8:], rng.Uint64())
	start := uint64(1_767_225_600_000_000_000 + rng.Int64N(1e12))

	// begin makes a span without its two last attributes.
	begin := func(p place, parent pcommon.SpanID, kind ptrace.SpanKind) (ptrace.Span, pcommon.SpanID) {
		s := add(p)
		var span pcommon.SpanID
		binary.BigEndian.PutUint64(span[:], rng.Uint64()|1)
		s.SetTraceID(id)
		s.SetSpanID(span)
		s.SetParentSpanID(parent)
		s.SetKind(kind)
		s.SetFlags(256)
		s.SetName(fmt.Sprintf("GET /api/v1/service-%02d/items", p.service))
		start += 1000
		s.SetStartTimestamp(pcommon.Timestamp(start))
		s.SetEndTimestamp(pcommon.Timestamp(start + rng.Uint64N(1e8)))
		if rng.IntN(50) == 0 {
			s.Status().SetCode(ptrace.StatusCodeError)
		}
		attrs := s.Attributes()
		attrs.PutStr("http.request.method", "GET")
		attrs.PutStr("url.scheme", "http")
		attrs.PutStr("url.path", fmt.Sprintf("/api/v1/service-%02d/items/%d", p.service, rng.IntN(1e6)))
		attrs.PutStr("http.route", "/api/v1/items/{id}")
		attrs.PutInt("http.response.status_code", 200)
		attrs.PutStr("network.protocol.name", "http")
		attrs.PutStr("network.protocol.version", "1.1")
		attrs.PutStr("user_agent.original", "bench/1.0 (linux; amd64)")
		attrs.PutStr("client.address", fmt.Sprintf("10.0.%d.%d", rng.IntN(256), rng.IntN(256)))
		attrs.PutInt("thread.id", rng.Int64N(64))
		return s, span
	}
	var visit func(service int, parent pcommon.SpanID, depth int)
	visit = func(service int, parent pcommon.SpanID, depth int) {
		p := place{service, rng.IntN(instances)}
		s, server := begin(p, parent, ptrace.SpanKindServer)
		s.Attributes().PutStr("server.address", fmt.Sprintf("service-%02d", service))
		s.Attributes().PutInt("server.port", 8080)
		s, work := begin(p, server, ptrace.SpanKindInternal)
		s.Attributes().PutStr("code.function.name", "shop.Items.Find")
		s.Attributes().PutInt("code.line.number", 214)
		if depth == 3 {
			s, _ := begin(p, work, ptrace.SpanKindClient)
			if rng.IntN(4) == 0 {
				s.Attributes().PutStr("server.address", "api.payments.example")
				s.Attributes().PutInt("server.port", 443)
				return
			}
			s.Attributes().PutStr("db.system.name", "postgresql")
			s.Attributes().PutStr("db.namespace", fmt.Sprintf("db-%d", service%5))
			return
		}
		for range 1 + rng.IntN(2) {
			callee := (service*3 + 1 + rng.IntN(4)) % services
			s, client := begin(p, work, ptrace.SpanKindClient)
			s.Attributes().PutStr("server.address", fmt.Sprintf("service-%02d", callee))
			s.Attributes().PutInt("server.port", 8080)
			visit(callee, client, depth+1)
		}
	}
	visit(rng.IntN(3), pcommon.SpanID{}, 0)
}

// addResource adds an instance of a service, with 10 attributes, and returns its spans.
func addResource(request ptrace.Traces, p place) ptrace.SpanSlice {
	rs := request.ResourceSpans().AppendEmpty()
	attrs := rs.Resource().Attributes()
	name := fmt.Sprintf("service-%02d", p.service)
	pod := fmt.Sprintf("%s-7d9f8b6c5-x2x4%c", name, 'a'+p.instance)
	attrs.PutStr("service.name", name)
	attrs.PutStr("service.version", "9f2c1e0b7a6d5c4b3a29181706f5e4d3c2b1a098")
	attrs.PutStr("service.instance.id", fmt.Sprintf("5f0c9a1e-0000-4000-8000-%06d%06d", p.service, p.instance))
	attrs.PutStr("telemetry.sdk.language", "go")
	attrs.PutStr("process.command_line", "/usr/local/bin/"+name+" --config=/etc/shop/"+name+".yaml")
	attrs.PutStr("container.id", "4f9a0c1d2e3b4a5968778695a4b3c2d1e0f1a2b3c4d5e6f708192a3b4c5d6e7f")
	attrs.PutStr("host.name", "ip-10-0-117-42.eu-central-1.compute.internal")
	attrs.PutStr("container.image.name", "registry.shop.example/shop/"+name)
	attrs.PutStr("k8s.pod.name", pod)
	attrs.PutStr("cloud.resource_id", "arn:aws:ecs:eu-central-1:123456789012:task/shop-production/"+pod)
	ss := rs.ScopeSpans().AppendEmpty()
	ss.Scope().SetName("go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp")
	ss.Scope().SetVersion("0.72.0")
	return ss.Spans()
}
