package critpath

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/internal/histogram"
)

// A Report is the sum of the critical paths of traces.
type Report struct {
	Traces   uint64 // with a path
	Rootless uint64 // traces without a finished root: they have no path
	Spans    uint64 // that were added
	Late     uint64 // spans that came after their trace was finished early: they are on no path
	Early    uint64 // traces that were finished early because too many spans were held
	Sampled  uint64 // spans with a sampling weight other than 1: each trace counts once all the same
	Folded   uint64 // how often a name or a node beyond a limit counted as "other"

	Time time.Duration // of all paths: the sum of the durations of all roots

	Entries    []Entry     // the operations of the roots, the one with the most time first
	Nodes      []NodeTime  // the one with the most time first
	Calls      []CallTime  // the one with the most time first
	Operations []Operation // the one with the most time first
	Answers    []Answer    // one for each Config.Changes, in their order
	Stacks     []Stack     // by text
}

// Times are times on the path of all requests, and of the slow requests. A request is slow if its
// duration is at or above Config.Percentile among the requests of its entry. Durations are
// compared by buckets, each up to 1.6 % wide.
type Times struct {
	All, Slow time.Duration
}

// An Entry is an operation with which requests begin.
type Entry struct {
	Node          servicegraph.NodeID
	Operation     string
	Requests      uint64
	Time          Times
	P50, P95, P99 time.Duration // of the duration of a request, within 0.8 %
}

// A NodeTime is the time on the path in which requests waited for a node itself: for the work of
// a service, or for a dependency without spans.
type NodeTime struct {
	Node servicegraph.NodeID
	Time Times
}

// An Operation is the time on the path in which requests waited for the spans of one name.
type Operation struct {
	Node servicegraph.NodeID
	Name string
	Time Times
}

// A CallTime is the time on the path that passed during the calls of one node to another.
type CallTime struct {
	From, To servicegraph.NodeID
	Time     Times
	Traces   uint64        // traces with such a call on their path
	Network  time.Duration // part of Time.All: between both sides, where both have spans

	// Slack is the smallest and the mean slack of the calls off the path that ran beside another
	// call, and OffPath their number.
	OffPath             uint64
	MinSlack, MeanSlack time.Duration

	// Suppressed counts the failed calls whose caller's request succeeded, and SuppressedTime is
	// their time on the path.
	Suppressed     uint64
	SuppressedTime time.Duration

	Slowest []Exemplar // at most 3 traces, those with the most time in these calls first
}

// An Exemplar is a trace with the time on its path in the calls of an edge.
type Exemplar struct {
	TraceID servicegraph.TraceID
	Time    time.Duration
}

// An Answer is the answer to a what-if question, by entry, in the order of Report.Entries.
type Answer struct {
	Change
	Entries []Saving
}

// A Saving is what a change saves of the duration of the requests of an entry. Each is at least 0.
type Saving struct {
	Node           servicegraph.NodeID
	Operation      string
	Mean, P50, P95 time.Duration
}

// A Stack is a stack of operations from a root to a span, with semicolons between them, for flame
// graphs, and the time on the path in which requests waited for that span.
type Stack struct {
	Text string
	Time time.Duration
}

// A cell is a bucket of the durations of the requests of one entry.
type cell struct {
	entry  operation
	bucket int
}

// An entrySum is the durations of the requests of an entry, and those after each change.
type entrySum struct {
	requests uint64
	total    int64
	took     histogram.Histogram
	after    []histogram.Histogram
	saved    []int64
}

// A callSum is what is known of a call so far.
type callSum struct {
	time           map[cell]int64
	traces         uint64
	network        int64
	offPath        uint64
	slack, least   int64
	suppressed     uint64
	suppressedTime int64
	slowest        []Exemplar
}

// sums are the sums of a collector.
type sums struct {
	spans, late, early, traces, rootless uint64
	folded, sampled                      uint64
	changes                              int
	limit                                int   // of entries, and of operations
	other                                int32 // the name of those beyond the limit
	entries                              map[operation]*entrySum
	operations                           map[operation]map[cell]int64
	calls                                map[call]*callSum
	stackOf                              map[stackNode]int32
	stackNodes                           []stackNode // by number; otherStack comes first
	stackTime                            []int64     // by number
}

func (s *sums) init(changes, limit int, other int32) {
	*s = sums{
		changes: changes, limit: limit, other: other, entries: make(map[operation]*entrySum), operations: make(map[operation]map[cell]int64),
		calls: make(map[call]*callSum), stackOf: make(map[stackNode]int32), stackNodes: make([]stackNode, 1), stackTime: make([]int64, 1),
	}
}

