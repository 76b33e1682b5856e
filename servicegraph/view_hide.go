package servicegraph

import (
	"math"
	"math/bits"
	"slices"

	"github.com/tempograph/tempograph/servicegraph/internal/digraph"
)

// Hide returns the graph without the matching nodes, and bridges the gaps: where a
// visible node calls another through hidden nodes only, an edge of kind [EdgeBridged]
// joins the two. Edges between visible nodes stay as they are. A path that leads back to
// the node it started from becomes a self edge.
//
// There is a bridged edge if and only if there is such a path. Its numbers are inferred, because a
// graph does not know on whose behalf a hidden node made its calls: the calls into the visible
// callee are divided among the requests of the hidden node in proportion, as if all callers of the
// node caused the same mix of calls. The numbers are exact if one caller makes all requests of the
// hidden nodes. Exact numbers in all cases need the traces.
//
//   - A hidden node's calls are attributed to everything that entered it. The part
//     attributed to outside, to callers that are not in the graph, and to unknown callers
//     has no visible caller and appears on no edge: bridged edges together have at most
//     the calls that the hidden nodes made. Calls that a hidden node makes of its own
//     accord are attributed to its callers.
//   - The errors of a bridged edge, and the statistics of both sides, are the same fraction of what
//     the last hidden node and the callee measured. The edge has no gap and no evidence, and
//     exemplars only if the fraction is 1.
//   - Hidden nodes that call each other in a cycle count as one node.
//   - Numbers are multiples of 1/4096, rounded down, but every bridged edge has at least
//     1/4096 of a call.
//
// Hiding a node with many callers and many callees makes an edge for each pair of them.
func (g *Graph) Hide(match func(Node) bool) *Graph {
	return newBridging(g, g.mark(match)).graph()
}

// HideGateways returns the graph as seen through its gateways: A → gateway → B becomes
// A → B, an edge of kind [EdgeBridged] (docs/semantics.md, F6). The matching nodes are
// hidden as by [Graph.Hide], with numbers inferred in the same way. Unlike a hidden
// service, a gateway passes on what enters it from outside: its entries become entries of
// the services that it called for them, in the same proportion.
func (g *Graph) HideGateways(gateway func(Node) bool) *Graph {
	b := newBridging(g, g.mark(gateway))
	b.passEntriesOn()
	return b.graph()
}

// A bridging makes the edges that lead through hidden nodes.
type bridging struct {
	g           *Graph
	a           *digraph.Adjacency
	hidden      []bool      // by node
	componentOf []int       // by node; -1 if it is visible
	components  []component // callees before callers
	entries     []float64   // by node: the entries that hidden nodes passed on

	// For the cause that attribute is following:
	arrived []uint64 // by component: the requests of the cause, in units of sampling weights
	met     []bool   // by component: the cause reaches it
}

// A component is a set of hidden nodes that call each other in cycles, mostly a single
// node.
type component struct {
	requests uint64 // requests that entered the set from other nodes, in units
	flows    []flow // calls to other components
	exits    []exit // calls to visible nodes, one exit for each node, ordered by node
}

// A flow is a number of calls to a component.
type flow struct {
	component int
	calls     uint64 // in units
}

// An exit is the sum of a component's edges to a visible node.
type exit struct {
	to   int
	edge *Edge // may be an edge of the graph, so it is read-only
}

func newBridging(g *Graph, hidden []bool) *bridging {
	b := &bridging{g: g, a: g.adjacency(), hidden: hidden, entries: make([]float64, len(g.nodes))}
	var n int
	b.componentOf, n = b.a.Components(hidden)
	b.components = make([]component, n)
	b.arrived, b.met = make([]uint64, n), make([]bool, n)
	exits := make([][]exit, n)
	for i, c := range b.componentOf {
		if c >= 0 {
			exits[c] = b.addNode(i, exits[c])
		}
	}
	for c := range exits {
		b.components[c].exits = mergeExits(exits[c])
	}
	return b
}

