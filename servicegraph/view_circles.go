package servicegraph

// circles numbers the sets of marked nodes that call each other in circles, over
// marked nodes alone: strongly connected components. A node outside of any circle
// is a set of its own. It returns the number of each node, -1 for those not
// marked, and how many sets there are. A set has a larger number than those it
// calls.
//
// This is Tarjan's algorithm, with a stack of its own in place of recursion: a
// chain of services may be as long as there are services.
func (s *shape) circles(marked []bool) (setOf []int, n int) {
	const open = -2 // visited, but not in a set yet
	setOf = make([]int, len(marked))
	for v := range setOf {
		setOf[v] = -1
	}
	type visit struct{ node, next int } // next edge to look at
	var (
		order  = make([]int, len(marked)) // when a node was visited, from 1; 0 if not yet
		lowest = make([]int, len(marked)) // the earliest open node it is known to reach
		opened []int                      // nodes without a set, in order
		path   []visit
		count  int
	)
	enter := func(v int) {
		count++
		order[v], lowest[v], setOf[v] = count, count, open
		opened = append(opened, v)
		path = append(path, visit{v, s.out[v]})
	}
	for root := range marked {
		if !marked[root] || order[root] > 0 {
			continue
		}
		enter(root)
		for len(path) > 0 {
			at := &path[len(path)-1]
			v := at.node
			if at.next < s.out[v+1] {
				w := s.to[at.next]
				at.next++
				switch {
				case !marked[w]:
				case order[w] == 0:
					enter(w)
				case setOf[w] == open:
					lowest[v] = min(lowest[v], order[w])
				}
				continue
			}
			path = path[:len(path)-1]
			if len(path) > 0 {
				up := path[len(path)-1].node
				lowest[up] = min(lowest[up], lowest[v])
			}
			if lowest[v] < order[v] {
				continue
			}
			for setOf[v] == open {
				last := opened[len(opened)-1]
				opened = opened[:len(opened)-1]
				setOf[last] = n
			}
			n++
		}
	}
	return setOf, n
}
