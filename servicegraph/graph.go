package servicegraph

import (
	"cmp"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/tempograph/tempograph/internal/suggest"
)

// A NodeType says what a node is.
type NodeType string

const (
	TypeService  NodeType = "service"  // an instrumented service: it sent spans
	TypeDatabase NodeType = "database" // a database or cache, seen by its callers
	TypeQueue    NodeType = "queue"    // a topic, queue or broker
	TypeExternal NodeType = "external" // a peer without spans of its own
	TypeFunction NodeType = "function" // a serverless function, seen by its callers
	TypeModel    NodeType = "model"    // a generative AI provider
	TypeRPC      NodeType = "rpc"      // an RPC interface whose server is unknown
	TypeIP       NodeType = "ip"       // a bare network address
	TypeGroup    NodeType = "group"    // several nodes that a view shows as one
)

// isPeer reports whether nodes of this type have no statistics of their own:
// what is known of them is what their callers saw.
func (t NodeType) isPeer() bool { return t != TypeService && t != TypeGroup }

// A NodeID is the identity of a node. It is comparable and usable as a map key.
type NodeID struct {
	Namespace string // service.namespace; empty if none
	Name      string
	Type      NodeType
}

// String returns namespace/name, or the name alone without a namespace. Two
// nodes of different types can share it.
func (id NodeID) String() string {
	if id.Namespace == "" {
		return id.Name
	}
	return id.Namespace + "/" + id.Name
}

// Compare orders node ids by namespace, name and type.
func (id NodeID) Compare(other NodeID) int {
	return cmp.Or(
		strings.Compare(id.Namespace, other.Namespace),
		strings.Compare(id.Name, other.Name),
		strings.Compare(string(id.Type), string(other.Type)),
	)
}

// An EdgeKind tells requests from messages.
type EdgeKind string

const (
	EdgeRequest EdgeKind = "request" // the caller waits for the callee
	EdgeMessage EdgeKind = "message" // producer to consumer: nobody waits
	EdgeBridged EdgeKind = "bridged" // through nodes that a view has hidden: inferred, no span shows it
)

// An EdgeID is the identity of an edge. It is comparable and usable as a map key.
type EdgeID struct {
	From, To NodeID
	Kind     EdgeKind
}

// String returns both ends and the kind: "frontend -> shop/cart (request)". As with
// [NodeID.String], two ids can share it.
func (id EdgeID) String() string {
	return id.From.String() + " -> " + id.To.String() + " (" + string(id.Kind) + ")"
}

// Compare orders edge ids by From, To and Kind.
func (id EdgeID) Compare(other EdgeID) int {
	return cmp.Or(
		id.From.Compare(other.From),
		id.To.Compare(other.To),
		strings.Compare(string(id.Kind), string(other.Kind)),
	)
}

// Stats counts the calls that one side of an edge, or a node, has seen.
type Stats struct {
	Calls    float64 // weighted; a whole number unless sampling weights are fractional
	Errors   float64 // weighted; never more than Calls
	Observed uint64  // spans seen, unweighted
	Latency  Latency // of the spans on this side that have a duration
}

// ErrorRate returns the fraction of the calls that failed, from 0 to 1; 0 without calls.
func (s Stats) ErrorRate() float64 { return errorRate(s.Errors, s.Calls) }

// errorRate is never NaN and stays within its limits for any numbers: those that
// [ReadJSON] brings may contradict each other.
func errorRate(errors, calls float64) float64 {
	switch {
	case !(errors > 0 && calls > 0): // NaN included
		return 0
	case errors >= calls:
		return 1
	}
	return errors / calls
}

// A Side is one end of a call.
type Side uint8

const (
	CallerSide Side = iota + 1
	CalleeSide
)

// String returns "caller" or "callee", "side(n)" for an unknown one.
func (s Side) String() string {
	switch s {
	case CallerSide:
		return "caller"
	case CalleeSide:
		return "callee"
	}
	return fmt.Sprintf("side(%d)", uint8(s))
}

// Evidence counts the calls of an edge by the spans that showed them, weighted.
// They add up to the calls of the edge, except for a bridged one, which has none.
type Evidence struct {
	Both    float64 // a caller-side and a callee-side span
	Caller  float64 // a caller-side span alone: the callee is not instrumented, or its span is missing
	Callee  float64 // a callee-side span alone: the caller made no client span
	Address float64 // a caller-side span alone, to an address where other calls met the callee

	// Inferred are calls of which only the time tells, through something that sends no
	// spans; none unless Config.InferCalls is set.
	Inferred float64
}

