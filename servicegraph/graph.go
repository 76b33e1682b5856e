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

// A NodeType is what a node stands for.
type NodeType string

const (
	TypeService  NodeType = "service"  // an instrumented service: it sent spans
	TypeDatabase NodeType = "database" // a database or cache, known from its callers' spans
	TypeQueue    NodeType = "queue"    // a topic, queue or broker
	TypeExternal NodeType = "external" // any other dependency that sent no spans
	TypeFunction NodeType = "function" // a serverless function, known from its callers' spans
	TypeModel    NodeType = "model"    // a generative AI provider
	TypeRPC      NodeType = "rpc"      // an RPC interface whose server is unknown
	TypeIP       NodeType = "ip"       // a network address without a name
	TypeGroup    NodeType = "group"    // several nodes that a view shows as one
)

// isPeer reports whether nodes of this type have no spans of their own: their statistics
// are those of their callers.
func (t NodeType) isPeer() bool { return t != TypeService && t != TypeGroup }

// A NodeID is the identity of a node. It is comparable and usable as a map key.
type NodeID struct {
	Namespace string // resource attribute service.namespace; empty if none
	Name      string
	Type      NodeType
}

// String returns namespace/name, or the name alone without a namespace. Two nodes of different
// types can have the same text.
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

// An EdgeKind is how the two nodes of an edge communicate.
type EdgeKind string

const (
	EdgeRequest EdgeKind = "request" // the caller waits for the callee
	EdgeMessage EdgeKind = "message" // from a producer to a consumer: nobody waits
	EdgeBridged EdgeKind = "bridged" // through nodes that a view has hidden: inferred, no span shows the call
)

// An EdgeID is the identity of an edge. It is comparable and usable as a map key.
type EdgeID struct {
	From, To NodeID
	Kind     EdgeKind
}

// String returns both ends and the kind: "frontend -> shop/cart (request)". As with
// [NodeID.String], two ids can have the same text.
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

// Stats counts the calls that the spans of one side of an edge show, or the requests of a node. The
// zero value stands for a side without spans.
type Stats struct {
	Calls    float64 // weighted; a whole number unless sampling weights are fractional
	Errors   float64 // weighted; never more than Calls
	Observed uint64  // number of spans, unweighted
	Latency  Latency // of the spans that have a duration
}

// ErrorRate returns the fraction of the calls that failed, from 0 to 1; 0 without calls.
func (s Stats) ErrorRate() float64 { return errorRate(s.Errors, s.Calls) }

// errorRate returns a number from 0 to 1, never NaN, for any arguments: the numbers of a graph
// from [ReadJSON] may contradict each other.
func errorRate(errors, calls float64) float64 {
	switch {
	case !(errors > 0 && calls > 0): // NaN included
		return 0
	case errors >= calls:
		return 1
	}
	return errors / calls
}

// A Side is one side of a call.
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

// Evidence counts the calls of an edge by the spans that show them, weighted. The fields
// add up to the calls of the edge; on a bridged edge all of them are 0.
type Evidence struct {
	Both    float64 // a caller-side and a callee-side span
	Caller  float64 // a caller-side span alone: the callee is not instrumented, or its span is missing
	Callee  float64 // a callee-side span alone: the caller has no client span
	Address float64 // a caller-side span alone, to an address or RPC service where other calls met the callee, or which the callee states
	Name    float64 // a caller-side span alone, to a host that has the name of the callee

	// Inferred counts calls whose connection is lost, guessed from the times and the attributes
	// of both sides; 0 unless [Config.InferCalls] is set.
	Inferred float64
}

// An Exemplar is a call that represents an edge: one of the slowest, or of those that
// failed.
type Exemplar struct {
	TraceID  TraceID
	SpanID   SpanID        // the caller's span, or the callee's if the caller has none
	Duration time.Duration // of the span; 0 if unknown
}

// A Node is a service, or a dependency that services call, with the requests that entered
// it.
type Node struct {
	ID NodeID

	// Entries counts the requests from outside: root SERVER and CONSUMER spans that name
	// no caller. It is weighted, and part of Requests.
	Entries float64

	// Requests are the calls that entered the node, counted and timed by the node's own
	// spans. For a node without spans they are the calls as its callers saw them.
	Requests Stats

	// Recovered counts the failed calls to the node that did not fail the requests on whose behalf
	// they were made: the sum of Recovered of all edges to the node, also of those that a view left
	// out. It is weighted, and can be larger than Requests.Errors, because callers see failures,
	// such as timeouts, that the node does not.
	Recovered float64

	// SelfTime is the total time in which the service itself worked, weighted: the time
	// of its spans that no child span covers, without the time that it waited in client
	// spans. It is at most the largest Duration (292 years).
	SelfTime time.Duration

	// Attrs are the resource attributes that [Config.NodeAttrs] lists, and faas.trigger
	// for a service that is a serverless function, with every value that occurred,
	// sorted by key and value. Of one key at most 64 values are kept; AttrsTruncated is
	// set if there were more.
	Attrs          []Attr
	AttrsTruncated bool
}