// bucket counts a request, and returns the cell of its duration.
func (s *sums) bucket(entry operation, took int64) cell {
	e := s.entries[entry]
	if e == nil && len(s.entries) >= s.limit {
		s.folded++
		entry.name = s.other
		e = s.entries[entry]
	}
	if e == nil {
		e = &entrySum{after: make([]histogram.Histogram, s.changes), saved: make([]int64, s.changes)}
		s.entries[entry] = e
	}
	e.requests++
	e.total += took
	b := histogram.Bucket(took)
	e.took.Add(b, 1)
	return cell{entry, b}
}

func (s *sums) replayed(change int, entry operation, took int64) {
	e := s.entries[entry]
	e.after[change].Add(histogram.Bucket(took), 1)
	e.saved[change] += took
}

func (s *sums) operation(o operation, q cell, took int64) {
	cells := s.operations[o]
	if cells == nil && len(s.operations) >= 5*s.limit {
		s.folded++
		o.name = s.other
		cells = s.operations[o]
	}
	if cells == nil {
		cells = make(map[cell]int64)
		s.operations[o] = cells
	}
	cells[q] += took
}

func (s *sums) of(k call) *callSum {
	c := s.calls[k]
	if c == nil {
		c = &callSum{time: make(map[cell]int64), least: math.MaxInt64}
		s.calls[k] = c
	}
	return c
}

func (s *sums) call(k call, q cell, took int64, id servicegraph.TraceID) {
	c := s.of(k)
	c.time[q] += took
	c.traces++
	c.keep(Exemplar{id, time.Duration(took)})
}

// merge adds the sums of another call.
func (c *callSum) merge(o *callSum) {
	for q, took := range o.time {
		c.time[q] += took
	}
	c.traces += o.traces
	c.network += o.network
	c.offPath += o.offPath
	c.slack += o.slack
	c.least = min(c.least, o.least)
	c.suppressed += o.suppressed
	c.suppressedTime += o.suppressedTime
	for _, x := range o.slowest {
		c.keep(x)
	}
}

// keep keeps an exemplar if it is one of the slowest.
func (c *callSum) keep(x Exemplar) {
	i, _ := slices.BinarySearchFunc(c.slowest, x, func(a, b Exemplar) int {
		return cmp.Or(cmp.Compare(b.Time, a.Time), slices.Compare(a.TraceID[:], b.TraceID[:]))
	})
	c.slowest = slices.Insert(c.slowest, i, x)
	c.slowest = c.slowest[:min(len(c.slowest), maxExemplars)]
}

// known returns the service that has the name of a peer, or the node itself: a call to a service
// whose span is missing is a call to the service.
func (c *Collector) known(node int32) int32 {
	id := c.nodes[node]
	if id.Type == servicegraph.TypeExternal {
		id.Type = servicegraph.TypeService
		if service, ok := c.nodeIndex[id]; ok {
			return service
		}
	}
	return node
}

func (s *sums) network(k call, took int64)        { s.of(k).network += took }
func (s *sums) suppressedTime(k call, took int64) { s.of(k).suppressedTime += took }
func (s *sums) suppressedError(k call)            { s.of(k).suppressed++ }

func (s *sums) slack(k call, slack int64) {
	c := s.of(k)
	c.offPath++
	c.slack += slack
	c.least = min(c.least, slack)
}

// quantile returns a quantile of a histogram, within 0.8 %, and its bucket.
func quantile(h *histogram.Histogram, count uint64, q float64) (time.Duration, int) {
	rank, seen, last := q*float64(count), 0.0, 0
	for b, weight := range h.All() {
		last = b
		if seen += weight; seen >= rank {
			break
		}
	}
	return time.Duration(histogram.Middle(last)), last
}

