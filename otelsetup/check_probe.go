package otelsetup

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"time"

	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
)

// The services of the probe trace. The name of the called service ends in a random number, so that
// concurrent checks do not mistake each other's series for their own.
const (
	probeClient = "tempograph-probe"
	probeServer = "tempograph-probe-target-"
)

// A probe is a trace of one call that Check sends and looks for.
type probe struct {
	traceID string // 32 hexadecimal digits
	server  string // the name of the called service
	at      time.Time
	spans   []*tracepb.ResourceSpans
}

func newProbe(now time.Time) *probe {
	var random [32]byte
	_, _ = rand.Read(random[:]) // never fails
	random[0] |= 0x10           // Tempo leaves out leading zeros
	traceID, client, server := random[:16], random[16:24], random[24:]
	p := &probe{traceID: hex.EncodeToString(traceID), server: probeServer + hex.EncodeToString(traceID[:4]), at: now}
	span := func(service string, kind tracepb.Span_SpanKind, id, parent []byte) *tracepb.ResourceSpans {
		name := &commonpb.KeyValue{
			Key:   "service.name",
			Value: &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: service}},
		}
		return &tracepb.ResourceSpans{
			Resource: &resourcepb.Resource{Attributes: []*commonpb.KeyValue{name}},
			ScopeSpans: []*tracepb.ScopeSpans{{Spans: []*tracepb.Span{{
				TraceId: traceID, SpanId: id, ParentSpanId: parent,
				Name: "probe", Kind: kind,
				StartTimeUnixNano: uint64(now.Add(-time.Millisecond).UnixNano()),
				EndTimeUnixNano:   uint64(now.UnixNano()),
			}}}},
		}
	}
	p.spans = []*tracepb.ResourceSpans{
		span(probeClient, tracepb.Span_SPAN_KIND_CLIENT, client, nil),
		span(p.server, tracepb.Span_SPAN_KIND_SERVER, server, client),
	}
	return p
}

// send sends the probe without retries, and returns the reason why it was not accepted.
func (p *probe) send(ctx context.Context, s settings) *deliveryError { return upload(ctx, s, p.spans) }
