package servicegraph

// Group returns the graph with one node for all nodes that the function id maps to the
// same id. Calls between two groups add up to one edge for each kind, and calls inside a
// group to an edge from the group to itself: the result has all calls and errors of the
// graph, and nothing counts as left out. A node that is mapped to its own id stays as it
// is. The function is called once for each node, in order.
//
// The type of the new id decides where the group's requests come from. For [TypeGroup]
// and [TypeService] they are the sum of the members' requests, calls from one member to
// another included. For the other types, which are meant for groups of peers, they are
// what the callers saw, as for every peer, and the group has no entries and no self time.
// MaxPerTrace of an edge is that of the busiest edge in its sum.
func (g *Graph) Group(id func(Node) NodeID) *Graph {
	var groups symbols // numbers the ids, and makes their text valid UTF-8
	var nodes []Node
	index := make([]nodeIndex, len(g.nodes))
	for i, n := range g.nodes {
		index[i] = groups.node(id(n))
		if int(index[i]) > len(nodes) {
			nodes = append(nodes, Node{ID: groups.nodeID(index[i])})
		}
		into := &nodes[index[i]-1]
		if !into.ID.Type.isPeer() {
			into.merge(&n)
		}
	}

	a := g.adjacency()
	var edges []Edge
	position := make(map[edgeKey]int)
	for i := range g.edges {
		e := &g.edges[i]
		key := edgeKey{index[a.from[i]], index[a.to[i]], e.ID.Kind}
		at, ok := position[key]
		if !ok {
			at = len(edges)
			position[key] = at
			edges = append(edges, Edge{ID: EdgeID{groups.nodeID(key.from), groups.nodeID(key.to), key.kind}})
		}
		edges[at].merge(e)
	}
	return newGraph(nodes, edges, g.report)
}

// ByNamespace maps a node to the group of its namespace, for [Graph.Group]. A node
// without a namespace is mapped to its own id.
func ByNamespace(n Node) NodeID {
	if n.ID.Namespace == "" {
		return n.ID
	}
	return NodeID{Name: n.ID.Namespace, Type: TypeGroup}
}

// ByAttr returns a function that maps a node to the group of the value of its attribute
// key, for [Graph.Group]. A node that has no value of the attribute, or several, is
// mapped to its own id. The attribute must be one that [Config.NodeAttrs] lists.
func ByAttr(key string) func(Node) NodeID {
	return func(n Node) NodeID {
		value, values := "", 0
		for _, a := range n.Attrs {
			if a.Key == key {
				value = a.Value
				values++
			}
		}
		if values != 1 {
			return n.ID
		}
		return NodeID{Name: value, Type: TypeGroup}
	}
}
