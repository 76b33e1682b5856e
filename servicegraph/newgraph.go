package servicegraph

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/tempograph/tempograph/internal/quantity"
	"github.com/tempograph/tempograph/servicegraph/internal/histogram"
	"github.com/tempograph/tempograph/servicegraph/internal/semconv"
)

// NewGraph returns the graph of nodes and edges whose numbers are known without spans, for
// example from metrics (docs/semantics.md, B1). Every view, format and analysis that needs no
// traces works on it, and [Merge] adds it to other graphs.
//
// Nodes and edges may be in any order. A node that only edges mention is added. Requests of nodes
// without spans of their own, such as databases, are computed from the edges. A number that is
// unknown may be 0, with two exceptions: a side of an edge, or the requests of a node, with calls
// or a latency must have an Observed of at least 1, and Evidence must add up to Calls, except on a
// bridged edge. If the caller left them 0, NewGraph sets both: Observed to the number of calls, and
// Evidence according to the sides that have calls.
//
// NewGraph returns an error if a node or an edge is listed twice, if an edge has no kind, or if a
// number is negative, infinite or NaN. The graph uses the memory of the slices: the caller must not
// write to them afterwards.
func NewGraph(nodes []Node, edges []Edge, report Report) (*Graph, error) {
	place := make(map[NodeID]int, len(nodes)) // the position in nodes, from 1
	for i := range nodes {
		n := &nodes[i]
		n.ID = validID(n.ID)
		if place[n.ID] > 0 {
			return nil, fmt.Errorf("node %q is listed twice", n.ID)
		}
		place[n.ID] = i + 1
		if err := errors.Join(n.Requests.complete("requests"), checkNumbers(n.Entries, n.Recovered, float64(n.SelfTime))); err != nil {
			return nil, fmt.Errorf("node %q: %w", n.ID, err)
		}
	}
	placeOf := func(id NodeID) int {
		if place[id] == 0 {
			nodes = append(nodes, Node{ID: id})
			place[id] = len(nodes)
		}
		return place[id] - 1
	}
	seen := make(map[EdgeID]bool, len(edges))
	placed := make([]placedEdge, len(edges))
	for i := range edges {
		e := &edges[i]
		e.ID.From, e.ID.To = validID(e.ID.From), validID(e.ID.To)
		if err := e.complete(); err != nil {
			return nil, fmt.Errorf("edge %q: %w", e.ID, err)
		}
		if seen[e.ID] {
			return nil, fmt.Errorf("edge %q is listed twice", e.ID)
		}
		seen[e.ID] = true
		placed[i] = placedEdge{placeOf(e.ID.From), placeOf(e.ID.To), e}
	}
	return newView(nodes, placed, report), nil
}

func validID(id NodeID) NodeID {
	return NodeID{semconv.ValidText(id.Namespace), semconv.ValidText(id.Name), NodeType(semconv.ValidText(string(id.Type)))}
}

// complete sets the fields that NewGraph sets, and checks the others.
func (e *Edge) complete() error {
	switch e.ID.Kind {
	case EdgeRequest, EdgeMessage, EdgeBridged:
	default:
		return fmt.Errorf("unknown kind %q", e.ID.Kind)
	}
	v := &e.Evidence
	err := errors.Join(
		e.Caller.complete("caller"),
		e.Callee.complete("callee"),
		checkNumbers(e.Calls, e.Errors, e.Recovered, e.Retries, v.Both, v.Caller, v.Callee, v.Address, v.Name, v.Inferred),
	)
	switch {
	case err != nil:
		return err
	case e.Errors > e.Calls:
		return fmt.Errorf("%s errors in %s", quantity.Number(e.Errors), quantity.Of(e.Calls, "call"))
	case e.ID.Kind == EdgeBridged || *v != (Evidence{}):
	case e.Caller.Observed > 0 && e.Callee.Observed == 0:
		v.Caller = e.Calls
	case e.Callee.Observed > 0 && e.Caller.Observed == 0:
		v.Callee = e.Calls
	default:
		v.Both = e.Calls
	}
	return nil
}

func (s *Stats) complete(name string) error {
	if err := checkNumbers(s.Calls, s.Errors); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if s.Errors > s.Calls {
		return fmt.Errorf("%s: %s errors in %s", name, quantity.Number(s.Errors), quantity.Of(s.Calls, "call"))
	}
	if most := max(s.Calls, s.Latency.count); s.Observed == 0 && most > 0 {
		s.Observed = uint64(math.Ceil(min(most, maxWeight)))
	}
	return nil
}

func checkNumbers(numbers ...float64) error {
	for _, n := range numbers {
		if !(n >= 0 && n <= maxWeight) {
			return fmt.Errorf("the number %v is not from 0 to 2^53", n)
		}
	}
	return nil
}

// A LatencyBucket is a bucket of a histogram: Count samples of more than Above and of at most
// UpTo.
type LatencyBucket struct {
	Above, UpTo time.Duration
	Count       float64
}

// NewLatency returns the distribution of the buckets of a histogram, or of several whose buckets
// may overlap. The samples of a bucket count as evenly spread over it, which is how Prometheus's
// histogram_quantile reads a classic histogram: a quantile can differ from the exact one by the
// width of its bucket. If the samples of a bucket are a whole number, so are all parts of it. The
// minimum and the maximum are the ends of the first and of the last bucket with samples.
//
// sum is the sum of all samples; if it is 0 or less, NewLatency estimates the sum from the
// buckets. NewLatency ignores buckets whose count is not a number from 0 to 2^53.
func NewLatency(buckets []LatencyBucket, sum time.Duration) Latency {
	buckets = slices.DeleteFunc(slices.Clone(buckets), func(b LatencyBucket) bool {
		return !(b.Count > 0 && b.Count <= maxWeight) || b.UpTo < 0
	})
	slices.SortFunc(buckets, func(a, b LatencyBucket) int { return cmp.Compare(a.UpTo, b.UpTo) })
	var l Latency
	for i, b := range buckets {
		low, high := min(max(b.Above, 0), b.UpTo), b.UpTo
		if i == 0 || int64(low) < l.min {
			l.min = int64(low)
		}
		l.max = int64(high)
		l.sum = saturatingAdd(l.sum, weighted(int64(low+(high-low)/2), b.Count))
		l.spread(int64(low), int64(high), b.Count)
	}
	for _, weight := range l.counts.All() {
		l.count = plus(l.count, weight)
	}
	if sum > 0 && l.count > 0 {
		l.sum = uint64(sum)
	}
	return l
}

// spread adds a weight evenly to the values from low to high. If the weight is a whole number, so
// are its parts.
func (l *Latency) spread(low, high int64, weight float64) {
	whole := weight == math.Trunc(weight)
	done := 0.0
	for b, last := histogram.Bucket(low), histogram.Bucket(high); b <= last; b++ {
		until := weight
		if b < last {
			start, width := histogram.Bounds(b)
			until = weight * float64(start+width-low) / float64(high-low)
			if whole {
				until = math.Round(until)
			}
		}
		if until > done {
			l.counts.Add(b, until-done)
			done = until
		}
	}
}
