package otelsetup

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/tempograph/tempograph/otelsetup/internal/webapi"
)

// How long Check waits until Tempo returns the probe trace by id, and until a search finds it. A
// Collector may keep a batch for some seconds, and Tempo 3 does not search the last half minute.
const (
	traceWait  = 20 * time.Second
	searchWait = 45 * time.Second
	tenantWait = 5 * time.Second // until the metrics of the generator show a tenant after its first span
)

// searchRange is how far back searches go. Tempo 3 moves the end of a search into the past, by its
// query_end_cutoff of at most 15 minutes, and refuses a search whose end is then before its start.
const searchRange = 20 * time.Minute

// A tempoAPI is the query API of a Tempo server that is ready.
type tempoAPI struct {
	*webapi.Client
	tenant  string
	version string  // such as 2.9.0; empty if a gateway hides it
	before  samples // Tempo's own metrics before the probe was sent
}

func (t *tempoAPI) generation() string {
	generation, _, _ := strings.Cut(t.version, ".")
	return generation
}

// openTempo checks whether Tempo is ready and answers queries. It returns nil if it does not.
func (w *walk) openTempo(ctx context.Context) *tempoAPI {
	hops := []string{HopTempo, HopAccess, HopTrace, HopSearch, HopGenerator, HopServiceGraphs}
	s := w.options.tempo
	if s.URL == "" {
		w.report.skip("the URL of Tempo's query API is not given", hops...)
		return nil
	}
	c, err := webapi.New(s.URL, s.Header, s.TLS, requestTimeout)
	if err != nil {
		w.report.fail(HopTempo, err.Error(), "give the base URL of Tempo's HTTP API, such as http://tempo:3200")
		w.after(ctx, HopTempo, hops[1:]...)
		return nil
	}
	t := &tempoAPI{Client: c, tenant: s.Header.Get("X-Scope-OrgID")}
	if t.tenant == "" {
		t.tenant = "single-tenant"
	}
	if err, fix := t.ready(ctx); err != nil {
		w.report.fail(HopTempo, t.String()+": "+err.Error(), fix)
		w.after(ctx, HopTempo, hops[1:]...)
		return nil
	}
	detail := t.String() + " is ready"
	if t.version != "" {
		detail += ", version " + t.version
	}
	w.report.pass(HopTempo, detail)

	// Tempo 3 refuses a search without a time range if its query_backend_after is 0.
	now := time.Now()
	a, err := t.Get(ctx, "/api/search", url.Values{
		"q":     {"{}"},
		"start": {strconv.FormatInt(now.Add(-searchRange).Unix(), 10)},
		"end":   {strconv.FormatInt(now.Unix(), 10)},
		"limit": {"1"},
	})
	if err == nil {
		err = a.Err()
	}
	if err != nil {
		w.report.fail(HopAccess, err.Error(), accessFix(a))
		w.after(ctx, HopAccess, hops[2:]...)
		return nil
	}
	detail = "a query was answered"
	if t.tenant != "single-tenant" {
		detail += fmt.Sprintf(" for tenant %q", t.tenant)
	}
	w.report.pass(HopAccess, detail)
	return t
}

func accessFix(a webapi.Answer) string {
	switch {
	case bytes.Contains(a.Body, []byte("no org id")):
		return hintTenant
	case a.Status == http.StatusUnauthorized, a.Status == http.StatusForbidden:
		return "check the credentials and the tenant for Tempo's query API"
	case a.Status >= 500:
		return "see the log of Tempo's query-frontend and queriers"
	}
	return ""
}

const fixTempoURL = "give the base URL of Tempo's query API: of the query-frontend or of a gateway, by default at port 3200"

// ready returns nil if Tempo is ready to answer, and otherwise an error and what to do.
func (t *tempoAPI) ready(ctx context.Context) (err error, fix string) {
	ready, err := t.Get(ctx, "/ready", nil)
	if err != nil {
		return err, fixTempoURL
	}
	if ready.Status == http.StatusServiceUnavailable {
		return fmt.Errorf("not ready: %s", ready.Message()), "wait until Tempo has started, and see its log"
	}
	// Other servers have a path /ready as well, and gateways block the path.
	echo, err := t.Get(ctx, "/api/echo", nil)
	switch {
	case err != nil:
		return err, fixTempoURL
	case echo.Status != http.StatusOK || strings.TrimSpace(string(echo.Body)) != "echo":
		if err := echo.Err(); err != nil && echo.Status != http.StatusNotFound {
			return err, accessFix(echo)
		}
		return errors.New("the server is not Tempo's query API"), fixTempoURL
	}
	var build struct{ Version string }
	if t.GetJSON(ctx, "/api/status/buildinfo", nil, &build) == nil {
		t.version = build.Version
	}
	return nil, ""
}

