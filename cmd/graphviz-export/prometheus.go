package main

import (
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/exit"
	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/source"
	"github.com/tempograph/tempograph/internal/quantity"
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

// graphFlagsOfSpans are the flags that decide how spans become a graph. They do not apply to
// series.
var graphFlagsOfSpans = []string{
	"http-errors", "not-error", "split-by", "user-node", "infer", "queue-nodes",
	"no-address-learning", "no-embedded-databases", "max-nodes", "max-edges", "max-record",
}

// prometheusSource returns the graph of the series in Prometheus.
func (e *export) prometheusSource() (source.Source, error) {
	for _, flag := range notForPrometheus {
		if e.given(flag) {
			return source.Source{}, exit.Usagef("--%s selects traces and cannot be combined with --prometheus, which reads series", flag)
		}
	}
	for _, flag := range graphFlagsOfSpans {
		if e.given(flag) {
			return source.Source{}, exit.Usagef("--%s needs spans and cannot be combined with --prometheus, which reads series", flag)
		}
	}
	if len(e.files) > 0 {
		return source.Source{}, exit.Usagef("--prometheus cannot be combined with files such as %s", e.files[0])
	}
	if e.filter.groupBy != "" && !e.filter.byNamespace() {
		return source.Source{}, exit.Usagef("--group-by %s needs spans: with --prometheus, group by namespace", e.filter.groupBy)
	}
	when, err := e.tempo.time.Period(time.Now())
	if err != nil {
		return source.Source{}, err
	}
	access := e.tempo
	access.config = tempoclient.Config{} // the environment holds the credentials for Tempo, not for Prometheus
	config, err := access.access()
	if err != nil {
		return source.Source{}, err
	}
	return source.Prometheus{URL: e.prometheus.url, Selector: e.prometheus.selector, When: when, Config: config, Stderr: e.stderr}.Source()
}

// writeEstimate writes how many series a graph has in Prometheus.
func writeEstimate(w io.Writer, g *servicegraph.Graph) error {
	classic := promgraph.EstimateSeries(g, promgraph.Config{})
	queues := promgraph.EstimateSeries(g, promgraph.Config{MessagingLatency: true})
	native := promgraph.EstimateSeries(g, promgraph.Config{Histograms: promgraph.Native})
	_, err := fmt.Fprintf(w, `Series in Prometheus for %s with distinct labels, %s with failed calls, %s with messages:

%9s  classic histograms of 8 buckets: 23 for each edge, and 1 if a call has failed
%9s  with the histogram of the time in queues: 11 more for each edge with messages
%9s  classic histograms, only of sides with spans (promgraph's default mode)
%9s  native histograms: 3 for each edge, and 1 if a call has failed

Each instance of the metrics-generator writes its own series for the edges that it sees, and an
additional dimension multiplies the series of an edge by the number of the dimension's values.
`, quantity.Of(classic.Edges, "edge"), quantity.Number(classic.Failing), quantity.Number(classic.Queues),
		quantity.Number(classic.Tempo), quantity.Number(queues.Tempo), quantity.Number(classic.Default), quantity.Number(native.Tempo))
	return err
}