// An Exemplar is one call worth looking at.
type Exemplar struct {
	TraceID  TraceID
	SpanID   SpanID        // the caller's span, or the callee's where the caller has none
	Duration time.Duration // of that span
}

// A Node is one participant with the requests that entered it.
type Node struct {
	ID NodeID

	// Entries counts the requests from outside the traced world: root SERVER
	// and CONSUMER spans that name no caller. They are part of Requests.
	Entries float64

	// Requests are the calls that entered the node, counted and timed by the
	// node's own spans; for a node without spans, as its callers saw them.
	Requests Stats

	// SelfTime is how long the service itself worked, in all and weighted: the
	// time of its spans that no span below them covers, without the time in
	// which it waited in client spans.
	SelfTime time.Duration

	// Attrs are the resource attributes that Config.NodeAttrs asks for, and what
	// triggers a function (faas.trigger: R3, the mark of a service that is one), with
	// every value that was seen, sorted by key and value. Of one key at most 64 values are kept, and
	// AttrsTruncated is set if there were more.
	Attrs          []Attr
	AttrsTruncated bool
}

// An Edge aggregates the calls from one node to another.
type Edge struct {
	ID EdgeID

	Calls  float64 // per caller span max(1, callee spans); weighted
	Errors float64 // calls in which either side failed; weighted, never more than Calls

	// Recovered counts the errors that did not fail the request on whose behalf
	// the call was made; Retries the calls that repeat an earlier one
	// (http.request.resend_count); both weighted.
	Recovered, Retries float64

	// MaxPerTrace is the largest number of calls, unweighted, seen in one trace.
	// Calls that were found to be of this edge by a name, an address or a link
	// are not added to the others: the number may be too small.
	MaxPerTrace uint64

	Caller Stats   // what the caller's spans say; empty where there are none
	Callee Stats   // what the callee's spans say; empty where there are none
	Gap    Latency // network time of a request, queue time of a message, where both sides are known

	Evidence Evidence

	// Attrs are what callers say of their calls beyond whom they called: the address
	// and port that they dialled, the database, RPC method or model that they named;
	// sorted by key and value. Of one key at most 64 values are kept, and AttrsTruncated is
	// set if there were more.
	Attrs          []Attr
	AttrsTruncated bool

	Queues          []NodeID // destinations of the messages, where a side names them; sorted, at most 64
	QueuesTruncated bool     // there were more

	Slowest []Exemplar // at most 3, slowest first
	Failed  []Exemplar // at most 3 failed calls, slowest first

	First, Last int64 // Unix nanoseconds of the earliest start and the latest end; 0 if unknown
}

// ErrorRate returns the fraction of the calls that failed, from 0 to 1; 0 without calls.
func (e Edge) ErrorRate() float64 { return errorRate(e.Errors, e.Calls) }

// Latency returns the latency that stands for the edge where one is wanted: what the
// caller measured, network time included, or what the callee measured where no caller
// did. It reports which side that was, and false if neither measured any.
func (e Edge) Latency() (latency Latency, by Side, ok bool) {
	switch {
	case e.Caller.Latency.Count() > 0:
		return e.Caller.Latency, CallerSide, true
	case e.Callee.Latency.Count() > 0:
		return e.Callee.Latency, CalleeSide, true
	}
	return Latency{}, 0, false
}

// A Graph is a finished service graph: nodes and edges in a fixed order, and
// the report of what became of every span. It is immutable and safe for
// concurrent use. The zero value is the empty graph.
type Graph struct {
	nodes  []Node // sorted by ID
	edges  []Edge // sorted by ID
	in     []int  // edge indices sorted by (To, From, Kind)
	report Report

	totals *totals // what the above was made of, for merging; nil if empty
}

// sort brings nodes and edges into their order.
func (g *Graph) sort() {
	slices.SortFunc(g.nodes, func(a, b Node) int { return a.ID.Compare(b.ID) })
	slices.SortFunc(g.edges, func(a, b Edge) int { return a.ID.Compare(b.ID) })
	g.in = make([]int, len(g.edges))
	for i := range g.in {
		g.in[i] = i
	}
	slices.SortFunc(g.in, func(i, j int) int {
		return cmp.Or(g.edges[i].ID.To.Compare(g.edges[j].ID.To), cmp.Compare(i, j))
	})
}

// Nodes returns the nodes in the order of [NodeID.Compare].
func (g *Graph) Nodes() iter.Seq[Node] { return slices.Values(g.nodes) }