// traceByID waits until Tempo returns the probe trace.
func (w *walk) traceByID(ctx context.Context, t *tempoAPI) {
	switch {
	case w.probe == nil && w.settings == nil:
		w.report.skip("no probe trace was sent", HopTrace, HopSearch)
		return
	case w.probe == nil:
		w.report.skip("the receiver has not accepted the probe trace", HopTrace, HopSearch)
		return
	case w.after(ctx, HopAccess, HopTrace, HopSearch):
		return
	}
	found, err := poll(ctx, traceWait, func(ctx context.Context) (bool, error) {
		a, err := t.Get(ctx, "/api/traces/"+w.probe.traceID, nil)
		switch {
		case err != nil:
			return false, err
		case a.Status == http.StatusNotFound:
			return false, nil
		case a.Status != http.StatusOK:
			return false, a.Err()
		}
		// One of the two spans may not have arrived yet.
		return bytes.Contains(a.Body, []byte(w.probe.server)) && bytes.Contains(a.Body, []byte(`"`+probeClient+`"`)), nil
	})
	switch {
	case found:
		w.fetched = true
		w.report.pass(HopTrace, fmt.Sprintf("found after %v", time.Since(w.probe.at).Round(time.Millisecond)))
	case err != nil:
		w.report.fail(HopTrace, err.Error(), "see the log of Tempo's query-frontend")
	default:
		w.report.fail(HopTrace,
			fmt.Sprintf("%s accepted the probe trace, but Tempo at %s does not have it after %v",
				w.settings.target, t, time.Since(w.probe.at).Round(time.Second)),
			"if the receiver is a Collector, check that its traces pipeline exports to this Tempo, and see its log\n"+
				"if the receiver is Tempo, check that it is the same Tempo, and that both sides use the same tenant")
	}
}

// search waits until a search finds the probe trace.
func (w *walk) search(ctx context.Context, t *tempoAPI) {
	if w.probe == nil || w.after(ctx, HopTrace, HopSearch) {
		return
	}
	query := url.Values{
		"q":     {fmt.Sprintf("{ resource.service.name = %q }", w.probe.server)},
		"start": {strconv.FormatInt(w.probe.at.Add(-searchRange).Unix(), 10)},
		"limit": {"50"},
	}
	found, err := poll(ctx, searchWait, func(ctx context.Context) (bool, error) {
		query.Set("end", strconv.FormatInt(time.Now().Add(time.Minute).Unix(), 10))
		var answer struct {
			Traces []struct{ TraceID string }
		}
		if err := t.GetJSON(ctx, "/api/search", query, &answer); err != nil {
			return false, err
		}
		for _, trace := range answer.Traces {
			if trace.TraceID == w.probe.traceID {
				return true, nil
			}
		}
		return false, nil
	})
	switch {
	case found:
		w.report.pass(HopSearch, fmt.Sprintf("found after %v", time.Since(w.probe.at).Round(time.Millisecond)))
	case err != nil:
		w.report.fail(HopSearch, err.Error(), "see the log of Tempo's query-frontend and queriers")
	default:
		w.report.fail(HopSearch, fmt.Sprintf("a search does not find the probe trace after %v, though Tempo has it",
			time.Since(w.probe.at).Round(time.Second)),
			"see the log of the queriers; query_frontend.search, and of Tempo 3 query_frontend.query_end_cutoff, decide which recent traces are searched")
	}
}

const (
	fixGenerator = "Helm chart tempo-distributed: metricsGenerator.enabled: true (not metrics_generator)\n" +
		"Tempo's own configuration: metrics_generator.storage.path must be set"
	fixServiceGraphs = "Tempo's own configuration: overrides.defaults.metrics_generator.processors: [service-graphs]\n" +
		"the same key below a tenant in the per-tenant overrides replaces the defaults: name all processors there"
)

// generator checks whether the metrics-generator runs, and its processor service-graphs for this
// tenant. It does not use /status/services, which reports Running for a disabled generator.
func (w *walk) generator(ctx context.Context, t *tempoAPI) {
	if w.after(ctx, HopAccess, HopGenerator, HopServiceGraphs) {
		return
	}
	runs, detail, err := t.generatorRuns(ctx)
	switch {
	case err != nil:
		w.report.fail(HopGenerator, err.Error(), "see the log of Tempo's query-frontend")
		w.after(ctx, HopGenerator, HopServiceGraphs)
		return
	case runs == Failed:
		w.report.fail(HopGenerator, detail, fixGenerator)
		w.after(ctx, HopGenerator, HopServiceGraphs)
		return
	case runs == Passed:
		w.report.pass(HopGenerator, detail)
	default:
		w.report.skip(detail, HopGenerator)
	}
	active, detail := w.processorActive(ctx, t)
	switch active {
	case Failed:
		w.report.fail(HopServiceGraphs, detail, fixServiceGraphs)
	case Passed:
		w.report.pass(HopServiceGraphs, detail)
	default:
		w.report.skip(detail, HopServiceGraphs)
	}
}

