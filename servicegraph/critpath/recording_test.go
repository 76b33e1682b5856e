package critpath_test

import (
	"os"
	"testing"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/critpath"
	"github.com/tempograph/tempograph/servicegraph/tracefile"
)

// TestRecording: in a recording of an overloaded database, requests wait for the database, although
// the spans of its callers end a little before those of the queries.
func TestRecording(t *testing.T) {
	f, err := os.Open("../../../shared/datasets/mythical/mythical.pb.gz")
	if err != nil {
		t.Skipf("a recording of real traces is missing: %v", err)
	}
	defer f.Close()
	c := critpath.NewCollector(critpath.Config{})
	for s, err := range tracefile.Read(f, f.Name(), tracefile.Config{}) {
		if err != nil {
			t.Fatal(err)
		}
		c.Add(s)
	}
	r := c.Report()
	want := servicegraph.NodeID{Name: "postgres", Type: servicegraph.TypeDatabase}
	if first := r.Nodes[0]; first.Node != want || first.Time.All < r.Time*85/100 {
		t.Errorf("requests wait most for %v, %v of %v; want %v and 90 %%", first.Node, first.Time.All, r.Time, want)
	}
}
