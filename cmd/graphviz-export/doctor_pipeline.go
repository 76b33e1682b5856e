package main

import (
	"cmp"
	"net/http"
	"os"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/exit"
	"github.com/tempograph/tempograph/otelsetup"
	"github.com/tempograph/tempograph/tempoclient"
)

// pipelineFlags name the servers that doctor checks.
type pipelineFlags struct {
	otlp, prometheus string
	timeout          time.Duration
	tempo            tempoFlags // the URL and the credentials
}

func (p *pipelineFlags) addTo(cmd *cobra.Command) {
	group(cmd, "Pipeline", func(f *pflag.FlagSet) {
		f.StringVar(&p.otlp, "otlp", "", "send a probe trace to the OTLP receiver at `URL`: grpc://host:4317, http://host:4318 [OTEL_EXPORTER_OTLP_ENDPOINT]")
		f.StringVar(&p.prometheus, "prometheus", "", "look for the series of the graph in Prometheus, whose HTTP API is at `URL` [PROMETHEUS_URL]")
		f.DurationVar(&p.timeout, "timeout", 90*time.Second, "give up after `DURATION`")
	})
	group(cmd, "Tempo", func(f *pflag.FlagSet) {
		f.StringVar(&p.tempo.url, "tempo", "", "look for the probe trace in Tempo, whose HTTP API is at `URL` [TEMPO_ADDR, TEMPO_URL]")
		p.tempo.addAccessTo(f)
	})
}

// options returns the options for otelsetup.Check. connect is false if there is no server to check.
// The environment counts only if a flag names a server, or if there are no files to check.
func (p *pipelineFlags) options(files bool) (opts []otelsetup.Option, connect bool, err error) {
	if p.timeout <= 0 {
		return nil, false, exit.Usagef("doctor: --timeout %v: want a duration above 0", p.timeout)
	}
	if files && p.otlp == "" && p.tempo.url == "" && p.prometheus == "" {
		return nil, false, nil
	}
	url, config := tempoclient.FromEnv(os.Getenv)
	p.tempo.config = config
	access, err := p.tempo.access()
	if err != nil {
		return nil, false, err
	}
	tempo := otelsetup.Server{URL: cmp.Or(p.tempo.url, url), Header: make(http.Header)}
	if tempo.TLS, err = access.TLSConfig(); err != nil {
		return nil, false, exit.Usagef("doctor: %w", err)
	}
	if err := access.Authorize(tempo.Header); err != nil {
		return nil, false, exit.Usagef("doctor: %w", err)
	}
	prometheus := otelsetup.Server{URL: cmp.Or(p.prometheus, os.Getenv("PROMETHEUS_URL")), Header: prometheusHeader()}

	inEnv := os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT") != "" || os.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") != ""
	opts = []otelsetup.Option{otelsetup.Endpoint(p.otlp), otelsetup.Tempo(tempo), otelsetup.Prometheus(prometheus)}
	if p.otlp == "" && !inEnv {
		opts = append(opts, otelsetup.WithoutReceiver())
	}
	if access.OrgID != "" && os.Getenv("TEMPO_ORG_ID") == "" {
		opts = append(opts, otelsetup.Header("X-Scope-OrgID", access.OrgID))
	}
	return opts, p.otlp != "" || inEnv || tempo.URL != "" || prometheus.URL != "", nil
}

// prometheusHeader returns the credentials for Prometheus in the environment.
func prometheusHeader() http.Header {
	req := http.Request{Header: make(http.Header)}
	if token := os.Getenv("PROMETHEUS_BEARER_TOKEN"); token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	if user := os.Getenv("PROMETHEUS_USERNAME"); user != "" {
		req.SetBasicAuth(user, os.Getenv("PROMETHEUS_PASSWORD"))
	}
	return req.Header
}
