package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/prometheus/client_golang/api"
	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/exit"
	"github.com/tempograph/tempograph/internal/quantity"
	"github.com/tempograph/tempograph/internal/redact"
	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/promgraph"
	"github.com/tempograph/tempograph/tempoclient"
)

// prometheusFlags set the URL of Prometheus and choose its series.
type prometheusFlags struct {
	url, selector string
}

// addTo adds the flags to a command.
func (p *prometheusFlags) addTo(cmd *cobra.Command) {
	group(cmd, "Prometheus", func(f *pflag.FlagSet) {
		f.StringVar(&p.url, "prometheus", "", "read the service graph series of Prometheus, whose HTTP API is at `URL`, instead of traces")
		f.StringVar(&p.selector, "selector", "", "read only the series with these labels: `'{cluster=\"prod\"}'`")
	})
}

// notForPrometheus are the flags that apply to traces in Tempo and not to series.
var notForPrometheus = []string{"tempo", "query", "trace", "limit"}

// graphFlagsOfSpans are the flags that decide how spans become a graph, which no longer matters for series.
var graphFlagsOfSpans = []string{
	"http-errors", "not-error", "split-by", "user-node", "infer", "queue-nodes",
	"no-address-learning", "no-embedded-databases", "max-nodes", "max-edges", "max-record",
}

// prometheusSource returns the graph of the series in Prometheus.
func (e *export) prometheusSource() (source, error) {
	for _, flag := range notForPrometheus {
		if e.given(flag) {
			return source{}, exit.Usagef("--%s selects traces and cannot be combined with --prometheus, which reads series", flag)
		}
	}
	for _, flag := range graphFlagsOfSpans {
		if e.given(flag) {
			return source{}, exit.Usagef("--%s needs spans and cannot be combined with --prometheus, which reads series", flag)
		}
	}
	if len(e.files) > 0 {
		return source{}, exit.Usagef("--prometheus cannot be combined with files such as %s", e.files[0])
	}
	if e.filter.groupBy != "" && !e.filter.byNamespace() {
		return source{}, exit.Usagef("--group-by %s needs spans: with --prometheus, group by namespace", e.filter.groupBy)
	}
	when, err := e.tempo.time.period(time.Now())
	if err != nil {
		return source{}, err
	}
	access := e.tempo
	access.config = tempoclient.Config{} // the environment has the credentials of Tempo
	config, err := access.access()
	if err != nil {
		return source{}, err
	}
	url := redact.URL(e.prometheus.url)
	client, close, err := prometheusAPI(e.prometheus.url, config)
	if err != nil {
		return source{}, exit.Usagef("--prometheus %s: %w", url, err)
	}
	name := "prometheus " + url
	title := "service graph series"
	if e.prometheus.selector != "" {
		title += " " + e.prometheus.selector
	}
	return source{
		name: name, origin: name, about: when.text, title: title + ", " + when.text,
		close: close,
		graph: func(ctx context.Context) (*servicegraph.Graph, []string, error) {
			g, back, err := promgraph.Query(ctx, client, promgraph.QueryConfig{Selector: e.prometheus.selector, End: when.to, Range: when.to.Sub(when.from)})
			if err != nil {
				return nil, nil, advisePrometheus(name, err)
			}
			e.stderr.Detailf("read %s of calls, written by %s of %s", quantity.Of(back.Series, "counter"), quantity.Of(back.Instances, "instance"), strings.Join(back.Sources, ", "))
			return g, back.Notes(), nil
		},
	}, nil
}

