package livegraph

import (
	"slices"
	"time"

	"github.com/tempograph/tempograph/servicegraph"
)

const (
	// A slice covers at least sliceLength. Older slices are joined so that there are fewer than
	// maxSlices: memory stays bounded, and merging all slices stays fast.
	sliceLength = 10 * time.Second
	maxSlices   = 120
)

// A slice is the graph of the traces that became complete in a time range.
type slice struct {
	from, to time.Time
	graph    *servicegraph.Graph
}

// timeSlices hold the graphs of the traces that became complete during the last maxWindow.
type timeSlices struct{ list []slice }

// add adds the graph of the traces that became complete since the last call, at time now.
func (s *timeSlices) add(now time.Time, g *servicegraph.Graph) {
	if n := len(s.list); n > 0 && now.Sub(s.list[n-1].from) < sliceLength {
		last := &s.list[n-1]
		last.to, last.graph = now, servicegraph.Merge(last.graph, g)
		return
	}
	s.list = append(s.list, slice{now, now, g})
	s.list = slices.DeleteFunc(s.list, func(x slice) bool { return now.Sub(x.to) > maxWindow })
	for len(s.list) >= maxSlices {
		s.join()
	}
}

// join joins the two neighboring slices that together cover the shortest time in relation to their
// age.
func (s *timeSlices) join() {
	now := s.list[len(s.list)-1].to
	best, cost := 0, 0.0
	for i := range len(s.list) - 1 {
		a, b := s.list[i], s.list[i+1]
		c := b.to.Sub(a.from).Seconds() / (1 + now.Sub(b.to).Seconds())
		if i == 0 || c < cost {
			best, cost = i, c
		}
	}
	a, b := s.list[best], s.list[best+1]
	s.list[best] = slice{a.from, b.to, servicegraph.Merge(a.graph, b.graph)}
	s.list = slices.Delete(s.list, best+1, best+2)
}

// since returns the merged graph of the slices that end after t, and the number of these slices.
func (s *timeSlices) since(t time.Time) (*servicegraph.Graph, int) {
	var graphs []*servicegraph.Graph
	for _, x := range s.list {
		if x.to.After(t) {
			graphs = append(graphs, x.graph)
		}
	}
	return servicegraph.Merge(graphs...), len(graphs)
}
