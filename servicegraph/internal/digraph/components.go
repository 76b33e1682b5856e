package digraph

// Components numbers the strongly connected components of the subgraph of the marked nodes: the
// largest sets of nodes that reach each other. A node on no cycle is a component of its own.
// Components returns the number of each node's component, -1 for unmarked nodes, and how many
// components there are. A component has a larger number than the components to which it leads.
//
// The algorithm is Tarjan's, with an explicit stack instead of recursion: a path may go through all
// nodes.
func (a *Adjacency) Components(marked []bool) (componentOf []int, n int) {
	c := components{Adjacency: a, of: make([]int, len(marked)), order: make([]int, len(marked)), lowest: make([]int, len(marked))}
	for v := range c.of {
		c.of[v] = -1
	}
	for root, is := range marked {
		if is && c.order[root] == 0 {
			c.visit(root, marked)
		}
	}
	return c.of, c.n
}

// components is the state of Tarjan's algorithm.
type components struct {
	*Adjacency
	of     []int // by node: its component; -1 if unmarked or not visited, open if visited but not in a component yet
	n      int   // the number of components so far
	order  []int // by node: when it was visited, from 1; 0 if not yet
	count  int   // the number of visited nodes
	lowest []int // by node: the lowest order of the open nodes that it is known to reach
	opened []int // open nodes, by their order
	path   []visit
}

const open = -2

// A visit is a node on the path from the root to the node that is visited.
type visit struct{ node, next int } // next is the edge to follow next

// visit finds the components that a node reaches and that are not found yet.
func (c *components) visit(root int, marked []bool) {
	c.enter(root)
	for len(c.path) > 0 {
		at := &c.path[len(c.path)-1]
		v := at.node
		if at.next == c.Out[v+1] {
			c.leave(v)
			continue
		}
		w := c.To[at.next]
		at.next++
		switch {
		case !marked[w]:
		case c.order[w] == 0:
			c.enter(w)
		case c.of[w] == open:
			c.lowest[v] = min(c.lowest[v], c.order[w])
		}
	}
}

// enter begins the visit of a node.
func (c *components) enter(v int) {
	c.count++
	c.order[v], c.lowest[v], c.of[v] = c.count, c.count, open
	c.opened = append(c.opened, v)
	c.path = append(c.path, visit{v, c.Out[v]})
}

// leave ends the visit of a node, the last one of the path. If the node reaches no open node that
// was visited before it, the node and all nodes opened after it are a component.
func (c *components) leave(v int) {
	c.path = c.path[:len(c.path)-1]
	if len(c.path) > 0 {
		before := c.path[len(c.path)-1].node
		c.lowest[before] = min(c.lowest[before], c.lowest[v])
	}
	if c.lowest[v] < c.order[v] {
		return
	}
	for c.of[v] == open {
		last := c.opened[len(c.opened)-1]
		c.opened = c.opened[:len(c.opened)-1]
		c.of[last] = c.n
	}
	c.n++
}
