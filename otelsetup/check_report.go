package otelsetup

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"github.com/tempograph/tempograph/internal/quantity"
)

// An Outcome tells what [Check] found at a hop.
type Outcome uint8

const (
	NotChecked Outcome = iota // Detail tells why
	Passed
	Failed
)

// String returns "not checked", "passed" or "failed".
func (o Outcome) String() string {
	return [...]string{NotChecked: "not checked", Passed: "passed", Failed: "failed"}[o]
}

// MarshalText returns the text of String.
func (o Outcome) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// The names of the hops, in the order of a [Report].
const (
	HopSettings      = "settings"       // the options and the OTEL_ variables are valid
	HopResolve       = "resolve"        // the host name of the receiver has an address
	HopConnect       = "connect"        // the receiver takes connections
	HopTLS           = "tls"            // both sides agree on TLS or on plain text
	HopProtocol      = "protocol"       // the receiver accepts OTLP
	HopAuth          = "auth"           // the receiver accepts spans with these credentials and this tenant
	HopTempo         = "tempo"          // Tempo is ready
	HopAccess        = "tempo access"   // Tempo answers queries with these credentials and this tenant
	HopTrace         = "trace by id"    // Tempo returns the probe trace
	HopSearch        = "search"         // a search finds the probe trace
	HopGenerator     = "generator"      // Tempo's metrics-generator runs
	HopServiceGraphs = "service-graphs" // the generator's processor service-graphs is active for this tenant
	HopPrometheus    = "prometheus"     // Prometheus answers queries
	HopRemoteWrite   = "remote write"   // the metrics-generator delivers its series to Prometheus
	HopSeries        = "series"         // Prometheus has a recent sample of the probe's series, with the labels client and server
	HopPropagator    = "propagator"     // trace context travels between services
	HopService       = "service.name"   // the program has a name
	HopSampler       = "sampler"        // the sampler keeps traces
)

var hopNames = []string{
	HopSettings, HopResolve, HopConnect, HopTLS, HopProtocol, HopAuth,
	HopTempo, HopAccess, HopTrace, HopSearch,
	HopGenerator, HopServiceGraphs, HopPrometheus, HopRemoteWrite, HopSeries,
	HopPropagator, HopService, HopSampler,
}

// A Hop is one step of the pipeline from a program to Grafana's Service Graph.
type Hop struct {
	Name    string  `json:"hop"` // one of the Hop constants
	Outcome Outcome `json:"outcome"`
	Detail  string  `json:"detail,omitempty"` // what was found, what is wrong, or why it was not checked
	Fix     string  `json:"fix,omitempty"`    // what to do about a failure
}

// A Report is the result of [Check]: all hops, in the order of the pipeline.
type Report struct {
	Hops []Hop `json:"hops"`
}

// Hop returns the hop with a name, and a hop that is [NotChecked] if the report has no such
// hop.
func (r Report) Hop(name string) Hop {
	for _, h := range r.Hops {
		if h.Name == name {
			return h
		}
	}
	return Hop{Name: name}
}

// Failed returns the hops that failed.
func (r Report) Failed() []Hop {
	var failed []Hop
	for _, h := range r.Hops {
		if h.Outcome == Failed {
			failed = append(failed, h)
		}
	}
	return failed
}

// Err returns nil if no hop failed. Otherwise it returns an error that says for each failed hop
// what is wrong and what to do.
func (r Report) Err() error {
	var errs []error
	for _, h := range r.Failed() {
		text := h.Detail
		if h.Fix != "" {
			text += ": " + h.Fix
		}
		errs = append(errs, fmt.Errorf("otelsetup: %s: %s", h.Name, text))
	}
	return errors.Join(errs...)
}

// String returns the hops as a table. A row has a mark, the name of the hop and what Check found
// there. The fix of a failed hop stands below its row.
func (r Report) String() string {
	width := 0
	for _, h := range r.Hops {
		width = max(width, len(h.Name))
	}
	var b strings.Builder
	passed, skipped := 0, 0
	for _, h := range r.Hops {
		mark, detail := "✓", h.Detail
		switch h.Outcome {
		case Passed:
			passed++
		case Failed:
			mark = "✗"
		case NotChecked:
			skipped++
			mark, detail = "-", "not checked: "+cmp.Or(detail, "unknown")
		}
		b.WriteString(strings.TrimRight(fmt.Sprintf("%s %-*s  %s", mark, width, h.Name, detail), " ") + "\n")
		if h.Fix == "" {
			continue
		}
		for line := range strings.SplitSeq(h.Fix, "\n") {
			fmt.Fprintf(&b, "  %-*s  → %s\n", width, "", line)
		}
	}
	fmt.Fprintf(&b, "%s passed, %d failed, %d not checked\n", quantity.Of(passed, "hop"), len(r.Failed()), skipped)
	return b.String()
}

func newReport() *Report {
	r := new(Report)
	for _, name := range hopNames {
		r.Hops = append(r.Hops, Hop{Name: name})
	}
	return r
}

func (r *Report) set(name string, o Outcome, detail, fix string) {
	for i := range r.Hops {
		if r.Hops[i].Name == name {
			r.Hops[i] = Hop{name, o, detail, fix}
			return
		}
	}
	panic("otelsetup: no hop " + name)
}

func (r *Report) pass(name, detail string)      { r.set(name, Passed, detail, "") }
func (r *Report) fail(name, detail, fix string) { r.set(name, Failed, detail, fix) }

// skip records why the given hops were not checked.
func (r *Report) skip(because string, names ...string) {
	for _, name := range names {
		r.set(name, NotChecked, because, "")
	}
}
