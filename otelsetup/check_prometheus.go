package otelsetup

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/tempograph/tempograph/internal/quantity"
	"github.com/tempograph/tempograph/otelsetup/internal/webapi"
)

const (
	// seriesWait is how long Check waits for the series of the probe trace. It covers the delays of
	// Tempo, which waits for the other half of a call (10 seconds by default), collects every 15
	// seconds, and reads its own write-ahead log every 15 seconds.
	seriesWait = 60 * time.Second

	// failingFor is how long Tempo's remote write must fail before Check reports the failure.
	failingFor = 3 * time.Second

	// freshFor is the largest age of the latest sample. The generator writes every series every 15
	// seconds, even if the value does not change.
	freshFor = 2 * time.Minute
)

const (
	fixReceiver = "start Prometheus with --web.enable-remote-write-receiver; Helm chart prometheus: server.extraFlags: [web.enable-remote-write-receiver]"
	fixNoURL    = "Tempo's own configuration: metrics_generator.storage.remote_write: [{url: http://prometheus:9090/api/v1/write}]"
	fixSending  = "Tempo's log has the reason; check the host, the port and the path of the URL: /api/v1/write for Prometheus, /api/v1/push for Mimir"
)

// A prometheusAPI is the query API of a Prometheus server that answers.
type prometheusAPI struct{ *webapi.Client }

// openPrometheus checks whether Prometheus answers queries. It returns nil if it does not.
func (w *walk) openPrometheus(ctx context.Context) *prometheusAPI {
	s := w.options.prometheus
	if s.URL == "" {
		w.report.skip("the URL of Prometheus is not given", HopPrometheus, HopRemoteWrite, HopSeries)
		return nil
	}
	c, err := webapi.New(s.URL, s.Header, s.TLS, requestTimeout)
	detail := ""
	if err == nil {
		p := &prometheusAPI{c}
		if _, err = p.query(ctx, "vector(1)"); err == nil {
			var build struct{ Data struct{ Version string } }
			detail = p.String() + " answers"
			if p.GetJSON(ctx, "/api/v1/status/buildinfo", nil, &build) == nil && build.Data.Version != "" {
				detail += ", version " + build.Data.Version
			}
			w.report.pass(HopPrometheus, detail)
			return p
		}
		err = fmt.Errorf("%s: %w", p, err)
	}
	w.report.fail(HopPrometheus, err.Error(), "give the base URL of Prometheus' HTTP API, such as http://prometheus:9090")
	w.after(ctx, HopPrometheus, HopRemoteWrite, HopSeries)
	return nil
}

// A vector is the answer to an instant query.
type vector []struct {
	Metric map[string]string
	Value  [2]any // time and value as text
}

func (p *prometheusAPI) query(ctx context.Context, promql string) (vector, error) {
	var answer struct {
		Status string
		Data   struct {
			ResultType string
			Result     vector
		}
	}
	if err := p.GetJSON(ctx, "/api/v1/query", url.Values{"query": {promql}}, &answer); err != nil {
		return nil, err
	}
	if answer.Status != "success" || answer.Data.ResultType != "vector" {
		return nil, errors.New("the server is not Prometheus' query API")
	}
	return answer.Data.Result, nil
}

// number returns the only value of a query, or false if there is none.
func (p *prometheusAPI) number(ctx context.Context, promql string) (float64, bool) {
	v, err := p.query(ctx, promql)
	if err != nil || len(v) != 1 {
		return 0, false
	}
	text, _ := v[0].Value[1].(string)
	f, err := strconv.ParseFloat(text, 64)
	return f, err == nil
}

// hasSeriesOf reports whether Prometheus has the series of a probe trace.
func (p *prometheusAPI) hasSeriesOf(ctx context.Context, probe *probe) bool {
	v, err := p.query(ctx, fmt.Sprintf(`traces_service_graph_request_total{client=%q,server=%q}`, probeClient, probe.server))
	return err == nil && len(v) > 0
}

// remoteWrite checks whether the generator delivers its series to Prometheus, and whether
// Prometheus has them.
func (w *walk) remoteWrite(ctx context.Context, t *tempoAPI, p *prometheusAPI) {
	hops := []string{HopRemoteWrite, HopSeries}
	if w.after(ctx, HopPrometheus, hops...) {
		return
	}
	a, err := p.Post(ctx, "/api/v1/write")
	switch {
	case err != nil:
		w.report.fail(HopRemoteWrite, err.Error(), "")
	case a.Status == http.StatusNotFound && strings.Contains(string(a.Body), "remote write receiver"):
		w.report.fail(HopRemoteWrite, "Prometheus does not accept remote write: "+a.Err().Error(), fixReceiver)
	}
	for _, earlier := range []string{HopRemoteWrite, HopServiceGraphs, HopGenerator} {
		if w.failed(earlier) {
			if earlier != HopRemoteWrite {
				w.after(ctx, earlier, HopRemoteWrite)
			}
			w.after(ctx, earlier, HopSeries)
			return
		}
	}
	if w.probe == nil || w.failed(HopTrace) {
		w.anySeries(ctx, p)
		return
	}
	w.followProbe(ctx, t, p)
}

// anySeries checks whether Prometheus has fresh series of any services.
func (w *walk) anySeries(ctx context.Context, p *prometheusAPI) {
	w.report.skip("no probe trace has reached Tempo", HopRemoteWrite)
	at, found := p.number(ctx, `max(timestamp(traces_service_graph_request_total{client!="",server!=""}))`)
	age := time.Since(time.UnixMilli(int64(at * 1000))).Round(time.Second)
	switch {
	case found && age <= freshFor:
		w.report.pass(HopSeries, fmt.Sprintf("the latest sample of traces_service_graph_request_total is %v old", max(age, 0)))
	case w.settings != nil || w.failed(HopSettings):
		w.report.skip("no probe trace has reached Tempo, and there are no fresh series of other services", HopSeries)
	case found:
		w.report.fail(HopSeries, fmt.Sprintf("the latest sample of traces_service_graph_request_total is %v old", age),
			"name the OTLP receiver, so that a probe trace can show which hop is broken")
	default:
		w.report.fail(HopSeries, w.missing(ctx, p), "name the OTLP receiver, so that a probe trace can show which hop is broken")
	}
}

