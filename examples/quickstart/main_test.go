package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/attribute"

	"github.com/tempograph/tempograph/internal/quantity"
	"github.com/tempograph/tempograph/otelsetup"
	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/otlpreceiver"
	"github.com/tempograph/tempograph/servicegraph/tracefile"
	"github.com/tempograph/tempograph/tempoclient"
	"github.com/tempograph/tempograph/tempoclient/tempotest"
)

// TestRoundTrip sends the shop's spans to a real Tempo server over each protocol, fetches them and
// checks the exact graph: 30 of 60 visits buy something, and payments fails for 3 orders,
// which are not shipped.
func TestRoundTrip(t *testing.T) {
	tempo := tempotest.Start(t, tempotest.Config{})
	want := []string{
		"logistics/shipping -> logistics/mailer request 27 calls 0 errors both 27",
		"shop/catalog -> products request 60 calls 0 errors both 0",
		"shop/checkout -> billing/payments request 30 calls 3 errors both 30",
		"shop/checkout -> logistics/shipping message 27 calls 0 errors both 27",
		"shop/gateway -> shop/catalog request 60 calls 0 errors both 60",
		"shop/gateway -> shop/checkout request 30 calls 3 errors both 30",
	}
	for name, url := range map[string]string{"http": tempo.OTLPHTTPURL, "grpc": "grpc://" + tempo.OTLPGRPCAddr} {
		t.Run(name, func(t *testing.T) {
			run := attribute.String("quickstart.run", name)
			spans, err := drive(t.Context(), 60, otelsetup.Endpoint(url), otelsetup.Resource(run))
			if err != nil {
				t.Fatal(err)
			}
			g, err := fetch(t.Context(), tempo.URL, fmt.Sprintf("{resource.%s=%q}", run.Key, run.Value.AsString()), spans)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for e := range g.Edges() {
				got = append(got, fmt.Sprintf("%s -> %s %s %v calls %v errors both %v", e.ID.From, e.ID.To, e.ID.Kind, e.Calls, e.Errors, e.Evidence.Both))
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("edges (-want +got):\n%s", diff)
			}
			sameFromSearches(t, tempo.URL, fmt.Sprintf("{resource.%s=%q}", run.Key, run.Value.AsString()))
			if n, _ := g.Node(servicegraph.NodeID{Namespace: "shop", Name: "gateway", Type: servicegraph.TypeService}); n.Entries != 60 {
				t.Errorf("%v entries into the gateway, want 60", n.Entries)
			}
			if r := g.Report(); r.Traces != 60 || int64(r.Spans) != spans || r.MissingParent != 0 || r.Unresolved != 0 {
				t.Errorf("report %+v, %d spans sent", r, spans)
			}
		})
	}
}

// sameFromSearches checks that the graph of spans from searches is the graph of spans that
// are fetched by id, byte for byte.
func sameFromSearches(t *testing.T, url, query string) {
	t.Helper()
	client, err := tempoclient.New(url, tempoclient.Config{Keep: servicegraph.Config{}.Reads})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	graph := func(exact bool) (string, tempoclient.Cost) {
		var cost tempoclient.Cost
		g, err := servicegraph.Build(client.Spans(t.Context(), tempoclient.Query{
			TraceQL: query, Exact: exact, Progress: func(p tempoclient.Progress) { cost = p.Cost },
		}), servicegraph.Config{})
		if err != nil {
			t.Fatal(err)
		}
		b, err := g.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		return string(b), cost
	}
	got, cost := graph(false)
	want, _ := graph(true)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the graph from searches (-fetched +got):\n%s", diff)
	}
	if cost.Selected == 0 {
		t.Errorf("no trace was read from a search: %+v", cost)
	}
}

// TestRun runs the whole program with a running Tempo.
func TestRun(t *testing.T) {
	tempo := tempotest.Start(t, tempotest.Config{})
	image := filepath.Join(t.TempDir(), "servicegraph.svg")
	var stdout bytes.Buffer
	err := run(t.Context(), &stdout, io.Discard, []string{
		"-tempo", tempo.URL, "-otlp", tempo.OTLPHTTPURL, "-requests", "20", "-o", image,
	})
	if err != nil {
		t.Fatal(err)
	}
	svg, err := os.ReadFile(image)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"gateway", "catalog", "products", "checkout", "payments", "shipping", "mailer"} {
		if !strings.Contains(stdout.String(), name) {
			t.Errorf("%s is not in the table:\n%s", name, stdout.String())
		}
		if !bytes.Contains(svg, []byte(name)) {
			t.Errorf("%s is not in the image", name)
		}
	}
	for d := xml.NewDecoder(bytes.NewReader(svg)); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("the image: %v", err)
		}
	}
}

// TestSendOnly: with a receiver and without Tempo, the program only sends spans.
func TestSendOnly(t *testing.T) {
	b := servicegraph.NewBuilder(servicegraph.Config{})
	loader := tracefile.NewRequestLoader(b, nil)
	var mu sync.Mutex
	receiver := httptest.NewServer(otlpreceiver.New(func(r otlpreceiver.Request) (otlpreceiver.Rejected, error) {
		mu.Lock()
		defer mu.Unlock()
		_, err := loader.Protobuf(r.Body)
		return otlpreceiver.Rejected{}, err
	}).Handler(nil))
	defer receiver.Close()
	var stdout, stderr bytes.Buffer
	if err := run(t.Context(), &stdout, &stderr, []string{"-otlp", receiver.URL, "-requests", "20"}); err != nil {
		t.Fatal(err)
	}
	said := fmt.Sprintf("sent %s to %s\n", quantity.Of(b.Graph().Report().Spans, "span"), receiver.URL)
	if got := b.Graph().NumNodes(); got != 7 || !strings.HasSuffix(stderr.String(), said) || stdout.Len() > 0 {
		t.Errorf("%d nodes; standard error:\n%s\nwant at its end: %sstandard output: %s", got, &stderr, said, &stdout)
	}
}

func TestUsage(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"-tempo http://localhost:3200", "-tempo needs -otlp"},
		{"-nonsense", "flag provided but not defined"},
	} {
		err := run(t.Context(), io.Discard, io.Discard, strings.Fields(c.args))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("quickstart %s: error %v, want %q", c.args, err, c.want)
		}
	}
}
