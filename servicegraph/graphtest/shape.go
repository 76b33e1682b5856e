package graphtest

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tempograph/tempograph/internal/quantity"
	"github.com/tempograph/tempograph/servicegraph"
)

func layersRule(layers [][]pattern) rule {
	var texts []string
	for _, l := range layers {
		texts = append(texts, join(l, ", "))
	}
	return rule{text: "layers " + strings.Join(texts, " > "), check: func(g *servicegraph.Graph) (violations []Violation) {
		in := make(map[servicegraph.NodeID]int) // the number of a node's layer, from 1
		for i, layer := range layers {
			for _, p := range layer {
				ids := matching(g, p)
				if len(ids) == 0 {
					violations = append(violations, Violation{Message: unknown(g, p) + "\nso the pattern tests nothing: correct the name or remove the pattern"})
				}
				for _, id := range ids {
					if was := in[id]; was > 0 && was != i+1 {
						violations = append(violations, Violation{Message: fmt.Sprintf("%s is in two layers: %s and %s", nodeText(id), texts[was-1], texts[i])})
						continue
					}
					in[id] = i + 1
				}
			}
		}
		for e := range g.Edges() {
			from, to := in[e.ID.From], in[e.ID.To]
			if from > 0 && to > 0 && to < from {
				v := forbidden(e)
				v.Message += ": the wrong direction, from layer " + texts[from-1] + " to layer " + texts[to-1]
				violations = append(violations, v)
			}
		}
		return violations
	}}
}

func acyclicRule() rule {
	return rule{text: "acyclic", check: func(g *servicegraph.Graph) (violations []Violation) {
		for _, cycle := range cycles(g) {
			violations = append(violations, Violation{Message: "a cycle: " + walkText(cycle), Edges: cycle})
		}
		return violations
	}}
}

// walkText returns the nodes along a chain of edges.
func walkText(walk []servicegraph.Edge) string {
	text := nodeText(walk[0].ID.From)
	for _, e := range walk {
		text += " -> " + nodeText(e.ID.To)
	}
	return text
}

// cycles returns, for each strongly connected component with a cycle, a shortest cycle
// through its first node, in the order of these nodes.
func cycles(g *servicegraph.Graph) (list [][]servicegraph.Edge) {
	done := make(map[servicegraph.NodeID]bool)
	for n := range g.Nodes() {
		if done[n.ID] {
			continue
		}
		cycle := shortestCycle(g, n.ID)
		if cycle == nil {
			continue
		}
		upstream, downstream := reachable(n.ID, callers(g)), reachable(n.ID, callees(g))
		for id := range downstream { // the component of n
			done[id] = done[id] || upstream[id]
		}
		list = append(list, cycle)
	}
	return list
}

// shortestCycle returns a shortest cycle through a node, nil if there is none.
func shortestCycle(g *servicegraph.Graph, start servicegraph.NodeID) []servicegraph.Edge {
	reachedBy := make(map[servicegraph.NodeID]servicegraph.Edge)
	for queue := []servicegraph.NodeID{start}; len(queue) > 0; queue = queue[1:] {
		for e := range g.Out(queue[0]) {
			if e.ID.To == start {
				cycle := []servicegraph.Edge{e}
				for at := e.ID.From; at != start; at = reachedBy[at].ID.From {
					cycle = append(cycle, reachedBy[at])
				}
				slices.Reverse(cycle)
				return cycle
			}
			if _, seen := reachedBy[e.ID.To]; !seen {
				reachedBy[e.ID.To] = e
				queue = append(queue, e.ID.To)
			}
		}
	}
	return nil
}

func callees(g *servicegraph.Graph) func(servicegraph.NodeID) []servicegraph.NodeID {
	return func(id servicegraph.NodeID) (ids []servicegraph.NodeID) {
		for e := range g.Out(id) {
			ids = append(ids, e.ID.To)
		}
		return ids
	}
}

func callers(g *servicegraph.Graph) func(servicegraph.NodeID) []servicegraph.NodeID {
	return func(id servicegraph.NodeID) (ids []servicegraph.NodeID) {
		for e := range g.In(id) {
			ids = append(ids, e.ID.From)
		}
		return ids
	}
}

// reachable returns the nodes that can be reached from a node by any steps, the node
// itself included.
func reachable(start servicegraph.NodeID, next ...func(servicegraph.NodeID) []servicegraph.NodeID) map[servicegraph.NodeID]bool {
	reached := map[servicegraph.NodeID]bool{start: true}
	for todo := []servicegraph.NodeID{start}; len(todo) > 0; {
		id := todo[0]
		todo = todo[1:]
		for _, step := range next {
			for _, to := range step(id) {
				if !reached[to] {
					reached[to] = true
					todo = append(todo, to)
				}
			}
		}
	}
	return reached
}

