package graphdiff

import "github.com/tempograph/tempograph/servicegraph"

// A reach has, for each node, the entry requests of the nodes from which calls lead to it in
// either graph, the node itself included.
type reach struct {
	base, head map[servicegraph.NodeID]float64
}

func newReach(base, head *servicegraph.Graph) reach {
	r := reach{make(map[servicegraph.NodeID]float64), make(map[servicegraph.NodeID]float64)}
	for _, entry := range union(base.Nodes(), head.Nodes(), func(n servicegraph.Node) servicegraph.NodeID { return n.ID }, servicegraph.NodeID.Compare) {
		b, _ := base.Node(entry)
		h, _ := head.Node(entry)
		if b.Entries == 0 && h.Entries == 0 {
			continue
		}
		seen := map[servicegraph.NodeID]bool{entry: true}
		for queue := []servicegraph.NodeID{entry}; len(queue) > 0; queue = queue[1:] {
			r.base[queue[0]] += b.Entries
			r.head[queue[0]] += h.Entries
			for _, g := range []*servicegraph.Graph{base, head} {
				for e := range g.Out(queue[0]) {
					if !seen[e.ID.To] {
						seen[e.ID.To] = true
						queue = append(queue, e.ID.To)
					}
				}
			}
		}
	}
	return r
}

// entries returns the entry requests of both graphs that can reach a node.
func (r reach) entries(id servicegraph.NodeID) (base, head float64) { return r.base[id], r.head[id] }
