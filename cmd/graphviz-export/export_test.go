package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestTooLarge: the image of a graph that is too large shows only the most important part, and its
// heading says so. Other formats have the whole graph.
func TestTooLarge(t *testing.T) {
	dir := t.TempDir()
	in, out := filepath.Join(dir, "large.json"), filepath.Join(dir, "graph.svg")
	writeTangle(t, in, 251, 300)

	var stdout, stderr bytes.Buffer
	if err := run(t.Context(), strings.NewReader(""), &stdout, &stderr, []string{"-o", out, in}); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(out); err != nil || !bytes.Contains(got, []byte(">drawn: 80 of 251 nodes, ")) {
		t.Errorf("the image has no note about its size: %.3000s (%v)", got, err)
	}
	if got := outputOf(t, "-f", "dot", in); !bytes.Contains(got, []byte("s250")) {
		t.Errorf("the DOT lacks a service:\n%s", got)
	}
}

// TestForce: with --force, a graph of any size is drawn in full. The graph of this test is large
// but has a simple layout: one service calls 250 others.
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
	for _, args := range [][]string{{"-o", out, in}, {"--force", "-o", out, in}} {
		if message, err := exec.Command("graphviz-export", args...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, message)
		}
		got, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		if drawn, want := bytes.Count(got, []byte(`<g class="node `)), map[int]int{3: 80, 4: 251}[len(args)]; drawn != want {
			t.Errorf("%v: %d nodes, want %d", args, drawn, want)
		}
	}
}

// writeTangle writes traces of services that call each other at random, each service at least once.
// Graphs with random edges are the hardest to lay out.
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