// addNode adds a hidden node to its component, and the node's calls to visible nodes to
// exits.
func (b *bridging) addNode(n int, exits []exit) []exit {
	own, c := b.componentOf[n], &b.components[b.componentOf[n]]
	received, inside := b.g.nodes[n].Entries, 0.0
	for i := b.a.In[n]; i < b.a.In[n+1]; i++ {
		calls := b.g.edges[b.g.in[i]].Calls
		received += calls
		if b.componentOf[b.a.Callers[i]] == own {
			inside += calls
		}
	}
	// Requests are more than the calls received where callers are not in the graph, and
	// fewer where spans of the node are missing.
	c.requests = saturatingAdd(c.requests, units(max(b.g.nodes[n].Requests.Calls, received)-inside))
	for e := b.a.Out[n]; e < b.a.Out[n+1]; e++ {
		switch to := b.a.To[e]; b.componentOf[to] {
		case own:
		case -1:
			exits = append(exits, exit{to, &b.g.edges[e]})
		default:
			c.flows = append(c.flows, flow{b.componentOf[to], units(b.g.edges[e].Calls)})
		}
	}
	return exits
}

// mergeExits returns one exit for each node.
func mergeExits(exits []exit) []exit {
	slices.SortStableFunc(exits, func(x, y exit) int { return x.to - y.to })
	var out []exit
	for i := 0; i < len(exits); {
		x := exits[i]
		end := i + 1
		for ; end < len(exits) && exits[end].to == x.to; end++ {
		}
		if end > i+1 {
			x.edge = new(Edge)
			for ; i < end; i++ {
				x.edge.merge(exits[i].edge)
			}
		}
		i = end
		out = append(out, x)
	}
	return out
}

// attribute calls visit for each component that the calls of one cause reach, callers
// before callees, with the fraction of the component's requests that the cause made.
func (b *bridging) attribute(cause []flow, visit func(*component, fraction)) {
	var met []int
	meet := func(c int) {
		if !b.met[c] {
			b.met[c] = true
			met = append(met, c)
		}
	}
	for _, f := range cause {
		meet(f.component)
		b.arrived[f.component] = saturatingAdd(b.arrived[f.component], f.calls)
	}
	for i := 0; i < len(met); i++ {
		for _, f := range b.components[met[i]].flows {
			meet(f.component)
		}
	}
	slices.Sort(met)
	for _, i := range slices.Backward(met) {
		c := &b.components[i]
		part := fraction{min(b.arrived[i], c.requests), c.requests}
		for _, f := range c.flows {
			b.arrived[f.component] = saturatingAdd(b.arrived[f.component], part.count(f.calls))
		}
		b.arrived[i], b.met[i] = 0, false
		visit(c, part)
	}
}

// passEntriesOn makes the entries of hidden nodes entries of visible services.
func (b *bridging) passEntriesOn() {
	var outside []flow
	for n, c := range b.componentOf {
		if entries := b.g.nodes[n].Entries; c >= 0 && entries > 0 {
			outside = append(outside, flow{c, units(entries)})
		}
	}
	b.attribute(outside, func(c *component, part fraction) {
		for _, x := range c.exits {
			// Entries are part of the requests, which the callee's spans count.
			b.entries[x.to] += part.calls(x.edge.Callee.Calls)
		}
	})
}

// from returns the bridged edges of a visible node, with the positions of their ends among the nodes
// of the graph. They include the bridged edges that the graph already has, if it is a view itself.
func (b *bridging) from(n int) []placedEdge {
	var edges []placedEdge
	position := make(map[int]int) // in edges, by the node at their end
	add := func(to int, e *Edge) {
		at, ok := position[to]
		if !ok {
			at = len(edges)
			position[to] = at
			edges = append(edges, placedEdge{n, to, &Edge{ID: EdgeID{b.g.nodes[n].ID, b.g.nodes[to].ID, EdgeBridged}}})
		}
		edges[at].edge.merge(e)
	}
	var cause []flow
	for i := b.a.Out[n]; i < b.a.Out[n+1]; i++ {
		e, to := &b.g.edges[i], b.a.To[i]
		switch {
		case b.hidden[to]:
			cause = append(cause, flow{b.componentOf[to], units(e.Calls)})
		case e.ID.Kind == EdgeBridged:
			add(to, e)
		}
	}
	b.attribute(cause, func(c *component, part fraction) {
		for _, x := range c.exits {
			bridged := part.edge(x.edge)
			add(x.to, &bridged)
		}
	})
	return edges
}

