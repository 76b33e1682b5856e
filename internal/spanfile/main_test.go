package main

import (
	"bytes"
	"testing"

	"github.com/tempograph/tempograph/internal/systems"
	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/tracefile"
)

// TestWrite reads the written spans again: no span is lost, and the graph is the graph of the
// system.
func TestWrite(t *testing.T) {
	cfg := systems.Config{Services: 8, Seed: 1, Requests: 50}
	want, err := systems.New(cfg).Graph()
	if err != nil {
		t.Fatal(err)
	}
	read := func(spans int) *servicegraph.Graph {
		t.Helper()
		var file bytes.Buffer
		if err := write(&file, cfg, spans); err != nil {
			t.Fatal(err)
		}
		g, err := servicegraph.Build(tracefile.Read(&file, "spans.pb", tracefile.Config{}), servicegraph.Config{})
		if err != nil {
			t.Fatal(err)
		}
		return g
	}
	all := read(1e6)
	if all.Report().Spans != want.Report().Spans || all.Report().Skipped != 0 || all.NumNodes() != want.NumNodes() || all.NumEdges() != want.NumEdges() {
		t.Errorf("%d spans, %d nodes, %d edges; want %d, %d, %d", all.Report().Spans, all.NumNodes(), all.NumEdges(), want.Report().Spans, want.NumNodes(), want.NumEdges())
	}
	if some := read(100); some.Report().Spans < 100 || some.Report().Spans > 100+400 {
		t.Errorf("%d spans, want about 100", some.Report().Spans)
	}
}
