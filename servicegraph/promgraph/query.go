package promgraph

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"

	"github.com/tempograph/tempograph/internal/quantity"
	"github.com/tempograph/tempograph/servicegraph"
)

// An API evaluates PromQL at one point in time. The API of client_golang implements it.
type API interface {
	Query(ctx context.Context, query string, at time.Time, opts ...v1.Option) (model.Value, v1.Warnings, v1.Infos, error)
}

// A QueryConfig chooses what [Query] reads. The zero value reads all series of the last hour.
type QueryConfig struct {
	// Selector restricts the series by their labels, such as `{cluster="prod"}`; the braces may be
	// left out.
	Selector string

	// End is the end of the time range, and Range its length, in whole seconds; zero means now and
	// an hour.
	End   time.Time
	Range time.Duration
}

// A Readback describes the series from which a graph was read.
type Readback struct {
	Start, End time.Time
	Series     int      // counters of calls that were read
	Instances  int      // processes that wrote the series: the largest number of counters of one edge
	Sources    []string // who wrote them, sorted: "collector" for the Collector's connector, the value of the label source (such as "beyla"), else "tempo"
	Missing    []string // names of series that do not exist, sorted; there is no counter of failed calls if no call failed
	Restarted  int      // counters that restarted at zero within the range; their increases are added up

	// Duplicated counts the edges that several sources report. The source with the most calls
	// counts; adding them up would count each call twice.
	Duplicated int

	// Swapped counts the edges of the Collector's connector whose client and server latencies
	// were swapped back: versions before v0.107 write each under the name of the other.
	Swapped int

	// BucketRatio is the largest ratio of the upper to the lower bound of a bucket with samples,
	// such as 2 for Tempo's classic histograms and 1.09 for its native ones: the factor by which a
	// quantile can be off. It is 0 if there are no latencies. Samples in the lowest bucket of a
	// classic histogram have no lower bound. Above is the number of samples in +Inf buckets, which
	// count as the highest bound.
	BucketRatio float64
	Above       float64

	Warnings []string // of the server
}

// Notes returns sentences about what makes the graph incomplete or uncertain.
func (r Readback) Notes() []string {
	var notes []string
	add := func(count float64, format string, args ...any) {
		if count > 0 {
			notes = append(notes, fmt.Sprintf(format, args...))
		}
	}
	missing := slices.DeleteFunc(slices.Clone(r.Missing), func(name string) bool {
		return name == MetricFailed || name == MetricMessagingSeconds // not every graph has these series
	})
	add(float64(len(missing)), "Prometheus has no series of %s", strings.Join(missing, " and "))
	add(r.BucketRatio, "latencies are exact to a histogram bucket: a quantile can be off by a factor of %.3g", r.BucketRatio)
	add(r.Above, "%s above the highest bucket", quantity.Of(int64(r.Above), "sample"))
	add(float64(r.Restarted), "counters began again at zero: %d", r.Restarted)
	add(float64(r.Duplicated), "%s reported by several sources: the source with the most calls counts", quantity.Of(int64(r.Duplicated), "edge"))
	add(float64(r.Swapped), "client and server latencies swapped back on %s of the Collector's connector", quantity.Of(int64(r.Swapped), "edge"))
	for _, w := range r.Warnings {
		add(1, "Prometheus: %s", w)
	}
	return notes
}

// ErrNoSeries is the error if Prometheus has no calls of a service graph in the time range.
var ErrNoSeries = errors.New("no service graph")

// Query builds a graph from the series that Tempo's generator, the Collector's service graph
// connector, Beyla, or a collector of this package wrote over a time range.
//
// Calls and errors are exact: Query takes the difference of the counters, without the extrapolation
// of PromQL's increase, adds up the counts of several instances, and handles counters that restart
// at zero. A counter without a sample in the hour before the range is taken to have begun at zero
// within it. Rates refer to the whole range. Latencies come from the native histograms, or else
// from the classic ones.
//
// The labels client_service_namespace and server_service_namespace become namespaces. The
// server of a database call is a database. The side without spans of a call to a virtual node is
// an external dependency, or the service of that name if there is one. A side whose samples are
// all 0 seconds has no latency, because Tempo writes such samples for sides without spans.
//
// Beyla and OpenTelemetry eBPF Instrumentation count a call on each side that they see. Query takes
// the calls of the side that saw more, and reduces the errors by the same factor.
//
// If there is no call in the range, the error wraps [ErrNoSeries] and says whether such series
// exist at all.
func Query(ctx context.Context, api API, cfg QueryConfig) (*servicegraph.Graph, Readback, error) {
	q := newReader(api, cfg)
	if err := q.findAlternating(ctx); err != nil {
		return nil, q.back, err
	}
	calls, err := q.counter(ctx, MetricTotal)
	if err != nil {
		return nil, q.back, err
	}
	if len(calls) == 0 {
		return nil, q.back, q.whyEmpty(ctx)
	}
	failed, err := q.counter(ctx, MetricFailed)
	if err != nil {
		return nil, q.back, err
	}
	edges := newReadEdges()
	for _, s := range calls {
		edges.at(s.labels).calls += s.value.number
	}
	for _, s := range failed {
		edges.at(s.labels).failed += s.value.number
	}
	q.back.Series, q.back.Restarted = len(calls), q.restarted
	q.back.Sources, q.back.Instances = edges.sources(), instances(calls)

	for _, h := range []struct {
		names []string
		of    func(*readEdge) *readHistogram
	}{
		{[]string{MetricServerSeconds, unitlessServer}, func(e *readEdge) *readHistogram { return &e.server }},
		{[]string{MetricClientSeconds, unitlessClient, legacyDuration}, func(e *readEdge) *readHistogram { return &e.client }},
		{[]string{MetricMessagingSeconds}, func(e *readEdge) *readHistogram { return &e.messaging }},
	} {
		if err := q.histogram(ctx, h.names, func(l labels) *readHistogram { return h.of(edges.at(l)) }); err != nil {
			return nil, q.back, err
		}
	}
	slices.Sort(q.back.Missing)
	q.back.Warnings = slices.Compact(slices.Sorted(slices.Values(q.back.Warnings)))
	g, err := edges.graph(&q.back)
	return g, q.back, err
}

