package critpath

import (
	"cmp"
	"slices"
	"time"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/internal/semconv"
)

// A Config chooses what a [Collector] computes. The zero value has the defaults.
type Config struct {
	// Spans is the largest number of spans that are held; 0 means 2,097,152, which take up to 0.8
	// GB. Beyond it, the traces that came first are finished early, and their later spans are
	// skipped: see [Report].Late. Only the last 65,536 finished traces are remembered: a late span
	// of an earlier trace begins a new trace.
	Spans int

	// Names is the largest number of distinct operation names that are kept, and of entries; 0
	// means 20,000. Further operations count as the operation "other" of their node. There are at
	// most 10,000 nodes and 100,000 calls, as in a graph, and names are cut to 1 KiB.
	Names int

	// Changes are the what-if questions to answer. They are answered one by one.
	Changes []Change

	// Percentile is the percentile from which a request is slow, among the durations of the
	// requests of one entry; 0 means 95: the slowest 5 %. It must be above 0 and below 100.
	Percentile float64

	// Stacks is the largest number of distinct stacks that are kept; 0 means 100,000. Further
	// stacks are summed up in the stack "other", and so are all further stacks once the texts of
	// the kept stacks take 64 MiB.
	Stacks int

	// Sums is the largest number of sums by entry and bucket of duration: sums of the time in an
	// operation or a call, and counts of requests. 0 means 1,000,000, which take about 50 MB.
	// Beyond it, a time counts only for all requests and not for the slow ones, and a duration
	// counts in the nearest bucket that exists. [Report].Coarse counts both.
	Sums int
}

// A Change is a what-if question: what if the work of a node in each request that it handles took
// less time, by the duration Less? If the work in a request took less than that, all of the work is
// saved. A Node without a type is the service of that name, or else the first dependency of that name in the
// order of the spans.
type Change struct {
	Node servicegraph.NodeID
	Less time.Duration
}

// names reports whether a node can be the node of the change.
func (c Change) names(id servicegraph.NodeID) bool {
	return c.Node.String() == id.String() && (c.Node.Type == "" || c.Node.Type == id.Type)
}

const (
	defaultSpans  = 2 << 20
	defaultNames  = 20_000
	defaultStacks = 100_000
	defaultSums   = 1_000_000
	maxNodes      = 10_000
	maxCalls      = 100_000
	maxStackBytes = 64 << 20
	maxDone       = 1 << 16
	maxExemplars  = 3
)

// otherName is the name of the node and of the operation that stand for those beyond a limit.
const otherName = "other"

// A span is what the collector keeps of a span.
type span struct {
	id, parent servicegraph.SpanID
	start, end int64
	service    int32 // index of the node
	peer       int32 // index of the node that a caller span names; -1 if none
	name       int32 // index of the operation
	kind       servicegraph.Kind
	caller     bool // the caller side of a call
	failed     bool
}

func (s *span) finished() bool { return s.start > 0 && s.end >= s.start }

// A Collector sums the critical paths of traces. Add all spans, in any order, and then call
// Report. A Collector is not safe for concurrent use.
type Collector struct {
	cfg       Config
	nodes     []servicegraph.NodeID
	nodeIndex map[servicegraph.NodeID]int32
	names     []string
	nameOf    map[string]int32
	traces    map[servicegraph.TraceID]int32 // by trace: the place of its last held span
	held      store
	order     []servicegraph.TraceID // of the first span
	oldest    int                    // index in order of the first trace that is held
	done      map[servicegraph.TraceID]bool
	doneOrder []servicegraph.TraceID // a ring buffer of the traces that are finished
	doneNext  int                    // the oldest of a full ring
	changed   []int32                // by change: the index of its node; -1 if there is none yet
	sums      sums
}

// NewCollector returns an empty collector.
func NewCollector(cfg Config) *Collector {
	cfg.Spans, cfg.Names, cfg.Percentile = cmp.Or(cfg.Spans, defaultSpans), cmp.Or(cfg.Names, defaultNames), cmp.Or(cfg.Percentile, 95)
	cfg.Stacks, cfg.Sums = cmp.Or(cfg.Stacks, defaultStacks), cmp.Or(cfg.Sums, defaultSums)
	c := &Collector{
		cfg: cfg, nodeIndex: make(map[servicegraph.NodeID]int32), nameOf: make(map[string]int32),
		traces: make(map[servicegraph.TraceID]int32), done: make(map[servicegraph.TraceID]bool),
	}
	c.changed = slices.Repeat([]int32{-1}, len(cfg.Changes))
	c.sums.init(&c.cfg, c.name(otherName), func() int32 {
		return c.node(servicegraph.NodeID{Name: otherName, Type: servicegraph.TypeService})
	})
	return c
}

// Add adds a span. It keeps no reference to the span or its slices.
func (c *Collector) Add(s servicegraph.Span) {
	c.sums.spans++
	if s.Weight > 0 && s.Weight != 1 {
		c.sums.sampled++
	}
	if s.TraceID.IsZero() || s.SpanID.IsZero() {
		return
	}
	if c.done[s.TraceID] {
		c.sums.late++
		return
	}
	last, ok := c.traces[s.TraceID]
	if !ok {
		last = noSpan
		c.order = append(c.order, s.TraceID)
	}
	c.traces[s.TraceID] = c.held.add(c.compact(&s), last)
	for c.held.n > c.cfg.Spans {
		id := c.order[c.oldest]
		c.oldest++
		c.sums.early++
		c.finish(id)
	}
	if c.oldest > maxDone && c.oldest > len(c.order)/2 {
		c.order, c.oldest = slices.Delete(c.order, 0, c.oldest), 0
	}
}

