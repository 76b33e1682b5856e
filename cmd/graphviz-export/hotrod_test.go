package main

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// outputOf runs the program and returns its standard output.
func outputOf(t *testing.T, args ...string) []byte {
	t.Helper()
	var stdout, stderr bytes.Buffer
	if err := run(t.Context(), strings.NewReader(""), &stdout, &stderr, args); err != nil {
		t.Fatalf("graphviz-export %s: %v\n%s", strings.Join(args, " "), err, &stderr)
	}
	return stdout.Bytes()
}

// calls returns the calls of the edges and the entry requests of a graph in JSON.
func calls(t *testing.T, data []byte) map[string]float64 {
	t.Helper()
	var g struct {
		Nodes []struct {
			ID      string
			Entries float64
		}
		Edges []struct {
			From, To string
			Calls    float64
		}
	}
	if err := json.Unmarshal(data, &g); err != nil {
		t.Fatal(err)
	}
	got := make(map[string]float64)
	for _, n := range g.Nodes {
		if n.Entries > 0 {
			got["→ "+n.ID] = n.Entries
		}
	}
	for _, e := range g.Edges {
		got[e.From+" → "+e.To] += e.Calls
	}
	return got
}

// hotrodCalls is the graph of HotROD's traces, counted by hand; examples/traces/README.md says
// where the traces come from.
var hotrodCalls = map[string]float64{
	"→ frontend":            55,
	"frontend → customer":   53,
	"frontend → driver":     52,
	"frontend → route":      520,
	"customer → mysql":      53,
	"driver → redis-manual": 702,
}

func TestHotROD(t *testing.T) {
	got := outputOf(t, "-f", "json", hotrod)
	if diff := cmp.Diff(hotrodCalls, calls(t, got)); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}

// The protobuf export of the same traces gives the same output.
func TestHotRODFormats(t *testing.T) {
	const protobuf = "../../../shared/datasets/hotrod/hotrod-all.pb.gz"
	if _, err := os.Stat(protobuf); err != nil {
		t.Skipf("the data sets are not next to this checkout: %v", err)
	}
	for _, format := range []string{"json", "csv", "txt"} {
		got, want := outputOf(t, "-f", format, protobuf), outputOf(t, "-f", format, hotrod)
		if !bytes.Equal(got, want) {
			t.Errorf("%s of the protobuf differs from the output for the JSON lines:\n%s\n%s", format, got, want)
		}
	}
}
