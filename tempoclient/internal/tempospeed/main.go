// Command tempospeed measures how fast package tempoclient reads from Tempo. It compares the
// package with plain HTTP requests that read the bytes of the same answers and decode nothing:
//
//	go run github.com/tempograph/tempograph/tempoclient/internal/tempospeed
//
// It runs a real Tempo, stores traces of four spans in it, and prints a table with the fastest of
// several rounds. The rows take turns in each round, so that other load of the machine slows all
// rows alike. The CPU times depend less on other load than the times do.
//
// On two idle cores with Tempo 2.9 and 5,000 traces, Spans read 10,000 spans per second (2.0 s, in
// which Tempo used 3.0 s of CPU time). The plain search for all spans read 8,800 spans per second
// (2.3 s, with 2.8 s of CPU time in Tempo). A fetch by id cost Tempo 11 ms of CPU time for each
// trace, in both clients and with any number of concurrent requests: Spans with Exact read 168
// traces per second, plain fetches read 116 to 186.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/tempoclient"
	"github.com/tempograph/tempograph/tempoclient/tempotest"
)

func main() {
	traces := flag.Int("traces", 5000, "number of traces of four spans")
	rounds := flag.Int("rounds", 3, "number of rounds")
	byID := flag.Int("by-id", 500, "number of traces to fetch by id in each row; 0 for no such rows")
	url := flag.String("tempo", "", "URL of a running Tempo with such traces, in place of one that is started")
	flag.Parse()
	if err := run(context.Background(), *url, *traces, *byID, *rounds); err != nil {
		fmt.Fprintln(os.Stderr, "tempospeed:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, url string, traces, byID, rounds int) error {
	began := time.Now().Add(-time.Hour)
	if url == "" {
		tempo, err := tempotest.Run(ctx, tempotest.Config{})
		if err != nil {
			return err
		}
		defer tempo.Close()
		url = tempo.URL
		if err := store(ctx, tempo.OTLPHTTPURL, traces); err != nil {
			return err
		}
	}
	client, err := tempoclient.New(url, tempoclient.Config{Keep: servicegraph.Config{}.Reads})
	if err != nil {
		return err
	}
	defer client.Close()
	query := tempoclient.Query{Start: began, End: time.Now().Add(time.Minute)}
	ids, err := awaitAll(ctx, client, query, traces)
	if err != nil {
		return err
	}
	plain := newPlain(url)
	some := ids[:min(byID, len(ids))]
	read := func(q tempoclient.Query) func(context.Context) (int, error) {
		return func(ctx context.Context) (int, error) { return spans(ctx, client, q) }
	}
	exact := query
	exact.Exact, exact.Limit = true, len(some)
	rows := []*row{
		{name: "Spans", measure: read(query)},
		{name: "plain select, all attributes that the graph reads", measure: func(ctx context.Context) (int, error) {
			return 4 * traces, plain.search(ctx, query, selectQuery, 100)
		}},
		{name: "plain search without attributes", measure: func(ctx context.Context) (int, error) {
			return 4 * traces, plain.search(ctx, query, "{}", 100)
		}},
	}
	if byID > 0 {
		rows = append(rows, byIDRows(plain, some, read(exact))...)
	}
	for range rounds {
		for _, r := range rows {
			if err := r.round(ctx, plain); err != nil {
				return fmt.Errorf("%s: %w", r.name, err)
			}
		}
	}
	fmt.Printf("%d traces of 4 spans, fastest of %d rounds; CPU is the least time of all threads\n", traces, rounds)
	fmt.Printf("%-50s %9s %9s %8s %10s %10s\n", "", "spans/s", "traces/s", "time", "Tempo CPU", "our CPU")
	for _, r := range rows {
		rate := float64(r.spans) / r.best.Seconds()
		fmt.Printf("%-50s %9.0f %9.0f %7.2fs %9.2fs %9.2fs\n", r.name, rate, rate/4, r.best.Seconds(), r.server, r.client)
	}
	return nil
}

// byIDRows returns the rows that fetch some traces by id.
func byIDRows(plain *plain, some []servicegraph.TraceID, exact func(context.Context) (int, error)) []*row {
	rows := []*row{{name: "Spans with Exact", measure: exact}}
	for _, n := range []int{1, 2, 4, 8, 16} {
		rows = append(rows, &row{name: fmt.Sprintf("plain fetches, %d at a time", n), measure: func(ctx context.Context) (int, error) {
			return 4 * len(some), plain.fetch(ctx, "/api/v2/traces/", some, n)
		}})
	}
	return append(rows, &row{name: "plain fetches of the older path, 8 at a time", measure: func(ctx context.Context) (int, error) {
		return 4 * len(some), plain.fetch(ctx, "/api/traces/", some, 8)
	}})
}

// A row is one way to read spans.
type row struct {
	name           string
	measure        func(context.Context) (spans int, err error)
	spans          int
	best           time.Duration
	server, client float64 // CPU seconds, which depend less on other load than the time does
}

func (r *row) round(ctx context.Context, plain *plain) error {
	server, err := plain.cpu(ctx)
	if err != nil {
		return err
	}
	client := ownCPU()
	began := time.Now()
	n, err := r.measure(ctx)
	if err != nil {
		return err
	}
	took := time.Since(began)
	client = ownCPU() - client
	after, err := plain.cpu(ctx)
	if err != nil {
		return err
	}
	first := r.best == 0
	if first || took < r.best {
		r.spans, r.best = n, took
	}
	if server = after - server; first || server < r.server {
		r.server = server
	}
	if first || client < r.client {
		r.client = client
	}
	return nil
}

// spans reads the spans of a query.
func spans(ctx context.Context, client *tempoclient.Client, q tempoclient.Query) (int, error) {
	n := 0
	for _, err := range client.Spans(ctx, q) {
		skip, skipped := errors.AsType[*servicegraph.SkipError](err)
		switch {
		case skipped && skip.Traces > 0: // beyond the limit
		case err != nil:
			return n, err
		default:
			n++
		}
	}
	return n, nil
}

// awaitAll waits until Tempo finds all traces, and returns their ids.
func awaitAll(ctx context.Context, client *tempoclient.Client, q tempoclient.Query, traces int) ([]servicegraph.TraceID, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		var ids []servicegraph.TraceID
		for s, err := range client.Search(ctx, q) {
			if err != nil {
				return nil, err
			}
			ids = append(ids, s.ID)
		}
		if len(ids) >= traces {
			return ids, nil
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("Tempo finds %d of %d traces", len(ids), traces)
		case <-tick.C:
		}
	}
}
