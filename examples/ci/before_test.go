package ci_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"os"
	"testing"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/tracefile"
)

// TestBefore fails if before.json.gz is stale. With GRAPHTEST_UPDATE=1 it writes the file.
func TestBefore(t *testing.T) {
	const file, traces = "before.json.gz", "../traces/hotrod.jsonl.gz"
	f, err := os.Open(traces)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b := servicegraph.NewBuilder(servicegraph.Config{})
	for s, err := range tracefile.Read(f, traces, tracefile.Config{}) {
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case s.Service == "mysql":
			continue
		case s.Service == "redis-manual":
			s.Status = servicegraph.StatusUnset
		case s.Service == "route" || isRoute(s):
			s.End -= (s.End - s.Start) / 4
		}
		s.TraceID[0] ^= 0xff // the requests of before.json.gz are not those of the traces
		b.Add(s)
	}
	want, err := json.Marshal(b.Graph())
	if err != nil {
		t.Fatal(err)
	}
	if os.Getenv("GRAPHTEST_UPDATE") != "" {
		var packed bytes.Buffer
		z := gzip.NewWriter(&packed)
		z.Write(want)
		z.Close()
		if err := os.WriteFile(file, packed.Bytes(), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	packed, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer packed.Close()
	z, err := gzip.NewReader(packed)
	if err != nil {
		t.Fatal(err)
	}
	g, err := servicegraph.ReadJSON(z)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := json.Marshal(g); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s is stale: GRAPHTEST_UPDATE=1 go test ./examples/ci writes it (%v)", file, err)
	}
}

// isRoute reports whether a span requests a route.
func isRoute(s servicegraph.Span) bool {
	for _, a := range s.Attrs {
		if (a.Key == "http.url" || a.Key == "url.full") && bytes.Contains([]byte(a.Value), []byte("/route")) {
			return true
		}
	}
	return false
}
