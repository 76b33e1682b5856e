package servicegraph

import "slices"

// Hide returns the graph without the matching nodes, and bridges the gaps: where a
// visible node calls another through hidden nodes alone, an edge of [EdgeBridged]
// joins the two. Edges between visible nodes stay as they are. A way back to the
// node it came from is a self edge.
//
// There is a bridged edge if and only if there is a way. Its numbers are inferred,
// for a graph does not know on whose behalf a hidden node made its calls: the calls
// into the visible callee are divided among their causes in proportion to the
// requests of each, as if whom a hidden node calls did not depend on who called it.
// That is exact where one caller makes all requests of the hidden nodes. Exact
// numbers in all cases need the traces.
//
//   - Causes are all requests of a hidden node: also those from outside, from
//     callers that are not in the graph, and of unknown origin. Their shares are in
//     no edge: together, bridged edges have at most the calls that the hidden nodes
//     made. Calls that a hidden node makes of its own accord count for its callers.
//   - Errors, and the statistics of both sides, are the same share of what the last
//     hidden node and the callee saw. There is no gap and no evidence, and exemplars
//     only where the share is the whole.
//   - Hidden nodes that call each other in circles count as one.
//   - Shares are multiples of 1/4096, rounded down, but no edge has fewer calls
//     than that.
//
// Hiding a node with many callers and many callees gives an edge for each pair of
// them.
func (g *Graph) Hide(match func(Node) bool) *Graph {
	return newBridges(g, g.mark(match)).graph()
}

// HideGateways returns the graph as seen through its gateways: A → gateway → B reads as
// A → B (semantics.md F6), an edge of [EdgeBridged]. The matching nodes go as with
// [Graph.Hide], with numbers inferred in the same way. Unlike a hidden service, a
// gateway hands on what enters it from outside: its entries become entries of the
// services that it called for them, in the same proportion.
func (g *Graph) HideGateways(gateway func(Node) bool) *Graph {
	b := newBridges(g, g.mark(gateway))
	b.handEntriesOn()
	return b.graph()
}

// A bridges makes the edges that lead through hidden nodes.
type bridges struct {
	g       *Graph
	s       *shape
	hidden  []bool // by node
	partOf  []int  // by node: its part; -1 if it is visible
	parts   []part // callees before callers
	entries []float64

	flow []uint64 // by part: the requests of the cause at hand, in units
	met  []bool   // by part: the cause at hand reaches it
}

// A part is a set of hidden nodes that call each other in circles, mostly a
// single one.
type part struct {
	requests uint64 // that entered it from elsewhere, in units
	hops     []hop  // calls to other parts
	exits    []exit // calls to visible nodes, by node
}

type hop struct {
	part  int
	calls uint64 // in units
}

type exit struct {
	to   int
	edge *Edge // of all calls to that node; not to be changed
}

func newBridges(g *Graph, hidden []bool) *bridges {
	b := &bridges{g: g, s: g.shape(), hidden: hidden, entries: make([]float64, len(g.nodes))}
	var n int
	b.partOf, n = b.s.circles(hidden)
	b.parts = make([]part, n)
	b.flow, b.met = make([]uint64, n), make([]bool, n)
	exits := make([][]exit, n)
	for i, p := range b.partOf {
		if p >= 0 {
			exits[p] = b.addNode(i, exits[p])
		}
	}
	for p := range exits {
		b.parts[p].exits = merged(exits[p])
	}
	return b
}

// addNode adds a hidden node to its part, and its calls to visible nodes to exits.
func (b *bridges) addNode(n int, exits []exit) []exit {
	own, p := b.partOf[n], &b.parts[b.partOf[n]]
	received, inside := b.g.nodes[n].Entries, 0.0
	for i := b.s.in[n]; i < b.s.in[n+1]; i++ {
		calls := b.g.edges[b.g.in[i]].Calls
		received += calls
		if b.partOf[b.s.callers[i]] == own {
			inside += calls
		}
	}
	// Requests are more than the calls where callers are not in the graph, and
	// fewer where spans of the node are missing.
	p.requests = saturatingAdd(p.requests, units(max(b.g.nodes[n].Requests.Calls, received)-inside))
	for e := b.s.out[n]; e < b.s.out[n+1]; e++ {
		switch to := b.s.to[e]; b.partOf[to] {
		case own:
		case -1:
			exits = append(exits, exit{to, &b.g.edges[e]})
		default:
			p.hops = append(p.hops, hop{b.partOf[to], units(b.g.edges[e].Calls)})
		}
	}
	return exits
}