// graph returns the graph of the visible nodes, their edges and the bridged edges.
func (b *bridging) graph() *Graph {
	visible := make([]bool, len(b.hidden))
	for n, is := range b.hidden {
		visible[n] = !is
	}
	var edges []placedEdge
	measured := b.g.inducedEdges(visible)
	for i := range measured {
		if measured[i] = measured[i] && b.g.edges[i].ID.Kind != EdgeBridged; measured[i] {
			edges = append(edges, placedEdge{b.a.From[i], b.a.To[i], &b.g.edges[i]})
		}
	}
	nodes, place := b.g.copyNodes(visible)
	for n, is := range visible {
		if is {
			nodes[place[n]].addEntries(b.entries[n])
			edges = append(edges, b.from(n)...)
		}
	}
	for i := range edges {
		e := &edges[i]
		e.from, e.to = place[e.from], place[e.to]
	}
	return newView(nodes, edges, b.g.leavingOut(visible, measured))
}

// addEntries adds inferred entries, at most as many as the requests leave room for.
func (n *Node) addEntries(more float64) {
	if !n.ID.Type.isPeer() {
		n.Entries = max(n.Entries, min(n.Entries+more, n.Requests.Calls))
	}
}

// A fraction is a number of requests relative to all requests. A fraction of a number is
// rounded down to a unit of sampling weights, 1/4096, and computed in integers. So sums
// are exact in any order, the fractions of all requests add up to at most 1, and of two
// numbers the smaller never has the larger fraction.
type fraction struct{ of, all uint64 } // in units; of is at most all

// unit is the resolution of sampling weights, in calls.
const unit = 1.0 / 4096

// units returns a weighted count in units.
func units(n float64) uint64 { return uint64(min(max(n, 0), 1<<47) / unit) }

func (f fraction) isWhole() bool { return f.of == f.all && f.all > 0 }

// calls returns the fraction of a weighted count.
func (f fraction) calls(n float64) float64 {
	if f.isWhole() {
		return n
	}
	return float64(f.count(units(n))) * unit
}

// count returns the fraction of a whole number.
func (f fraction) count(n uint64) uint64 {
	if f.of == 0 {
		return 0
	}
	hi, lo := bits.Mul64(n, f.of)
	quotient, _ := bits.Div64(hi, lo, f.all)
	return quotient
}

// edge returns the fraction of an edge, without an ID. The result shares memory with the
// edge.
func (f fraction) edge(e *Edge) Edge {
	part := Edge{
		Calls:     max(f.calls(e.Calls), unit),
		Errors:    f.calls(e.Errors),
		Recovered: f.calls(e.Recovered),
		Retries:   f.calls(e.Retries),
		Caller:    f.stats(e.Caller),
		Callee:    f.stats(e.Callee),
		Queues:    e.Queues,
		First:     e.First,
		Last:      e.Last,
	}
	if f.isWhole() {
		part.MaxPerTrace, part.Slowest, part.Failed = e.MaxPerTrace, e.Slowest, e.Failed
	}
	return part
}

// stats returns the fraction of the statistics of one side. A side that has spans keeps
// at least one.
func (f fraction) stats(all Stats) Stats {
	if f.isWhole() || all.Observed == 0 {
		return all
	}
	return Stats{
		Calls:    f.calls(all.Calls),
		Errors:   f.calls(all.Errors),
		Observed: max(f.count(all.Observed), 1),
		Latency:  f.latency(all.Latency),
	}
}

// latency returns a distribution with a fraction of the samples in each bucket and the same
// mean.
func (f fraction) latency(all Latency) Latency {
	l := Latency{min: all.min, max: all.max}
	for b, weight := range all.counts.All() {
		if part := f.calls(weight); part > 0 {
			l.counts.Add(b, part)
			l.count += part
		}
	}
	if l.count == 0 {
		return Latency{}
	}
	l.sum = uint64(math.Round(float64(all.sum) * (l.count / all.count)))
	return l
}
