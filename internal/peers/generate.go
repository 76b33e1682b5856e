package main

import (
	"encoding/binary"
	"fmt"
	"iter"
	"math/rand/v2"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// services is how many there are in generated traces.
const services = 30

// traceMessages returns about n spans in requests of one trace each: what Tempo
// stores.
func traceMessages(n int) iter.Seq2[ptrace.Traces, error] {
	return func(yield func(ptrace.Traces, error) bool) {
		rng := rand.New(rand.NewPCG(1, 2))
		for made := 0; made < n; {
			request := ptrace.NewTraces()
			var groups [services]ptrace.SpanSlice
			var seen [services]bool
			trace(rng, func(service int) ptrace.Span {
				made++
				if !seen[service] {
					seen[service] = true
					groups[service] = addResource(request, service)
				}
				return groups[service].AppendEmpty()
			})
			if !yield(request, nil) {
				return
			}
		}
	}
}

// sdkMessages returns the same spans in requests of 100 of one service each: what
// SDKs export. The rest of each service comes at the end.
func sdkMessages(n int) iter.Seq2[ptrace.Traces, error] {
	return func(yield func(ptrace.Traces, error) bool) {
		rng := rand.New(rand.NewPCG(1, 2))
		var requests [services]ptrace.Traces
		var groups [services]ptrace.SpanSlice
		for service := range services {
			requests[service] = ptrace.NewTraces()
			groups[service] = addResource(requests[service], service)
		}
		for made := 0; made < n; {
			trace(rng, func(service int) ptrace.Span {
				made++
				return groups[service].AppendEmpty()
			})
			for service := range services {
				if groups[service].Len() < 100 {
					continue
				}
				if !yield(requests[service], nil) {
					return
				}
				requests[service] = ptrace.NewTraces()
				groups[service] = addResource(requests[service], service)
			}
		}
		for service := range services {
			if groups[service].Len() > 0 && !yield(requests[service], nil) {
				return
			}
		}
	}
}

// trace makes a trace of about 25 spans: a request that passes through services,
// each with work of its own and calls to others or to a database. Every span is
// made by add, which is told its service, with 12 attributes.
func trace(rng *rand.Rand, add func(service int) ptrace.Span) {
	var id pcommon.TraceID
	binary.BigEndian.PutUint64(id[:], rng.Uint64())
	binary.BigEndian.PutUint64(id[8:], rng.Uint64())
	start := uint64(1_767_225_600_000_000_000 + rng.Int64N(1e12))

	// begin makes a span up to its two last attributes.
	begin := func(service int, parent pcommon.SpanID, kind ptrace.SpanKind) (ptrace.Span, pcommon.SpanID) {
		s := add(service)
		var span pcommon.SpanID
		binary.BigEndian.PutUint64(span[:], rng.Uint64()|1)
		s.SetTraceID(id)
		s.SetSpanID(span)
		s.SetParentSpanID(parent)
		s.SetKind(kind)
		s.SetFlags(256)
		s.SetName(fmt.Sprintf("GET /api/v1/service-%02d/items", service))
		start += 1000
		s.SetStartTimestamp(pcommon.Timestamp(start))
		s.SetEndTimestamp(pcommon.Timestamp(start + rng.Uint64N(1e8)))
		if rng.IntN(50) == 0 {
			s.Status().SetCode(ptrace.StatusCodeError)
		}
		attrs := s.Attributes()
		attrs.PutStr("http.request.method", "GET")
		attrs.PutStr("url.scheme", "http")
		attrs.PutStr("url.path", fmt.Sprintf("/api/v1/service-%02d/items/%d", service, rng.IntN(1e6)))
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
		s, server := begin(service, parent, ptrace.SpanKindServer)
		s.Attributes().PutStr("server.address", fmt.Sprintf("service-%02d", service))
		s.Attributes().PutInt("server.port", 8080)
		s, work := begin(service, server, ptrace.SpanKindInternal)
		s.Attributes().PutStr("code.function.name", "shop.Items.Find")
		s.Attributes().PutInt("code.line.number", 214)
		if depth == 3 {
			s, _ := begin(service, work, ptrace.SpanKindClient)
			s.Attributes().PutStr("db.system.name", "postgresql")
			s.Attributes().PutStr("db.namespace", fmt.Sprintf("db-%d", service%5))
			return
		}
		for range 1 + rng.IntN(2) {
			callee := (service*3 + 1 + rng.IntN(4)) % services
			s, client := begin(service, work, ptrace.SpanKindClient)
			s.Attributes().PutStr("server.address", fmt.Sprintf("service-%02d", callee))
			s.Attributes().PutInt("server.port", 8080)
			visit(callee, client, depth+1)
		}
	}
	visit(rng.IntN(3), pcommon.SpanID{}, 0)
}

// addResource adds a service, with 10 attributes, and returns its spans.
func addResource(request ptrace.Traces, service int) ptrace.SpanSlice {
	rs := request.ResourceSpans().AppendEmpty()
	attrs := rs.Resource().Attributes()
	attrs.PutStr("service.name", fmt.Sprintf("service-%02d", service))
	attrs.PutStr("service.version", "1.2.3")
	attrs.PutStr("service.instance.id", fmt.Sprintf("5f0c9a1e-0000-4000-8000-%012d", service))
	attrs.PutStr("telemetry.sdk.name", "opentelemetry")
	attrs.PutStr("telemetry.sdk.language", "go")
	attrs.PutStr("telemetry.sdk.version", "1.47.0")
	attrs.PutStr("host.name", "node-17.example.internal")
	attrs.PutStr("os.type", "linux")
	attrs.PutStr("k8s.pod.name", fmt.Sprintf("service-%02d-7d9f8b6c5-x2x4z", service))
	attrs.PutStr("k8s.namespace.name", "shop")
	ss := rs.ScopeSpans().AppendEmpty()
	ss.Scope().SetName("bench")
	return ss.Spans()
}
