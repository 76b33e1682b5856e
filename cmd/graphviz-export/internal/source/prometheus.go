package source

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/prometheus/client_golang/api"
	v1 "github.com/prometheus/client_golang/api/prometheus/v1"

	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/console"
	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/exit"
	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/timerange"
	"github.com/tempograph/tempograph/internal/httpfault"
	"github.com/tempograph/tempograph/internal/quantity"
	"github.com/tempograph/tempograph/internal/redact"
	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/promgraph"
	"github.com/tempograph/tempograph/tempoclient"
)

// Prometheus are the service graph series of a server.
type Prometheus struct {
	URL      string
	Selector string // label matchers; empty: all series
	When     timerange.Period
	Config   tempoclient.Config // the credentials, in the type that also holds those for Tempo
	Stderr   *console.Console
}

// Source returns the graph of the series.
func (p Prometheus) Source() (Source, error) {
	shown := redact.URL(p.URL)
	client, close, err := prometheusAPI(p.URL, p.Config)
	if err != nil {
		return Source{}, exit.Usagef("--prometheus %s: %w", shown, err)
	}
	name := "prometheus " + shown
	title := "service graph series"
	if p.Selector != "" {
		title += " " + p.Selector
	}
	return Source{
		Name: name, Origin: name, About: p.When.Text, Title: title + ", " + p.When.Text,
		Close: close,
		Graph: func(ctx context.Context) (*servicegraph.Graph, []string, error) {
			g, back, err := promgraph.Query(ctx, client, promgraph.QueryConfig{Selector: p.Selector, End: p.When.To, Range: p.When.To.Sub(p.When.From)})
			if err != nil {
				return nil, nil, advisePrometheus(name, err)
			}
			p.Stderr.Detailf("read %s of calls, written by %s of %s", quantity.Of(back.Series, "counter"), quantity.Of(back.Instances, "instance"), strings.Join(back.Sources, ", "))
			return g, back.Notes(), nil
		},
	}, nil
}

// advisePrometheus adds a next step and the exit status to the errors of a query.
func advisePrometheus(name string, err error) error {
	if _, ok := errors.AsType[*url.Error](err); ok {
		err = httpfault.Explain(err, "Prometheus")
	}
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
		case refused.Type == v1.ErrServer:
			return fmt.Errorf("%w: Prometheus, or a proxy in front of Prometheus, failed: look at the logs of both", err)
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
	if _, err := redact.ParseURL(address); err != nil {
		return nil, nil, err
	}
	tls, err := config.TLSConfig()
	if err != nil {
		return nil, nil, err
	}
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: tls, ForceAttemptHTTP2: true}
	client, err := api.NewClient(api.Config{Address: address, Client: &http.Client{
		Transport: prometheusAccess{config, transport},
		CheckRedirect: func(r *http.Request, via []*http.Request) error {
			switch {
			case !httpfault.SameServer(r.URL, via[0].URL): // the other server would get the credentials
				return fmt.Errorf("the server redirects to another server, %s: if Prometheus has moved there, use that URL", redact.URL(r.URL.String()))
			case len(via) >= 10:
				return fmt.Errorf("stopped after %d redirects: is this the URL of Prometheus's HTTP API, with its path?", len(via))
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
		token, err := os.ReadFile(a.config.BearerTokenFile) // read for each request, because such tokens are replaced while a program runs
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