// missing returns a text that says which series Prometheus lacks.
func (w *walk) missing(ctx context.Context, p *prometheusAPI) string {
	if n, found := p.number(ctx, `count(traces_service_graph_request_total)`); found && n > 0 {
		if _, labeled := p.number(ctx, `count(traces_service_graph_request_total{client!="",server!=""})`); !labeled {
			return "the series traces_service_graph_request_total have no labels client and server: a relabeling rule drops them"
		}
	}
	return "there is no series traces_service_graph_request_total"
}

// followProbe waits for the series of the probe trace. While waiting, it checks the metrics of
// Tempo's remote write.
func (w *walk) followProbe(ctx context.Context, t *tempoAPI, p *prometheusAPI) {
	var s sending
	var failingSince time.Time
	found, _ := poll(ctx, seriesWait, func(ctx context.Context) (bool, error) {
		if p.hasSeriesOf(ctx, w.probe) {
			return true, nil
		}
		if t == nil {
			return false, nil
		}
		m, err := t.metrics(ctx)
		if err != nil {
			return false, nil
		}
		s = t.sending(m, w.probe.at)
		switch {
		case s.noURL:
			return false, errStopped
		case !s.failing():
			failingSince = time.Time{}
		case failingSince.IsZero():
			failingSince = time.Now()
		case time.Since(failingSince) >= failingFor:
			return false, errStopped
		}
		return false, nil
	})
	took := time.Since(w.probe.at).Round(time.Second)
	switch {
	case found:
		detail := "Prometheus has what Tempo wrote"
		if s.url != "" {
			detail += " to " + s.url
		}
		w.report.pass(HopRemoteWrite, detail)
		w.report.pass(HopSeries, fmt.Sprintf("the series of the probe came after %v, with client and server", took))
		return
	case s.noURL:
		w.report.fail(HopRemoteWrite, "the metrics-generator has no URL to write to", fixNoURL)
	case s.failing():
		verb := "cannot deliver its series"
		if s.refused > 0 {
			verb = "writes series that are refused"
		}
		w.report.fail(HopRemoteWrite, fmt.Sprintf("the metrics-generator %s: %s", verb, s.url), fixSending)
	case s.known && !s.delivered:
		w.report.fail(HopRemoteWrite, fmt.Sprintf("the metrics-generator has sent nothing to %s after %v", s.url, took),
			"see Tempo's log")
	case s.delivered:
		w.report.pass(HopRemoteWrite, "Tempo has delivered series to "+s.url)
	default:
		w.report.skip("this address does not show the metrics of the generator", HopRemoteWrite)
	}
	if w.failed(HopRemoteWrite) {
		w.report.skip("because the hop "+HopRemoteWrite+" failed", HopSeries)
		return
	}
	w.report.fail(HopSeries, fmt.Sprintf("%s does not have the series of the probe after %v: %s%s", p, took, w.missing(ctx, p), s.discardedText()),
		w.fixSeries(s))
}

func (w *walk) fixSeries(s sending) string {
	if s.url != "" {
		return fmt.Sprintf("check that %s leads to this Prometheus, that no write_relabel_configs drop the series, and the log of Tempo", s.url)
	}
	return "check that metrics_generator.storage.remote_write of Tempo leads to this Prometheus, and the logs of the metrics-generator"
}

// errStopped ends a poll whose result is known.
var errStopped = errors.New("stopped")

// sending is the state of Tempo's remote write since the probe trace was sent, according to Tempo's
// own metrics. It is the zero value if the process has no generator with this tenant.
type sending struct {
	known            bool   // the process has a generator with this tenant
	noURL            bool   // the generator has no remote write
	url              string // where the generator writes
	delivered        bool   // samples that are newer than the probe have left the queue, and no sample was refused
	refused, retried float64
	discarded        float64 // spans that were too old
}

func (s sending) failing() bool { return s.refused+s.retried > 0 && !s.delivered }

func (s sending) discardedText() string {
	if s.discarded == 0 {
		return ""
	}
	return fmt.Sprintf("; the generator discarded %s that came later than metrics_ingestion_time_range_slack allows",
		quantity.Of(int64(s.discarded), "span"))
}

func (t *tempoAPI) sending(now samples, probe time.Time) sending {
	tenant := map[string]string{"tenant": t.tenant}
	grown := func(name string) float64 { return now.with(name, tenant).sum() - t.before.with(name, tenant).sum() }
	s := sending{known: len(now.with("tempo_metrics_generator_active_processors", tenant)) > 0}
	if !s.known {
		return s
	}
	queues := now.with("prometheus_remote_storage_samples_total", tenant)
	if len(queues) == 0 {
		s.noURL = true
		return s
	}
	s.url = queues[0].labels["url"]
	s.refused = grown("prometheus_remote_storage_samples_failed_total")
	// Tempo also counts refused samples as sent.
	s.delivered = s.refused == 0 &&
		now.with("prometheus_remote_storage_queue_highest_sent_timestamp_seconds", tenant).max() >= float64(probe.Unix())
	s.retried = grown("prometheus_remote_storage_samples_retried_total")
	s.discarded = grown("tempo_metrics_generator_spans_discarded_total")
	return s
}
