package systems

import (
	"bytes"
	"testing"

	"github.com/tempograph/tempograph/servicegraph"
)

func graph(t *testing.T, c Config) *servicegraph.Graph {
	t.Helper()
	g, err := New(c).Graph()
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func TestSystemsHaveTheirSize(t *testing.T) {
	for _, services := range []int{1, 2, 12, 60, 200} {
		g := graph(t, Config{Services: services, Seed: 1})
		count := make(map[servicegraph.NodeType]int)
		for n := range g.Nodes() {
			count[n.ID.Type]++
		}
		t.Logf("%d services: %v, %d edges, %d spans", services, count, g.NumEdges(), g.Report().Spans)
		if got := count[servicegraph.TypeService]; got < services*9/10 || got > services {
			t.Errorf("%d of %d services occur in the graph", got, services)
		}
		if services >= 12 && (count[servicegraph.TypeDatabase] == 0 || count[servicegraph.TypeExternal] == 0) {
			t.Errorf("%d services: types %v", services, count)
		}
	}
}

func TestFailingDatabasesReachTheEntries(t *testing.T) {
	for _, failing := range []bool{false, true} {
		g := graph(t, Config{Services: 60, Failing: failing, Seed: 1})
		databases, entries := 0, 0
		for n := range g.Nodes() {
			if n.Requests.ErrorRate() < 0.05 {
				continue
			}
			if n.ID.Type == servicegraph.TypeDatabase {
				databases++
			}
			if n.Entries > 0 {
				entries++
			}
		}
		if failing && (databases != 1 || entries == 0) || !failing && databases+entries > 0 {
			t.Errorf("failing %v: %d databases and %d entries fail", failing, databases, entries)
		}
	}
}

func TestSystemsAreTheSameEveryTime(t *testing.T) {
	encode := func(seed uint64) []byte {
		b, err := graph(t, Config{Services: 20, Seed: seed, Requests: 50}).MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	if !bytes.Equal(encode(7), encode(7)) {
		t.Error("one seed gives two systems")
	}
	if bytes.Equal(encode(7), encode(8)) {
		t.Error("two seeds give one system")
	}
}