// report makes a report of the sums.
func (c *Collector) report() Report {
	s := &c.sums
	r := Report{Traces: s.traces - s.rootless, Rootless: s.rootless, Spans: s.spans, Late: s.late, Early: s.early, Folded: s.folded, Sampled: s.sampled}
	compare := func(a, b operation) int {
		return cmp.Or(c.compareNodes(a.node, b.node), cmp.Compare(c.names[a.name], c.names[b.name]))
	}
	slow := make(map[operation]int) // the first bucket of slow requests, by entry
	entries := sortedBy(s.entries, func(a, b operation) int {
		return cmp.Or(cmp.Compare(s.entries[b].total, s.entries[a].total), compare(a, b))
	})
	for _, id := range entries {
		e := s.entries[id]
		p50, _ := quantile(&e.took, e.requests, 0.5)
		p95, _ := quantile(&e.took, e.requests, 0.95)
		_, from := quantile(&e.took, e.requests, c.cfg.Percentile/100)
		p99, _ := quantile(&e.took, e.requests, 0.99)
		slow[id] = from
		r.Time += time.Duration(e.total)
		r.Entries = append(r.Entries, Entry{c.nodes[id.node], c.names[id.name], e.requests, Times{All: time.Duration(e.total)}, p50, p95, p99})
	}
	times := func(cells map[cell]int64) (t Times) {
		for q, took := range cells {
			t.All += time.Duration(took)
			if q.bucket >= slow[q.entry] {
				t.Slow += time.Duration(took)
			}
		}
		return t
	}
	nodes := make(map[int32]Times)
	slowOf := make(map[operation]time.Duration)
	operations := make(map[operation]map[cell]int64)
	for o, cells := range s.operations {
		o.node = c.known(o.node)
		if operations[o] == nil {
			operations[o] = make(map[cell]int64)
		}
		for q, took := range cells {
			operations[o][q] += took
		}
	}
	for o, cells := range operations {
		t := times(cells)
		sum := nodes[o.node]
		nodes[o.node] = Times{sum.All + t.All, sum.Slow + t.Slow}
		r.Operations = append(r.Operations, Operation{c.nodes[o.node], c.names[o.name], t})
		for q, took := range cells {
			if q.bucket >= slow[q.entry] {
				slowOf[q.entry] += time.Duration(took)
			}
		}
	}
	for i, id := range entries {
		r.Entries[i].Time.Slow = slowOf[id]
	}
	slices.SortFunc(r.Operations, func(a, b Operation) int {
		return cmp.Or(cmp.Compare(b.Time.All, a.Time.All), a.Node.Compare(b.Node), cmp.Compare(a.Name, b.Name))
	})
	for _, n := range sortedBy(nodes, func(a, b int32) int {
		return cmp.Or(cmp.Compare(nodes[b].All, nodes[a].All), c.compareNodes(a, b))
	}) {
		r.Nodes = append(r.Nodes, NodeTime{c.nodes[n], nodes[n]})
	}
	calls := make(map[call]*callSum)
	for k, sum := range s.calls {
		k.from, k.to = c.known(k.from), c.known(k.to)
		if calls[k] == nil {
			calls[k] = &callSum{time: make(map[cell]int64), least: math.MaxInt64}
		}
		calls[k].merge(sum)
	}
	for k, sum := range calls {
		t := CallTime{
			From: c.nodes[k.from], To: c.nodes[k.to], Time: times(sum.time), Traces: sum.traces, Network: time.Duration(sum.network),
			OffPath: sum.offPath, Suppressed: sum.suppressed, SuppressedTime: time.Duration(sum.suppressedTime), Slowest: sum.slowest,
		}
		if sum.offPath > 0 {
			t.MinSlack, t.MeanSlack = time.Duration(sum.least), time.Duration(sum.slack/int64(sum.offPath))
		}
		r.Calls = append(r.Calls, t)
	}
	slices.SortFunc(r.Calls, func(a, b CallTime) int {
		return cmp.Or(cmp.Compare(b.Time.All, a.Time.All), a.From.Compare(b.From), a.To.Compare(b.To))
	})
	for i, change := range c.cfg.Changes {
		answer := Answer{Change: change}
		for _, id := range entries {
			e := s.entries[id]
			saving := Saving{Node: c.nodes[id.node], Operation: c.names[id.name], Mean: max(0, time.Duration((e.total-e.saved[i])/int64(e.requests)))}
			for _, q := range []struct {
				at float64
				to *time.Duration
			}{{0.5, &saving.P50}, {0.95, &saving.P95}} {
				before, _ := quantile(&e.took, e.requests, q.at)
				after, _ := quantile(&e.after[i], e.requests, q.at)
				*q.to = max(0, before-after)
			}
			answer.Entries = append(answer.Entries, saving)
		}
		r.Answers = append(r.Answers, answer)
	}
	for i, took := range s.stackTime {
		if took > 0 {
			r.Stacks = append(r.Stacks, Stack{c.stackText(int32(i)), time.Duration(took)})
		}
	}
	slices.SortFunc(r.Stacks, func(a, b Stack) int { return cmp.Or(cmp.Compare(a.Text, b.Text), cmp.Compare(a.Time, b.Time)) })
	return r
}