// merged returns one exit for each node.
func merged(exits []exit) []exit {
	slices.SortStableFunc(exits, func(x, y exit) int { return x.to - y.to })
	var out []exit
	for i := 0; i < len(exits); {
		x := exits[i]
		same := i + 1
		for ; same < len(exits) && exits[same].to == x.to; same++ {
		}
		if same > i+1 {
			x.edge = new(Edge)
			for ; i < same; i++ {
				x.edge.merge(exits[i].edge)
			}
		}
		i = same
		out = append(out, x)
	}
	return out
}

// follow calls visit for each part that the calls of one cause reach, callers
// first, with the share that they are of all requests of the part.
func (b *bridges) follow(cause []hop, visit func(*part, share)) {
	var met []int
	meet := func(p int) {
		if !b.met[p] {
			b.met[p] = true
			met = append(met, p)
		}
	}
	for _, h := range cause {
		meet(h.part)
		b.flow[h.part] = saturatingAdd(b.flow[h.part], h.calls)
	}
	for i := 0; i < len(met); i++ {
		for _, h := range b.parts[met[i]].hops {
			meet(h.part)
		}
	}
	slices.Sort(met)
	for _, i := range slices.Backward(met) {
		p := &b.parts[i]
		its := share{min(b.flow[i], p.requests), p.requests}
		for _, h := range p.hops {
			b.flow[h.part] = saturatingAdd(b.flow[h.part], its.count(h.calls))
		}
		b.flow[i], b.met[i] = 0, false
		visit(p, its)
	}
}

// handEntriesOn makes the entries of hidden nodes entries of visible services.
func (b *bridges) handEntriesOn() {
	var outside []hop
	for n, p := range b.partOf {
		if entries := b.g.nodes[n].Entries; p >= 0 && entries > 0 {
			outside = append(outside, hop{p, units(entries)})
		}
	}
	b.follow(outside, func(p *part, its share) {
		for _, x := range p.exits {
			// Entries are part of the requests, which the callee's spans count.
			b.entries[x.to] += its.calls(x.edge.Callee.Calls)
		}
	})
}

// from returns the bridged edges of a visible node, those included that the graph,
// itself a view, already has.
func (b *bridges) from(n int) []Edge {
	var edges []Edge
	position := make(map[int]int) // of the edge to a node
	add := func(to int, e *Edge) {
		at, ok := position[to]
		if !ok {
			at = len(edges)
			position[to] = at
			edges = append(edges, Edge{ID: EdgeID{b.g.nodes[n].ID, b.g.nodes[to].ID, EdgeBridged}})
		}
		edges[at].merge(e)
	}
	var cause []hop
	for i := b.s.out[n]; i < b.s.out[n+1]; i++ {
		e, to := &b.g.edges[i], b.s.to[i]
		switch {
		case b.hidden[to]:
			cause = append(cause, hop{b.partOf[to], units(e.Calls)})
		case e.ID.Kind == EdgeBridged:
			add(to, e)
		}
	}
	b.follow(cause, func(p *part, its share) {
		for _, x := range p.exits {
			bridged := its.edge(x.edge)
			add(x.to, &bridged)
		}
	})
	return edges
}

// graph returns the graph of the visible nodes, their edges and the bridged ones.
func (b *bridges) graph() *Graph {
	visible := make([]bool, len(b.hidden))
	for n, is := range b.hidden {
		visible[n] = !is
	}
	measured := b.s.between(visible)
	for e := range measured {
		measured[e] = measured[e] && b.g.edges[e].ID.Kind != EdgeBridged
	}
	nodes, edges, report := b.g.take(visible, measured)
	kept := 0
	for n, is := range visible {
		if is {
			nodes[kept].addEntries(b.entries[n])
			edges = append(edges, b.from(n)...)
			kept++
		}
	}
	return newGraph(nodes, edges, report)
}

// addEntries adds inferred entries: not more than the requests leave room for.
func (n *Node) addEntries(more float64) {
	if !n.ID.Type.isPeer() {
		n.Entries = max(n.Entries, min(n.Entries+more, n.Requests.Calls))
	}
}