// advisePrometheus adds the exit status to the errors of a query.
func advisePrometheus(name string, err error) error {
	err = fmt.Errorf("%s: %w", name, err)
	if errors.Is(err, promgraph.ErrNoSeries) {
		return exit.With(exit.Nothing, err)
	}
	if refused, ok := errors.AsType[*v1.Error](err); ok {
		switch {
		case refused.Type == v1.ErrBadData:
			return exit.With(exit.Usage, fmt.Errorf("%w: correct --selector", err))
		case strings.Contains(refused.Msg, "401") || strings.Contains(refused.Msg, "403"):
			return fmt.Errorf("%w: check --username and --password-file, or --bearer-token-file", err)
		case strings.Contains(refused.Msg, "404") || refused.Type == v1.ErrBadResponse:
			return fmt.Errorf("%w: is this the URL of Prometheus's HTTP API, with its path?", err)
		}
	}
	return err
}

// prometheusAPI returns a client with the credentials of a configuration, and a function that
// closes its connections.
func prometheusAPI(address string, config tempoclient.Config) (promgraph.API, func() error, error) {
	if !strings.HasPrefix(address, "http://") && !strings.HasPrefix(address, "https://") {
		return nil, nil, errors.New("want a URL that begins with http:// or https://")
	}
	tls, err := config.TLSConfig()
	if err != nil {
		return nil, nil, err
	}
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: tls, ForceAttemptHTTP2: true}
	client, err := api.NewClient(api.Config{Address: address, Client: &http.Client{
		Transport: prometheusAccess{config, transport},
		CheckRedirect: func(r *http.Request, via []*http.Request) error {
			if r.URL.Host != via[0].URL.Host {
				return fmt.Errorf("it redirects to another host, %s: use that URL", r.URL.Host)
			}
			return nil
		},
	}})
	if err != nil {
		return nil, nil, err
	}
	return v1.NewAPI(client), func() error { transport.CloseIdleConnections(); return nil }, nil
}

// A prometheusAccess adds credentials to requests, and limits the size of responses.
type prometheusAccess struct {
	config tempoclient.Config
	next   http.RoundTripper
}

// maxPrometheusResponse is the largest response to one query, in bytes: some million series.
const maxPrometheusResponse = 1 << 30

func (a prometheusAccess) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	for name, values := range a.config.Header {
		r.Header[http.CanonicalHeaderKey(name)] = values
	}
	if a.config.OrgID != "" {
		r.Header.Set("X-Scope-OrgID", a.config.OrgID)
	}
	switch {
	case a.config.BearerTokenFile != "":
		token, err := os.ReadFile(a.config.BearerTokenFile) // again for each request: tokens are replaced while they are used
		if err != nil {
			return nil, fmt.Errorf("reading the bearer token: %w", err)
		}
		r.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
	case a.config.Username != "":
		r.SetBasicAuth(a.config.Username, a.config.Password)
	}
	resp, err := a.next.RoundTrip(r)
	if err == nil {
		resp.Body = http.MaxBytesReader(nil, resp.Body, maxPrometheusResponse)
	}
	return resp, err
}

// writeEstimate writes how many series a graph has in Prometheus.
func writeEstimate(w io.Writer, g *servicegraph.Graph) error {
	classic := promgraph.EstimateSeries(g, promgraph.Config{})
	queues := promgraph.EstimateSeries(g, promgraph.Config{MessagingLatency: true})
	native := promgraph.EstimateSeries(g, promgraph.Config{Histograms: promgraph.Native})
	_, err := fmt.Fprintf(w, `Series in Prometheus for %s with distinct labels, %d with failed calls, %d with messages:

%9d  classic histograms of 8 buckets: 23 for each edge, and 1 if a call has failed
%9d  with the histogram of the time in queues: 11 more for each edge with messages
%9d  classic histograms, only of sides with spans (promgraph's default mode)
%9d  native histograms: 3 for each edge, and 1 if a call has failed

Each instance of the metrics-generator writes its own series for the edges that it sees, and an
additional dimension multiplies the series of an edge by the number of the dimension's values.
`, quantity.Of(classic.Edges, "edge"), classic.Failing, classic.Queues, classic.Tempo, queues.Tempo, classic.Default, native.Tempo)
	return err
}