// compact returns what is kept of a span.
func (c *Collector) compact(s *servicegraph.Span) span {
	out := span{
		id: s.SpanID, parent: s.ParentID, start: s.Start, end: s.End, kind: s.Kind, peer: -1,
		service: c.node(servicegraph.NodeID{Namespace: s.Namespace, Name: cmp.Or(s.Service, "unknown_service"), Type: servicegraph.TypeService}),
		name:    c.name(s.Name),
		caller:  s.Kind == servicegraph.KindClient || s.Kind == servicegraph.KindProducer,
		failed:  s.Status == servicegraph.StatusError,
	}
	if len(s.Attrs) == 0 {
		return out
	}
	var attrs semconv.Attrs
	for _, a := range s.Attrs {
		attrs.Add(a.Key, a.Value)
	}
	of := semconv.Interpret(semconv.Kind(s.Kind), &attrs, len(s.Links) > 0, semconv.Options{})
	out.caller = of.Caller
	out.failed = out.failed && !of.Excused || of.Failed && s.Status == servicegraph.StatusUnset
	if of.Caller && of.HasPeer && of.Peer.Name != s.Service { // a span of a database names itself
		out.peer = c.node(servicegraph.NodeID{Namespace: of.Peer.Namespace, Name: of.Peer.Name, Type: peerTypes[of.Peer.Type]})
	}
	return out
}

// cut returns a text of at most 1 KiB, and counts a longer one.
func (c *Collector) cut(s string) string {
	if len(s) > semconv.MaxText {
		c.sums.longNames++
	}
	return semconv.CutText(s)
}

func (c *Collector) node(id servicegraph.NodeID) int32 {
	i, ok := c.nodeIndex[id]
	if !ok {
		id.Namespace, id.Name = c.cut(id.Namespace), c.cut(id.Name)
		i, ok = c.nodeIndex[id]
	}
	if !ok && len(c.nodes) >= maxNodes && (id.Name != otherName || id.Namespace != "") {
		c.sums.folded++
		return c.node(servicegraph.NodeID{Name: otherName, Type: id.Type})
	}
	if !ok {
		i = int32(len(c.nodes))
		c.nodes = append(c.nodes, id)
		c.nodeIndex[id] = i
		for k, change := range c.cfg.Changes {
			if change.names(id) && (c.changed[k] < 0 || id.Type == servicegraph.TypeService) {
				c.changed[k] = i
			}
		}
	}
	return i
}

func (c *Collector) name(name string) int32 {
	i, ok := c.nameOf[name]
	if !ok {
		name = c.cut(name)
		i, ok = c.nameOf[name]
	}
	if !ok && len(c.names) >= c.cfg.Names {
		c.sums.folded++
		return c.nameOf[otherName]
	}
	if !ok {
		i = int32(len(c.names))
		c.names = append(c.names, name)
		c.nameOf[name] = i
	}
	return i
}

// finish adds the path of a trace to the sums, and forgets its spans.
func (c *Collector) finish(id servicegraph.TraceID) {
	if len(c.doneOrder) < maxDone {
		c.doneOrder = append(c.doneOrder, id)
	} else {
		delete(c.done, c.doneOrder[c.doneNext])
		c.doneOrder[c.doneNext] = id
		c.doneNext = (c.doneNext + 1) % maxDone
	}
	c.done[id] = true
	last := c.traces[id]
	delete(c.traces, id)
	c.path(id, c.held.take(last))
}

// Report returns the sums over all spans that were added. It finishes all traces: spans that are
// added later are skipped if their trace was one of the last 65,536.
func (c *Collector) Report() Report {
	for _, id := range c.order[c.oldest:] {
		c.finish(id)
	}
	c.order, c.oldest = nil, 0
	return c.report()
}

// Nodes returns the nodes of all spans that were added, on a path or not, in the order in which
// they came. A service that has no spans, and that only its callers name, is a dependency.
func (c *Collector) Nodes() []servicegraph.NodeID { return slices.Clone(c.nodes) }

// compareNodes orders nodes by their ids.
func (c *Collector) compareNodes(a, b int32) int { return c.nodes[a].Compare(c.nodes[b]) }

// sortedBy returns the keys of a map in an order.
func sortedBy[K comparable, V any](m map[K]V, compare func(a, b K) int) []K {
	keys := make([]K, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, compare)
	return keys
}

// peerTypes are the types of the nodes that caller spans name.
var peerTypes = [...]servicegraph.NodeType{
	semconv.External: servicegraph.TypeExternal, semconv.Database: servicegraph.TypeDatabase, semconv.Queue: servicegraph.TypeQueue,
	semconv.Function: servicegraph.TypeFunction, semconv.Model: servicegraph.TypeModel, semconv.RPC: servicegraph.TypeRPC, semconv.IP: servicegraph.TypeIP,
}
