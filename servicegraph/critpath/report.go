package critpath

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/tempograph/tempograph/servicegraph"
)

// A Report is the sum of the critical paths of traces.
type Report struct {
	Traces   uint64 // with a path
	Rootless uint64 // traces without a finished root: they have no path
	Spans    uint64 // that were added
	Late     uint64 // spans that came after their trace was finished early: they are on no path
	Early    uint64 // traces that were finished early because too many spans were held
	Sampled  uint64 // spans with a sampling weight other than 1: each trace counts once all the same
	Folded   uint64 // how often a name, a node or a call beyond a limit counted as "other"
	Cut      uint64 // how often a name was cut to 1 KiB
	Coarse   uint64 // how often a sum beyond Config.Sums was not kept apart: then percentiles and Times.Slow are approximate

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

// An Answer is the answer to a what-if question, by entry, in the order of Report.Entries. Its node has a
// type, unless no span named such a node.
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

// report makes a report of the sums.
func (c *Collector) report() Report {
	s := &c.sums
	r := Report{Traces: s.traces - s.rootless, Rootless: s.rootless, Spans: s.spans, Late: s.late, Early: s.early, Folded: s.folded, Cut: s.cut, Coarse: s.coarse, Sampled: s.sampled}
	compare := func(a, b operation) int {
		return cmp.Or(c.compareNodes(a.node, b.node), cmp.Compare(c.names[a.name], c.names[b.name]))
	}
	entries := slices.Clone(s.entries)
	slices.SortFunc(entries, func(a, b *entrySum) int {
		return cmp.Or(cmp.Compare(b.total, a.total), compare(a.of, b.of))
	})
	slow := make([]int32, len(s.entries)) // by the index of a cell: the first bucket of slow requests
	for _, e := range entries {
		p50, _ := e.took.quantile(e.requests, 0.5)
		p95, _ := e.took.quantile(e.requests, 0.95)
		_, slow[e.index] = e.took.quantile(e.requests, c.cfg.Percentile/100)
		p99, _ := e.took.quantile(e.requests, 0.99)
		r.Time += time.Duration(e.total)
		r.Entries = append(r.Entries, Entry{c.nodes[e.of.node], c.names[e.of.name], e.requests, Times{All: time.Duration(e.total)}, p50, p95, p99})
	}
	isSlow := func(q cell) bool { return q != anyRequest && q.bucket >= slow[q.entry] }
	times := func(cells map[cell]int64) (t Times) {
		for q, took := range cells {
			t.All += time.Duration(took)
			if isSlow(q) {
				t.Slow += time.Duration(took)
			}
		}
		return t
	}
	nodes := make(map[int32]Times)
	slowOf := make([]time.Duration, len(s.entries))
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
			if isSlow(q) {
				slowOf[q.entry] += time.Duration(took)
			}
		}
	}
	for i, e := range entries {
		r.Entries[i].Time.Slow = slowOf[e.index]
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
		if node := c.changed[i]; node >= 0 {
			change.Node = c.nodes[node]
		}
		answer := Answer{Change: change}
		for _, e := range entries {
			saving := Saving{Node: c.nodes[e.of.node], Operation: c.names[e.of.name], Mean: max(0, time.Duration((e.total-e.saved[i])/int64(e.requests)))}
			for _, q := range []struct {
				at float64
				to *time.Duration
			}{{0.5, &saving.P50}, {0.95, &saving.P95}} {
				before, _ := e.took.quantile(e.requests, q.at)
				after, _ := e.after[i].quantile(e.requests, q.at)
				*q.to = max(0, before-after)
			}
			answer.Entries = append(answer.Entries, saving)
		}
		r.Answers = append(r.Answers, answer)
	}
	for i, stack := range s.stacks {
		if stack.time > 0 {
			r.Stacks = append(r.Stacks, Stack{c.stackText(int32(i)), time.Duration(stack.time)})
		}
	}
	slices.SortFunc(r.Stacks, func(a, b Stack) int { return cmp.Or(cmp.Compare(a.Text, b.Text), cmp.Compare(a.Time, b.Time)) })
	return r
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
