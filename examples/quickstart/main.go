package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"github.com/tempograph/tempograph/internal/quantity"
	"github.com/tempograph/tempograph/otelsetup"
	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/render"
	"github.com/tempograph/tempograph/servicegraph/render/draw"
	"github.com/tempograph/tempograph/tempoclient"
	"github.com/tempograph/tempograph/tempoclient/tempotest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Stdout, os.Stderr, os.Args[1:]); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return
		}
		fmt.Fprintf(os.Stderr, "quickstart: %v\n", err)
		os.Exit(1)
	}
}

// run is the program. It writes the table of edges to stdout, progress to stderr, and the
// image to the file that -o names.
func run(ctx context.Context, stdout, stderr io.Writer, args []string) error {
	flags := flag.NewFlagSet("quickstart", flag.ContinueOnError)
	flags.SetOutput(stderr)
	tempoURL := flags.String("tempo", "", "query `URL` of a running Tempo; without -tempo and -otlp, quickstart starts one")
	otlpURL := flags.String("otlp", "", "`URL` to send spans to, such as http://localhost:4318 or grpc://localhost:4317; without -tempo, quickstart only sends")
	requests := flags.Int("requests", 300, "`number` of requests to make")
	output := flags.String("o", "servicegraph.svg", "`file` for the image")
	if err := flags.Parse(args); err != nil {
		return err
	}
	switch {
	case *tempoURL != "" && *otlpURL == "":
		return errors.New("-tempo needs -otlp: the URL to send spans to")
	case *otlpURL == "":
		fmt.Fprintln(stderr, "starting Tempo", tempotest.Version)
		tempo, err := tempotest.Run(ctx, tempotest.Config{})
		if err != nil {
			return err
		}
		defer tempo.Close()
		*tempoURL, *otlpURL = tempo.URL, tempo.OTLPHTTPURL
	}

	fmt.Fprintf(stderr, "sending %s through six services\n", quantity.Of(*requests, "request"))
	run := attribute.String("quickstart.run", rand.Text()) // marks the traces of this run
	spans, err := drive(ctx, *requests, otelsetup.Endpoint(*otlpURL), otelsetup.Resource(run))
	if err != nil {
		return err
	}

	if *tempoURL == "" {
		fmt.Fprintf(stderr, "sent %s to %s\n", quantity.Of(spans, "span"), *otlpURL)
		return nil
	}

	fmt.Fprintf(stderr, "fetching %s from %s\n", quantity.Of(spans, "span"), *tempoURL)
	g, err := fetch(ctx, *tempoURL, fmt.Sprintf("{resource.%s=%q}", run.Key, run.Value.AsString()), spans)
	if err != nil {
		return err
	}
	if err := (render.Table{}).Render(stdout, g); err != nil {
		return err
	}
	var image bytes.Buffer
	svg := draw.SVG{Options: draw.Options{Style: render.Style{Title: "quickstart"}}}
	if err := svg.Render(&image, g); err != nil {
		return err
	}
	if err := os.WriteFile(*output, image.Bytes(), 0o644); err != nil {
		return err
	}
	fmt.Fprintln(stderr, "wrote", *output)
	return nil
}

// drive opens the shop, makes the requests, and returns the number of spans that were sent.
func drive(ctx context.Context, requests int, opts ...otelsetup.Option) (spans int64, err error) {
	shop, err := openShop(ctx, opts...)
	if err != nil {
		return 0, err
	}
	for i := range requests {
		if err := shop.visit(ctx, i); err != nil {
			return 0, errors.Join(err, shop.close(ctx))
		}
	}
	if err := shop.close(ctx); err != nil {
		return 0, err
	}
	return shop.exported(), nil
}

// fetch returns the graph of the traces that a query finds. It repeats the query until the answer
// has the given number of spans, because Tempo answers with the spans that have arrived so far.
func fetch(ctx context.Context, tempoURL, query string, spans int64) (*servicegraph.Graph, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	client, err := tempoclient.New(tempoURL, tempoclient.Config{})
	if err != nil {
		return nil, err
	}
	defer client.Close()
	for {
		g, err := servicegraph.Build(client.Spans(ctx, tempoclient.Query{TraceQL: query}), servicegraph.Config{})
		if err != nil {
			return nil, err
		}
		if got := g.Report().Spans; got >= uint64(spans) {
			return g, nil
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("%s returned only %s of %s within a minute", tempoURL, quantity.Number(g.Report().Spans), quantity.Of(spans, "span"))
		case <-time.After(200 * time.Millisecond):
		}
	}
}