// An Edge is the sum of the calls from one node to another.
//
// An Edge takes about 700 bytes, and iterating over a graph copies each edge. The cost does not
// matter to a program that draws or writes the graph. A loop that runs often should collect the
// fields that it needs once.
type Edge struct {
	ID EdgeID

	Calls  float64 // weighted; a caller span counts once for each of its callee spans, and once if it has none
	Errors float64 // calls in which either side failed; weighted, never more than Calls

	// Recovered counts the errors that did not fail the request on whose behalf the call
	// was made. Retries counts the calls that repeat an earlier one
	// (http.request.resend_count). Both are weighted.
	Recovered, Retries float64

	// MaxPerTrace is the largest number of calls in one trace, unweighted. The number may
	// be too small where calls were attributed to this edge by name, address or span
	// link: such calls are not added to the others of the same trace.
	MaxPerTrace uint64

	Caller Stats   // of the caller's spans; zero if there are none
	Callee Stats   // of the callee's spans; zero if there are none
	Gap    Latency // network time of requests or queue time of messages, where both sides have a span

	Evidence Evidence

	// Attrs are attributes of the callers' spans that describe the callee: the address
	// and port, the database, the RPC method, the model; sorted by key and value. Of one
	// key at most 64 values are kept; AttrsTruncated is set if there were more.
	Attrs          []Attr
	AttrsTruncated bool

	// Queues are the destinations of the messages, if a side names them, sorted. At most 64 are
	// kept; QueuesTruncated is set if there were more.
	Queues          []NodeID
	QueuesTruncated bool

	Slowest []Exemplar // at most 3 calls, slowest first
	Failed  []Exemplar // at most 3 failed calls, slowest first

	// First and Last are the earliest start and the latest end of a call, in Unix
	// nanoseconds; 0 if unknown.
	First, Last int64
}

// ErrorRate returns the fraction of the calls that failed, from 0 to 1; 0 without calls.
func (e Edge) ErrorRate() float64 { return errorRate(e.Errors, e.Calls) }

// Latency returns the latency to show for the edge if there is room for only one: the latency that
// the caller measured, network time included, or the callee's if no caller measured any. Latency
// also returns the side that measured it, and false if neither side did.
func (e Edge) Latency() (latency Latency, by Side, ok bool) {
	switch {
	case e.Caller.Latency.Count() > 0:
		return e.Caller.Latency, CallerSide, true
	case e.Callee.Latency.Count() > 0:
		return e.Callee.Latency, CalleeSide, true
	}
	return Latency{}, 0, false
}

// A Graph is a finished service graph: nodes and edges in a fixed order, and the report
// that accounts for every span. It is safe for concurrent use, because only
// [Graph.UnmarshalJSON] writes to it. Nodes and edges that its methods return share memory
// with the graph: callers must not write to their slices. The zero value is the empty graph.
type Graph struct {
	nodes  []Node // sorted by ID
	edges  []Edge // sorted by ID
	in     []int  // edge indices sorted by (To, From, Kind)
	report Report

	from, to []int // by edge: the indices of the nodes at its ends

	// totals are the sums that the graph was made from, for Merge and JSON. They are nil in a view and
	// in the empty graph, whose sums are the nodes and edges: see sums.
	totals *totals
	rest   []float64 // of a view, by node: the recovered errors that are on no edge of the view
}

// A placedEdge is an edge with the positions of its ends in a list of nodes.
type placedEdge struct {
	from, to int
	edge     *Edge
}

