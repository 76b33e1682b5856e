package main

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/render/draw"
)

// A graph that is too large to draw can be written in other formats.
func TestTooLarge(t *testing.T) {
	dir := t.TempDir()
	in, out := filepath.Join(dir, "large.json"), filepath.Join(dir, "graph.svg")
	writeTangle(t, in, 251, 300)

	var stdout, stderr bytes.Buffer
	err := run(t.Context(), strings.NewReader(""), &stdout, &stderr, []string{"-o", out, in})
	if statusOf(err) != statusFailed || !errors.Is(err, draw.ErrTooLarge) || !strings.HasSuffix(err.Error(), ": draw a part with --nodecount 80 or --focus NAME, draw everything with --force, or write .dot or .json") {
		t.Errorf("drawing 251 services: %v", err)
	}
	if _, err := os.Stat(out); err == nil {
		t.Errorf("%s was written", out)
	}
	if got := outputOf(t, "-f", "dot", in); !bytes.Contains(got, []byte("s250")) {
		t.Errorf("the DOT lacks a service:\n%s", got)
	}
}

// With --force, a graph of any size is drawn. The graph of this test is large but has a simple
// layout: one service calls 250 others.
func TestForce(t *testing.T) {
	dir := t.TempDir()
	in, out := filepath.Join(dir, "star.json"), filepath.Join(dir, "graph.svg")
	var b strings.Builder
	for i := range 250 {
		fmt.Fprintf(&b, `{"resourceSpans":[%s,%s]}`+"\n", resourceSpan(0, i+1, 1, 0, 3), resourceSpan(i+1, i+1, 2, 1, 2))
	}
	if err := os.WriteFile(in, []byte(b.String()), 0o666); err != nil {
		t.Fatal(err)
	}
	if message, err := exec.Command("graphviz-export", "-o", out, in).CombinedOutput(); err == nil {
		t.Fatalf("251 services are drawn without --force: %s", message)
	}
	if message, err := exec.Command("graphviz-export", "--force", "-o", out, in).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, message)
	}
	if got, err := os.ReadFile(out); err != nil || !bytes.Contains(got, []byte(">s250<")) {
		t.Errorf("the image lacks a service (%v)", err)
	}
}

// The summary has nouns in the singular and in the plural. It mentions uninstrumented dependencies
// only if there are any.
func TestSummary(t *testing.T) {
	graph := func(service string, dependencies ...string) *servicegraph.Graph {
		b := servicegraph.NewBuilder(servicegraph.Config{NodeAttrs: []string{"team"}})
		for i, name := range dependencies {
			b.Add(servicegraph.Span{
				TraceID: servicegraph.TraceID{byte(i + 1)}, SpanID: servicegraph.SpanID{1},
				Service: service, Kind: servicegraph.KindClient, Start: 1, End: 2,
				Resource: []servicegraph.Attr{{Key: "team", Value: "red"}},
				Attrs:    []servicegraph.Attr{{Key: "peer.service", Value: name}},
			})
		}
		return b.Graph()
	}
	for _, c := range []struct {
		g    *servicegraph.Graph
		want string
	}{
		{graph("web"), "0 services, 0 edges, 0 traces"},
		{graph("web", "bank"), "1 service, 1 uninstrumented dependency, 1 edge, 1 trace"},
		{graph("web", "bank", "mail"), "1 service, 2 uninstrumented dependencies, 2 edges, 2 traces"},
		{graph("web", "bank").Group(servicegraph.ByAttr("team")), "1 group, 1 uninstrumented dependency, 1 edge, 1 trace"},
	} {
		if got := summary(c.g); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}

// writeTangle writes traces of services that call each other at random, each service at least
// once. No other graph of this size is harder to lay out.
func writeTangle(t *testing.T, path string, services, calls int) {
	random := rand.New(rand.NewPCG(1, 2))
	var b strings.Builder
	for i := range calls {
		fmt.Fprintf(&b, `{"resourceSpans":[%s,%s]}`+"\n",
			resourceSpan(i%services, i+1, 1, 0, 3),
			resourceSpan(random.IntN(services), i+1, 2, 1, 2))
	}
	if err := os.WriteFile(path, []byte(b.String()), 0o666); err != nil {
		t.Fatal(err)
	}
}

// resourceSpan returns a span of a service, with its resource, as OTLP JSON.
func resourceSpan(service, trace, id, parent, kind int) string {
	parentID := ""
	if parent != 0 {
		parentID = fmt.Sprintf("%016x", parent)
	}
	return fmt.Sprintf(`{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"s%d"}}]},`+
		`"scopeSpans":[{"spans":[{"traceId":"%032x","spanId":"%016x","parentSpanId":"%s","kind":%d}]}]}`,
		service, trace, id, parentID, kind)
}