func connectedRule() rule {
	return rule{text: "connected", check: func(g *servicegraph.Graph) []Violation {
		var parts [][]servicegraph.NodeID
		seen := make(map[servicegraph.NodeID]bool)
		for n := range g.Nodes() {
			if seen[n.ID] {
				continue
			}
			part := slices.SortedFunc(maps.Keys(reachable(n.ID, callers(g), callees(g))), servicegraph.NodeID.Compare)
			for _, id := range part {
				seen[id] = true
			}
			parts = append(parts, part)
		}
		if len(parts) < 2 {
			return nil
		}
		v := Violation{Message: fmt.Sprintf("the graph has %s separate parts:", quantity.Number(len(parts))), seek: servicegraph.MissOtherTrace}
		for _, part := range parts {
			v.Message += "\n  " + nodesText(part)
		}
		return []Violation{v}
	}}
}

func depthRule(n int) rule {
	return rule{text: fmt.Sprintf("depth at most %d", n), check: func(g *servicegraph.Graph) []Violation {
		if list := cycles(g); len(list) > 0 {
			return []Violation{{Message: "a chain of calls never ends, because of a cycle: " + walkText(list[0]), Edges: list[0]}}
		}
		longest := make(map[servicegraph.NodeID][]servicegraph.Edge) // the longest chain from each node
		var from func(id servicegraph.NodeID) []servicegraph.Edge
		from = func(id servicegraph.NodeID) []servicegraph.Edge {
			if chain, known := longest[id]; known {
				return chain
			}
			var chain []servicegraph.Edge
			for e := range g.Out(id) {
				if rest := from(e.ID.To); len(rest)+1 > len(chain) {
					chain = append([]servicegraph.Edge{e}, rest...)
				}
			}
			longest[id] = chain
			return chain
		}
		var chain []servicegraph.Edge
		for node := range g.Nodes() {
			if c := from(node.ID); len(c) > len(chain) {
				chain = c
			}
		}
		if len(chain) <= n {
			return nil
		}
		return []Violation{{Message: fmt.Sprintf("a chain of %s: %s", quantity.Of(len(chain), "call"), walkText(chain)), Edges: chain}}
	}}
}

func fanOutRule(p pattern, n int) rule {
	return rule{text: fmt.Sprintf("fan-out %s at most %d", p, n), check: func(g *servicegraph.Graph) (violations []Violation) {
		ids := matching(g, p)
		if len(ids) == 0 {
			return []Violation{{Message: unknown(g, p) + "\nso the rule tests nothing: correct the name or remove the rule"}}
		}
		for _, id := range ids {
			var others []servicegraph.NodeID
			var edges []servicegraph.Edge
			for e := range g.Out(id) {
				if e.ID.To != id && !slices.Contains(others, e.ID.To) {
					others = append(others, e.ID.To)
					edges = append(edges, e)
				}
			}
			if len(others) > n {
				violations = append(violations, Violation{
					Message: fmt.Sprintf("%s calls %s: %s", nodeText(id), quantity.Of(len(others), "other"), nodesText(others)),
					Edges:   edges,
				})
			}
		}
		return violations
	}}
}

func noOrphansRule() rule {
	return rule{text: "no-orphans", check: func(g *servicegraph.Graph) []Violation {
		if n := g.Report().MissingParent; n > 0 {
			return []Violation{{
				Message: quantity.Of(n, "span") + " without its parent span, which was not received",
				seek:    servicegraph.MissParent,
			}}
		}
		return nil
	}}
}

func unresolvedRule(n int) rule {
	return rule{text: fmt.Sprintf("unresolved at most %d", n), check: func(g *servicegraph.Graph) []Violation {
		if got := g.Report().Unresolved; got > uint64(n) {
			return []Violation{{
				Message: quantity.Of(got, "client or producer span") + " without a callee, and without an attribute that names one",
				seek:    servicegraph.MissNoPeer,
			}}
		}
		return nil
	}}
}

func emptyRule() rule {
	return rule{text: "empty", holdsEmpty: true, check: func(g *servicegraph.Graph) []Violation {
		if g.NumNodes() == 0 {
			return nil
		}
		var ids []servicegraph.NodeID
		for n := range g.Nodes() {
			ids = append(ids, n.ID)
		}
		return []Violation{{Message: "the graph has " + nodesText(ids), Edges: slices.Collect(g.Edges())}}
	}}
}