// The connector's names have no unit. Exporters add the unit, unless they are configured not to.
const (
	unitlessServer = "traces_service_graph_request_server"
	unitlessClient = "traces_service_graph_request_client"
)

// legacyDuration is the name of the client's latency in the Collector's connector before v0.88.
const legacyDuration = "traces_service_graph_request_duration_seconds"

// lookback is how long before the range the last value of a counter may be.
const lookback = time.Hour

// A reader reads the increases of series over a range.
type reader struct {
	api       API
	matchers  string
	span      time.Duration
	back      Readback
	restarted int

	alternating map[model.Fingerprint]bool // by labels as withoutFailed returns them
}

func newReader(api API, cfg QueryConfig) *reader {
	if cfg.End.IsZero() {
		cfg.End = time.Now()
	}
	if cfg.Range <= 0 {
		cfg.Range = time.Hour
	}
	cfg.Range = max(cfg.Range.Round(time.Second), time.Second)
	selector := strings.TrimSpace(cfg.Selector)
	if inner, ok := strings.CutPrefix(selector, "{"); ok {
		if inner, ok = strings.CutSuffix(inner, "}"); ok {
			selector = inner
		}
	}
	return &reader{
		api:      api,
		matchers: strings.Trim(strings.TrimSpace(selector), ","),
		span:     cfg.Range,
		back:     Readback{Start: cfg.End.Add(-cfg.Range), End: cfg.End},
	}
}

// selector returns the selector of a metric with more matchers.
func (q *reader) selector(metric string, more ...string) string {
	matchers := more
	if q.matchers != "" {
		matchers = append([]string{q.matchers}, more...)
	}
	return metric + "{" + strings.Join(matchers, ",") + "}"
}

// ask evaluates an expression at a time. The value is not nil, and has no sample that is nil.
func (q *reader) ask(ctx context.Context, expression string, at time.Time) (model.Value, error) {
	value, warnings, _, err := q.api.Query(ctx, expression, at)
	if err != nil {
		if refused, ok := errors.AsType[*v1.Error](err); ok && refused.Type == v1.ErrBadData && q.matchers != "" {
			return nil, fmt.Errorf("querying Prometheus with the selector {%s}: %w", q.matchers, err)
		}
		return nil, fmt.Errorf("querying Prometheus: %w", explainAnswer(err))
	}
	if !isComplete(value) {
		return nil, fmt.Errorf("querying Prometheus: %w", explainAnswer(&v1.Error{Type: v1.ErrBadResponse, Msg: "the answer has no data, or null in place of data"}))
	}
	q.back.Warnings = append(q.back.Warnings, warnings...)
	return value, nil
}

// isComplete reports whether an answer has a value without null in the value.
func isComplete(value model.Value) bool {
	switch value := value.(type) {
	case nil:
		return false
	case model.Vector:
		return !slices.Contains(value, nil)
	case model.Matrix:
		return !slices.Contains(value, nil)
	}
	return true
}

// explainAnswer says in plain words what is wrong with an answer that is not one of Prometheus.
func explainAnswer(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("the answer broke off (%w): try again, and look at the proxy in front of Prometheus if the answer breaks off again", err)
	}
	if bad, ok := errors.AsType[*v1.Error](err); ok && bad.Type == v1.ErrBadResponse {
		what := "the answer is not the JSON of Prometheus's HTTP API"
		if strings.Contains(bad.Msg, "'<'") {
			what = "a web page in place of an answer"
		}
		return fmt.Errorf("%s: %w", what, err)
	}
	return err
}

// whyEmpty returns an error that says whether Prometheus has the series under other labels or
// at another time.
func (q *reader) whyEmpty(ctx context.Context) error {
	exists := func(selector string) bool {
		value, err := q.ask(ctx, "count(last_over_time("+selector+"[1d]))", q.back.End)
		vector, ok := value.(model.Vector)
		return err == nil && ok && len(vector) > 0
	}
	const none = "%w: Prometheus has no %s "
	switch {
	case exists(q.selector(MetricTotal)):
		return fmt.Errorf(none+"from %s to %s, but has some from the day before: choose a longer or an earlier range",
			ErrNoSeries, q.selector(MetricTotal), q.back.Start.UTC().Format(time.RFC3339), q.back.End.UTC().Format(time.RFC3339))
	case q.matchers != "" && exists(MetricTotal):
		return fmt.Errorf(none+"but has some with other labels: check the selector", ErrNoSeries, q.selector(MetricTotal))
	}
	return fmt.Errorf(none+"in the last day: is the service-graphs processor of Tempo's metrics-generator on, and does its remote write reach this Prometheus?", ErrNoSeries, q.selector(MetricTotal))
}

// instances returns how many instances count the calls of the edge that has the most of them.
func instances(calls []increase) int {
	byEdge := make(map[edgeLabels]map[model.Fingerprint]bool)
	most := 0
	for _, s := range calls {
		key := edgeOf(s.labels)
		if byEdge[key] == nil {
			byEdge[key] = make(map[model.Fingerprint]bool)
		}
		byEdge[key][withoutFailed(s.labels).Fingerprint()] = true
		most = max(most, len(byEdge[key]))
	}
	return most
}
