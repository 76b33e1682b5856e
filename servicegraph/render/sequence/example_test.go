package sequence_test

import (
	"fmt"
	"log"
	"os"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/render/sequence"
)

// A diagram with room for two of the four calls of a trace: those that took longest.
func Example() {
	b := sequence.NewBuilder(sequence.Config{Calls: 2})
	span := func(id, parent byte, kind servicegraph.Kind, service string, from, to int64) {
		s := servicegraph.Span{TraceID: servicegraph.TraceID{1}, SpanID: servicegraph.SpanID{id}, Kind: kind, Service: service, Name: "GET", Start: from * 1e6, End: to * 1e6}
		if parent > 0 {
			s.ParentID = servicegraph.SpanID{parent}
		}
		b.Add(s)
	}
	span(1, 0, servicegraph.KindServer, "web", 1, 100)
	for i, callee := range []string{"cart", "users", "stock"} {
		id, from := byte(2*i+2), int64(10+20*i)
		span(id, 1, servicegraph.KindClient, "web", from, from+int64(5*i+3))
		span(id+1, id, servicegraph.KindServer, callee, from+1, from+int64(5*i+2))
	}
	d, err := b.Diagram()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(d.Calls(), "calls")
	if err := d.WriteMermaid(os.Stdout); err != nil {
		log.Fatal(err)
	}
	// Output:
	// 4 calls
	// ---
	// title: "trace 01000000000000000000000000000000 · 1970-01-01 00:00:00 UTC · 99 ms"
	// ---
	// sequenceDiagram
	//   accDescr: Sequence of 4 calls in a trace. Replies have the latency that the caller measured, or else the callee. Open arrows are messages. 2 of 4 calls are shown: those that failed, and those that took longest.
	//   actor n0 as user
	//   participant n1 as web
	//   participant n2 as stock
	//   Note over n0,n2: 2 of 4 calls are shown#58; those that failed, and those that took longest
	//   n0->>+n1: GET
	//   n1->>+n2: GET
	//   n2-->>-n1: 13 ms
	//   Note over n1: 2 more calls not shown
	//   n1-->>-n0: 99 ms
}
