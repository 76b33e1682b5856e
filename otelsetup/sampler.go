package otelsetup

import (
	"fmt"
	"log/slog"
	"strconv"
	"strings"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// samplerOption returns the sampler of the options and the environment, by default one that keeps
// all traces. An unknown sampler is an error: the SDK would ignore the setting and keep all traces.
func samplerOption(o options) (sdktrace.Sampler, error) {
	if o.ratio == nil || o.environmentWins && env("OTEL_TRACES_SAMPLER") != "" {
		return samplerFromEnv()
	}
	if r := *o.ratio; !(r >= 0 && r <= 1) {
		return nil, fmt.Errorf("sample ratio %v: want 0 to 1", r)
	}
	return sdktrace.ParentBased(sdktrace.TraceIDRatioBased(*o.ratio)), nil
}

func samplerFromEnv() (sdktrace.Sampler, error) {
	name := strings.ToLower(env("OTEL_TRACES_SAMPLER"))
	base, parent := strings.CutPrefix(name, "parentbased_")
	var s sdktrace.Sampler
	switch base {
	case "":
		if parent {
			return nil, unknownSampler(name)
		}
		return sdktrace.ParentBased(sdktrace.AlwaysSample()), nil
	case "always_on":
		s = sdktrace.AlwaysSample()
	case "always_off":
		s = sdktrace.NeverSample()
	case "traceidratio":
		ratio := 1.0
		if arg := env("OTEL_TRACES_SAMPLER_ARG"); arg != "" {
			var err error
			if ratio, err = strconv.ParseFloat(arg, 64); err != nil || !(ratio >= 0 && ratio <= 1) {
				return nil, fmt.Errorf("OTEL_TRACES_SAMPLER_ARG=%q: want the fraction of traces to keep, from 0 to 1, such as 0.1 for 10 percent", arg)
			}
		}
		s = sdktrace.TraceIDRatioBased(ratio)
	default:
		return nil, unknownSampler(name)
	}
	if parent {
		s = sdktrace.ParentBased(s)
	}
	return s, nil
}

// unusedSamplerArg returns a warning if OTEL_TRACES_SAMPLER_ARG is set and no sampler uses it. The
// SDK then keeps all traces, or the fraction that an option sets.
func unusedSamplerArg(o options) []note {
	arg := env("OTEL_TRACES_SAMPLER_ARG")
	name := strings.ToLower(env("OTEL_TRACES_SAMPLER"))
	byOption := o.ratio != nil && (!o.environmentWins || name == "")
	if arg == "" || strings.HasSuffix(name, "traceidratio") && !byOption {
		return nil
	}
	why := "OTEL_TRACES_SAMPLER=" + name
	switch {
	case byOption:
		why = "the option SampleRatio is set"
	case name == "":
		why = "OTEL_TRACES_SAMPLER is not set"
	}
	return []note{{slog.LevelWarn, fmt.Sprintf("OTEL_TRACES_SAMPLER_ARG=%q is not used, because %s: "+
		"it is for OTEL_TRACES_SAMPLER=traceidratio and parentbased_traceidratio", arg, why)}}
}

func unknownSampler(name string) error {
	return fmt.Errorf("OTEL_TRACES_SAMPLER=%q: unknown sampler: use always_on, always_off, traceidratio, "+
		"parentbased_always_on, parentbased_always_off or parentbased_traceidratio", name)
}

// keepsNothing reports whether a sampler drops each trace that begins in this service.
func keepsNothing(s sdktrace.Sampler) bool {
	d := s.Description()
	root, isParent := strings.CutPrefix(d, "ParentBased{root:")
	if isParent {
		d = root
	}
	return strings.HasPrefix(d, "AlwaysOff") || strings.HasPrefix(d, "TraceIDRatioBased{0}")
}

// samplerText returns a short description of a sampler. A parent-based sampler decides only about
// traces that begin in this service.
func samplerText(s sdktrace.Sampler) string {
	root, isParent := strings.CutPrefix(s.Description(), "ParentBased{root:")
	if !isParent {
		return s.Description()
	}
	root, _, _ = strings.Cut(root, ",")
	return root + " for the traces that begin here"
}
