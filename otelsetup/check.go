package otelsetup

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"time"
)

const (
	checkTimeout   = 90 * time.Second // of Check, if its context has no deadline
	requestTimeout = 5 * time.Second  // of each request to a server
)

// A Server is a backend that [Check] asks.
type Server struct {
	URL    string      // base of its HTTP API, such as http://tempo:3200
	Header http.Header // sent with each request: tenant and credentials
	TLS    *tls.Config // nil for the defaults of the system
}

// Tempo tells [Check] and [SDK.CheckPipeline] where the query API of Tempo is. The option does not
// change where spans go.
func Tempo(s Server) Option { return func(o *options) { o.tempo = s } }

// Prometheus tells [Check] and [SDK.CheckPipeline] where the server is that has the series of
// Tempo's metrics-generator: Prometheus, or another database with the API of Prometheus.
func Prometheus(s Server) Option { return func(o *options) { o.prometheus = s } }

// WithoutReceiver makes [Check] leave out the OTLP receiver and the probe trace, for a caller
// that has only backends to check.
func WithoutReceiver() Option { return func(o *options) { o.withoutReceiver = true } }

// Check follows a span hop by hop, from the settings that Start would use to the OTLP receiver,
// Tempo, its metrics-generator, Prometheus, and the series of Grafana's Service Graph. Each hop of
// the report has passed, has failed with a remedy, or was not checked for a reason: an earlier hop
// failed, or no option names the backend. Check starts no SDK.
//
// Check sends a trace of one call, from the service tempograph-probe to a service whose name is
// tempograph-probe-target- and a random number, and follows it. Both services appear in the graph.
// Tempo's metrics-generator takes up to 20 seconds to write their series.
//
// Check returns when ctx ends, and after 90 seconds at the latest if ctx has no deadline. If the
// time ends during a hop, that hop has failed.
func Check(ctx context.Context, opts ...Option) Report {
	var o options
	for _, opt := range opts {
		opt(&o)
	}
	w := &walk{options: o, report: newReport()}
	s, err := validate(o)
	switch {
	case err != nil:
		w.report.fail(HopSettings, err.Error(), "")
	case o.withoutReceiver:
		w.report.pass(HopSettings, "")
	default:
		detail := "spans go to " + s.target.String()
		for _, n := range misspeltVariables() {
			detail += "; " + n.text
		}
		w.report.pass(HopSettings, detail)
		w.settings = &s
	}
	w.report.program(o, err)
	return w.run(ctx)
}

// validate returns the settings that Start would use, and the error that it would return.
func validate(o options) (settings, error) {
	e, err := exporting()
	if err == nil && !e.otlp && !o.withoutReceiver {
		err = fmt.Errorf("spans are not exported over OTLP: %s", e.why)
	}
	if err == nil {
		_, err = propagatorFromEnv()
	}
	if err == nil {
		_, err = samplerOption(o)
	}
	if err != nil {
		return settings{}, err
	}
	return resolve(o)
}

// CheckPipeline follows the spans of this SDK hop by hop, as the function [Check] does, with the
// backends that the options [Tempo] and [Prometheus] name. It also checks the propagator, the name
// and the sampler of this program.
func (s *SDK) CheckPipeline(ctx context.Context) Report {
	w := &walk{options: s.options, report: newReport()}
	switch {
	case s.options.exporter != nil:
		w.report.pass(HopSettings, s.silent)
	case s.pipeline == nil:
		w.report.fail(HopSettings, "spans are not exported: "+s.silent, "unset the variable to export spans")
	default:
		w.report.pass(HopSettings, "spans go to "+s.pipeline.settings.target.String())
		w.settings = &s.pipeline.settings
	}
	s.checkProgram(w.report)
	return w.run(ctx)
}

// A walk is one run of Check.
type walk struct {
	options  options
	report   *Report
	settings *settings // nil if there is no receiver to check
	probe    *probe    // nil if no receiver has accepted one
	fetched  bool      // Tempo has the probe trace
}

// run checks the receiver and the backends.
func (w *walk) run(ctx context.Context) Report {
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, checkTimeout)
		defer cancel()
	}
	prometheus := w.openPrometheus(ctx)
	tempo := w.openTempo(ctx)
	if tempo != nil {
		tempo.before, _ = tempo.metrics(ctx)
	}
	w.receiver(ctx)
	if tempo != nil {
		defer tempo.Close()
		w.traceByID(ctx, tempo)
		w.search(ctx, tempo)
		w.generator(ctx, tempo)
	}
	if prometheus != nil {
		defer prometheus.Close()
		w.remoteWrite(ctx, tempo, prometheus)
	}
	return *w.report
}

// failed reports whether a hop has failed.
func (w *walk) failed(hop string) bool { return w.report.Hop(hop).Outcome == Failed }

// after reports whether the given hops cannot be checked, because the hop earlier, on which they
// depend, has failed, or because ctx has ended. In that case it writes the reason into the report
// of the given hops.
func (w *walk) after(ctx context.Context, earlier string, hops ...string) bool {
	switch {
	case w.failed(earlier):
		w.report.skip("because the hop "+earlier+" failed", hops...)
	case ctx.Err() != nil:
		w.report.skip("the time was up", hops...)
	default:
		return false
	}
	return true
}

// poll calls ask until ask returns true or an error, until ctx ends, or until limit has passed. It
// reports whether ask returned true.
func poll(ctx context.Context, limit time.Duration, ask func(context.Context) (bool, error)) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for pause := 100 * time.Millisecond; ; pause = min(2*pause, time.Second) {
		done, err := ask(ctx)
		if done || err != nil && ctx.Err() == nil {
			return done, err
		}
		select {
		case <-ctx.Done():
			return false, err
		case <-time.After(pause):
		}
	}
}