// arrange sets the nodes and the edges, which may be in any order. It compares names only to sort the
// nodes.
func (g *Graph) arrange(nodes []Node, edges []placedEdge) {
	order := make([]int, len(nodes))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(i, j int) int { return nodes[i].ID.Compare(nodes[j].ID) })
	g.nodes = make([]Node, len(nodes))
	place := make([]int, len(nodes))
	for i, n := range order {
		g.nodes[i], place[n] = nodes[n], i
	}

	for i := range edges {
		e := &edges[i]
		e.from, e.to = place[e.from], place[e.to]
	}
	slices.SortFunc(edges, func(a, b placedEdge) int {
		switch {
		case a.from != b.from:
			return a.from - b.from
		case a.to != b.to:
			return a.to - b.to
		}
		return strings.Compare(string(a.edge.ID.Kind), string(b.edge.ID.Kind))
	})
	g.edges = make([]Edge, len(edges))
	g.from, g.to = make([]int, len(edges)), make([]int, len(edges))
	for i := range edges {
		e := &edges[i]
		g.edges[i], g.from[i], g.to[i] = *e.edge, e.from, e.to
	}
	g.indexIncoming()
}

// indexIncoming sets the index of incoming edges.
func (g *Graph) indexIncoming() {
	before := make([]int, len(g.nodes)+1) // by node: the number of edges to earlier nodes
	for _, n := range g.to {
		before[n+1]++
	}
	for n := range g.nodes {
		before[n+1] += before[n]
	}
	g.in = make([]int, len(g.to))
	for e, n := range g.to {
		g.in[before[n]] = e
		before[n]++
	}
}

// credit gives the nodes the recovered errors of the edges to them, and the nodes without spans of
// their own the requests that their callers saw.
func (g *Graph) credit() {
	for i := range g.edges {
		n, e := &g.nodes[g.to[i]], &g.edges[i]
		n.Recovered = plus(n.Recovered, e.Recovered)
		if n.ID.Type.isPeer() {
			n.Requests.merge(e.Caller)
		}
	}
}

// Nodes returns the nodes in the order of [NodeID.Compare].
func (g *Graph) Nodes() iter.Seq[Node] { return slices.Values(g.nodes) }

// Edges returns the edges in the order of [EdgeID.Compare].
func (g *Graph) Edges() iter.Seq[Edge] { return slices.Values(g.edges) }

// NumNodes returns the number of nodes.
func (g *Graph) NumNodes() int { return len(g.nodes) }

// NumEdges returns the number of edges.
func (g *Graph) NumEdges() int { return len(g.edges) }

// Node returns the node with the given id, and reports whether it exists.
func (g *Graph) Node(id NodeID) (Node, bool) {
	i, ok := slices.BinarySearchFunc(g.nodes, id, func(n Node, id NodeID) int { return n.ID.Compare(id) })
	if !ok {
		return Node{}, false
	}
	return g.nodes[i], true
}

// Edge returns the edge with the given id, and reports whether it exists.
func (g *Graph) Edge(id EdgeID) (Edge, bool) {
	i, ok := slices.BinarySearchFunc(g.edges, id, func(e Edge, id EdgeID) int { return e.ID.Compare(id) })
	if !ok {
		return Edge{}, false
	}
	return g.edges[i], true
}

// Nearest returns the nodes that the user of a name without a match probably meant, in the
// order of [NodeID.Compare]. These are the nodes with exactly that name, in any namespace
// and of any type. If there are none, they are the nodes whose name differs by the fewest
// typing mistakes, ignoring case, and by at most a third of the letters. Nearest returns
// nil if no name is near. The name may start with a namespace, as in [NodeID.String].
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

// In returns the edges that enter the node, ordered by their From and Kind.
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

// TimeRange returns the earliest start and the latest end of the spans in the graph, in
// UTC. A time is zero if no span had one.
func (g *Graph) TimeRange() (first, last time.Time) {
	if g.report.First != 0 {
		first = time.Unix(0, g.report.First).UTC()
	}
	if g.report.Last != 0 {
		last = time.Unix(0, g.report.Last).UTC()
	}
	return first, last
}

// Rate returns the number of calls per second of the graph's [Graph.TimeRange]; calls is
// a number of calls of an edge or a node of the graph. It returns false if the time range
// is shorter than a second: a handful of traces has no rate.
func (g *Graph) Rate(calls float64) (perSecond float64, ok bool) {
	first, last := g.TimeRange()
	seen := last.Sub(first)
	if first.IsZero() || seen < time.Second {
		return 0, false
	}
	return calls / seen.Seconds(), true
}

// FanOut returns the number of calls of an edge for each request that entered its caller: in the
// HotROD demo, frontend calls route 10 times for each request. It returns 0 if no request entered
// the caller, as with a job that has no caller.
func (g *Graph) FanOut(e Edge) float64 {
	from, _ := g.Node(e.ID.From)
	if from.Requests.Calls == 0 {
		return 0
	}
	return e.Calls / from.Requests.Calls
}

// Report returns the report that accounts for every span of the graph.
func (g *Graph) Report() Report { return g.report }
