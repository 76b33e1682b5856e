package otelsetup

import (
	"fmt"
	"slices"
	"strings"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

const (
	fixPropagator = "set OTEL_PROPAGATORS to tracecontext,baggage, or leave it unset"
	fixService    = "name the service by otelsetup.Service or OTEL_SERVICE_NAME"
)

// program checks the propagator, the service name and the sampler that the options and the
// environment set, for a program that is not running.
func (r *Report) program(o options, invalid error) {
	const ask = "a setting of the program: SDK.CheckPipeline in the program checks it"
	r.skip(ask, HopPropagator, HopService, HopSampler)
	if invalid != nil {
		return // the hop HopSettings reports the invalid setting
	}
	if p, err := propagatorFromEnv(); err == nil && env("OTEL_PROPAGATORS") != "" {
		r.propagator(p)
	}
	name := o.service
	if v := env("OTEL_SERVICE_NAME"); v != "" && (name == "" || o.environmentWins) {
		name = v
	}
	if name != "" {
		r.service(name)
	}
	if sampler, err := samplerOption(o); err == nil && (o.ratio != nil || env("OTEL_TRACES_SAMPLER") != "") {
		r.sampler(sampler)
	}
}

// checkProgram checks the settings of a running program.
func (s *SDK) checkProgram(r *Report) {
	p := s.propagator
	if !s.options.withoutGlobals {
		p = otel.GetTextMapPropagator() // another package may have replaced it
	}
	r.propagator(p)
	if s.sdk == nil {
		r.skip("tracing is off: "+s.silent, HopService, HopSampler)
		return
	}
	r.service(s.service)
	r.sampler(s.sampler)
}

func (r *Report) propagator(p propagation.TextMapPropagator) {
	if slices.Contains(p.Fields(), "traceparent") {
		r.pass(HopPropagator, "W3C trace context travels with requests")
		return
	}
	r.fail(HopPropagator, "no W3C trace context travels with requests, so each trace ends at this service", fixPropagator)
}

func (r *Report) service(name string) {
	if strings.HasPrefix(name, "unknown_service") {
		r.fail(HopService, fmt.Sprintf("%q is the name that the SDK gives to a program without a name", name), fixService)
		return
	}
	r.pass(HopService, name)
}

func (r *Report) sampler(s sdktrace.Sampler) {
	detail := samplerText(s)
	if keepsNothing(s) {
		r.fail(HopSampler, "no trace that begins here is kept: "+detail, "unset OTEL_TRACES_SAMPLER to keep all traces")
		return
	}
	if strings.Contains(s.Description(), "TraceIDRatioBased") {
		detail += ": the rates of the graph are those of the sampled traces"
	}
	r.pass(HopSampler, detail)
}
