package servicegraph

// Group returns the graph with one node for all nodes that the function maps to
// the same id. Calls between two groups add up to one edge for each kind, calls
// inside a group to an edge from the group to itself: all calls and errors are
// there, and nothing counts as left out. A node that the function maps to its own
// id stays what it is. The function is called once for each node, in order.
//
// The type of the id says where the group's requests come from. For [TypeGroup]
// and [TypeService] they are the sum of its members', calls from one member to
// another included. For the other types, meant for groups of peers, they are
// what the callers saw, as they are for every peer, and there are no entries or
// self time. MaxPerTrace is that of the busiest edge in the sum.
func (g *Graph) Group(id func(Node) NodeID) *Graph {
	var groups symbols // gives ids a number, and makes their text valid
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

	s := g.shape()
	var edges []Edge
	position := make(map[edgeKey]int)
	for i := range g.edges {
		e := &g.edges[i]
		key := edgeKey{index[s.from[i]], index[s.to[i]], e.ID.Kind}
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

// ByNamespace maps a node to the group of its namespace, for [Graph.Group]. Nodes
// without a namespace stay on their own.
func ByNamespace(n Node) NodeID {
	if n.ID.Namespace == "" {
		return n.ID
	}
	return NodeID{Name: n.ID.Namespace, Type: TypeGroup}
}

// ByAttr returns a function that maps a node to the group of its value of an
// attribute, for [Graph.Group]. Nodes that have none, or several, stay on their
// own. The attribute must be among those that [Config.NodeAttrs] asks for.
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
