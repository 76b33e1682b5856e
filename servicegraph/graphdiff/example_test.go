package graphdiff_test

import (
	"encoding/binary"
	"fmt"
	"log"
	"time"

	sg "github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/graphdiff"
)

// release returns the graph of 200 requests to a shop, of which some fail at payments.
func release(failures int, others ...string) *sg.Graph {
	b := sg.NewBuilder(sg.Config{})
	for i := range 200 {
		at := time.Date(2026, 8, 1, 14, 0, i, 0, time.UTC).UnixNano()
		s := sg.Span{Start: at, End: at + 20e6, SpanID: sg.SpanID{1}, Service: "shop", Kind: sg.KindClient}
		binary.BigEndian.PutUint64(s.TraceID[:], uint64(i+1))
		for _, callee := range append([]string{"payments"}, others...) {
			call := s
			call.SpanID[1] = callee[0]
			b.Add(call)
			served := call
			served.SpanID[2], served.ParentID, served.Service, served.Kind = 1, call.SpanID, callee, sg.KindServer
			if callee == "payments" && i < failures {
				served.Status = sg.StatusError
			}
			b.Add(served)
		}
	}
	return b.Graph()
}

// The new release of a shop calls another service, and more of the calls to payments fail.
func ExampleCompare() {
	d, err := graphdiff.Compare(release(2), release(40, "fraud"), graphdiff.Config{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("changed:", d.Changed())
	for _, f := range d.Findings() {
		fmt.Println(f)
	}
	edge := sg.EdgeID{Kind: sg.EdgeRequest, From: sg.NodeID{Name: "shop", Type: sg.TypeService}, To: sg.NodeID{Name: "payments", Type: sg.TypeService}}
	if e, ok := d.Edge(edge); ok {
		for _, c := range e.Changes {
			fmt.Println(c.Metric, c.Verdict)
		}
	}
	for _, line := range d.Explain(edge)[:4] { // exemplars follow
		fmt.Println(line)
	}
	// Output:
	// changed: true
	// new node: fraud: calls per request: – → 1; 200 samples, p = 1.2e-60: new
	// new edge: shop → fraud: calls per request: – → 1; 200 samples, p = 1.2e-60: new
	// more errors: shop → payments: failed calls: 1% → 20%, +19 points (+13 to +25); 200 and 200 samples, p = 5.7e-11: worse
	// calls same
	// errors worse
	// latency same
	// tail same
	// calls per request: 1 → 1, +0% (-18% to +22%); 200 and 200 samples, p = 1: same
	// failed calls: 1% → 20%, +19 points (+13 to +25); 200 and 200 samples, p = 5.7e-11: worse
	// median latency: 20 ms → 20 ms, +0% (-0% to +0%); 200 and 200 samples, p = 1: same
	// p95 latency: 20 ms → 20 ms, +0% (+0% to +0%); 200 and 200 samples, p = 1: same
}

// A build fails at a call that is new, and at nothing else.
func ExampleDiff_At() {
	d, err := graphdiff.Compare(release(2), release(40, "fraud"), graphdiff.Config{})
	if err != nil {
		log.Fatal(err)
	}
	for _, f := range d.At(graphdiff.NewEdge) {
		fmt.Println(f)
	}
	// Output: new edge: shop → fraud: calls per request: – → 1; 200 samples, p = 1.2e-60: new
}

// The texts of a change are those of a table with a column each. A node is looked up by its ID.
func ExampleDiff_Node() {
	d, err := graphdiff.Compare(release(2), release(40, "fraud"), graphdiff.Config{})
	if err != nil {
		log.Fatal(err)
	}
	n, ok := d.Node(sg.NodeID{Name: "fraud", Type: sg.TypeService})
	if !ok {
		log.Fatal("fraud is in neither graph")
	}
	fmt.Println(n.ID, n.Verdict())
	for _, c := range n.Changes {
		if c.Verdict.Changed() {
			base, head := c.Values()
			fmt.Printf("%s | %s → %s | %s | %s\n", c.MetricText(), base, head, c.SizeText(), c.Samples())
		}
	}
	// Output:
	// fraud new
	// calls per request | – → 1 |  | 200 samples
}