// Patterns in the answer of Tempo's /status/config.
var (
	singleProcess      = regexp.MustCompile(`(?m)^target: all$`)
	noGeneratorStorage = regexp.MustCompile(`(?m)^metrics_generator:\n(?: .*\n)*?    storage:\n        path: ""$`)
)

// generatorRuns reports whether the metrics-generator runs.
func (t *tempoAPI) generatorRuns(ctx context.Context) (Outcome, string, error) {
	if m, err := t.metrics(ctx); err == nil && len(m.with("tempo_metrics_generator_spans_received_total", nil)) > 0 {
		return Passed, "it has received spans", nil
	}
	// If one process runs all of Tempo, its configuration tells whether the generator runs.
	if a, err := t.Get(ctx, "/status/config", nil); err == nil && singleProcess.Match(a.Body) && noGeneratorStorage.Match(a.Body) {
		return Failed, "Tempo runs without metrics_generator.storage.path, and so without metrics-generator", nil
	}
	if g := t.generation(); g != "" && g != "1" && g != "2" {
		return NotChecked, "Tempo " + t.version + " does not tell from here, where no generator has received spans", nil
	}
	// Tempo 2 answers a metrics query about recent time only with a generator.
	now := time.Now()
	a, err := t.Get(ctx, "/api/metrics/query_range", url.Values{
		"q":     {"{} | rate()"},
		"start": {strconv.FormatInt(now.Add(-time.Minute).Unix(), 10)},
		"end":   {strconv.FormatInt(now.Unix(), 10)},
		"step":  {"10s"},
	})
	switch {
	case err != nil:
		return NotChecked, "", err
	case bytes.Contains(a.Body, []byte("empty ring")):
		return Failed, `Tempo has no metrics-generator: "empty ring"`, nil
	case a.Status == http.StatusOK && t.version == "":
		// Tempo 3 answers metrics queries without its generator.
		return NotChecked, "Tempo does not tell its version, on which depends who answers metrics queries", nil
	case a.Status == http.StatusOK, bytes.Contains(a.Body, []byte("localblocks processor not found")):
		return Passed, "it answers", nil
	case a.Status == http.StatusNotFound:
		return NotChecked, "this Tempo has no metrics queries, which tell whether a generator runs", nil
	}
	return NotChecked, "", a.Err()
}

// processorActive reports whether the generator runs the processor service-graphs for the tenant:
// according to the generator's own metrics if this process has them, and otherwise according to the
// overrides.
func (w *walk) processorActive(ctx context.Context, t *tempoAPI) (Outcome, string) {
	if strings.Contains(t.tenant, "|") {
		return NotChecked, fmt.Sprintf("%q are several tenants", t.tenant)
	}
	labels := map[string]string{"tenant": t.tenant, "processor": "service-graphs"}
	outcome, detail := NotChecked, ""
	_, _ = poll(ctx, tenantWait, func(ctx context.Context) (bool, error) {
		m, err := t.metrics(ctx)
		if err == nil {
			for _, s := range m.with("tempo_metrics_generator_active_processors", labels) {
				if s.value > 0 {
					outcome, detail = Passed, "active for tenant "+strconv.Quote(t.tenant)
					return true, nil
				}
				outcome, detail = Failed, fmt.Sprintf("the processor service-graphs is not active for tenant %q", t.tenant)
			}
		}
		return outcome != NotChecked || !w.fetched, nil
	})
	if outcome != NotChecked {
		return outcome, detail
	}
	a, err := t.Get(ctx, "/status/overrides/"+url.PathEscape(t.tenant), nil)
	if err != nil || a.Status != http.StatusOK || !bytes.Contains(a.Body, []byte("Runtime overrides")) {
		return NotChecked, "this address shows neither the metrics of the generator nor the overrides of a tenant"
	}
	if bytes.Contains([]byte(html.UnescapeString(string(a.Body))), []byte("- service-graphs")) {
		return Passed, fmt.Sprintf("in the overrides of tenant %q", t.tenant)
	}
	return Failed, fmt.Sprintf("the overrides of tenant %q do not have the processor service-graphs", t.tenant)
}

// metrics returns Tempo's own metrics.
func (t *tempoAPI) metrics(ctx context.Context) (samples, error) {
	a, err := t.Get(ctx, "/metrics", nil)
	if err == nil {
		err = a.Err()
	}
	if err != nil {
		return nil, err
	}
	return parseSamples(a.Body), nil
}