// Edges returns the edges in the order of [EdgeID.Compare].
func (g *Graph) Edges() iter.Seq[Edge] { return slices.Values(g.edges) }

// NumNodes returns the number of nodes.
func (g *Graph) NumNodes() int { return len(g.nodes) }

// NumEdges returns the number of edges.
func (g *Graph) NumEdges() int { return len(g.edges) }

// Node returns the node with the given id, and whether there is one.
func (g *Graph) Node(id NodeID) (Node, bool) {
	i, ok := slices.BinarySearchFunc(g.nodes, id, func(n Node, id NodeID) int { return n.ID.Compare(id) })
	if !ok {
		return Node{}, false
	}
	return g.nodes[i], true
}

// Edge returns the edge with the given id, and whether there is one.
func (g *Graph) Edge(id EdgeID) (Edge, bool) {
	i, ok := slices.BinarySearchFunc(g.edges, id, func(e Edge, id EdgeID) int { return e.ID.Compare(id) })
	if !ok {
		return Edge{}, false
	}
	return g.edges[i], true
}

// Nearest returns the nodes that a name without a match was probably meant to be, in
// order; none if no name is near. They are the nodes with exactly this name, of whatever
// namespace and type, or else the nodes with the name that has the fewest typing mistakes:
// at most a third of its letters, case ignored. The name may have a namespace, as in
// [NodeID.String].
func (g *Graph) Nearest(name string) []NodeID {
	if ids := g.named(name); len(ids) > 0 {
		return ids
	}
	var names []string
	for i := range g.nodes {
		names = append(names, g.nodes[i].ID.Name)
	}
	for i := range g.nodes {
		names = append(names, g.nodes[i].ID.String())
	}
	if nearest := suggest.Nearest(name, names); nearest != "" {
		return g.named(nearest)
	}
	return nil
}

// named returns the nodes with the given name, with or without their namespace.
func (g *Graph) named(name string) (ids []NodeID) {
	for i := range g.nodes {
		if id := g.nodes[i].ID; id.Name == name || id.String() == name {
			ids = append(ids, id)
		}
	}
	return ids
}

// Out returns the edges that leave the node, in the order of [EdgeID.Compare].
func (g *Graph) Out(id NodeID) iter.Seq[Edge] {
	return func(yield func(Edge) bool) {
		i, _ := slices.BinarySearchFunc(g.edges, id, func(e Edge, id NodeID) int { return e.ID.From.Compare(id) })
		for ; i < len(g.edges) && g.edges[i].ID.From == id; i++ {
			if !yield(g.edges[i]) {
				return
			}
		}
	}
}

// In returns the edges that enter the node, ordered by From and Kind.
func (g *Graph) In(id NodeID) iter.Seq[Edge] {
	return func(yield func(Edge) bool) {
		i, _ := slices.BinarySearchFunc(g.in, id, func(j int, id NodeID) int { return g.edges[j].ID.To.Compare(id) })
		for ; i < len(g.in) && g.edges[g.in[i]].ID.To == id; i++ {
			if !yield(g.edges[g.in[i]]) {
				return
			}
		}
	}
}

// TimeRange returns the earliest start and the latest end of the spans in the
// graph, in UTC; zero times if no span had one.
func (g *Graph) TimeRange() (first, last time.Time) {
	if g.report.First != 0 {
		first = time.Unix(0, g.report.First).UTC()
	}
	if g.report.Last != 0 {
		last = time.Unix(0, g.report.Last).UTC()
	}
	return first, last
}

// Rate returns so many calls of the graph, an edge's or a node's, per second of its
// [Graph.TimeRange]; false if that is shorter than a second: a handful of traces has no
// rate.
func (g *Graph) Rate(calls float64) (perSecond float64, ok bool) {
	first, last := g.TimeRange()
	window := last.Sub(first)
	if first.IsZero() || window < time.Second {
		return 0, false
	}
	return calls / window.Seconds(), true
}

// FanOut returns how many calls of an edge there are for each request that entered
// its caller: 10 of frontend to route in HotROD. It is 0 where no request did, as with
// a job that nobody calls.
func (g *Graph) FanOut(e Edge) float64 {
	from, _ := g.Node(e.ID.From)
	if from.Requests.Calls == 0 {
		return 0
	}
	return e.Calls / from.Requests.Calls
}

// Report says what became of every span.
func (g *Graph) Report() Report { return g.report }
