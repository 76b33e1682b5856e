package critpath

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/tempograph/tempograph/servicegraph"
)

// report makes a report of the sums.
func (c *Collector) report() Report {
	s := &c.sums
	r := reporter{Collector: c, slow: make([]int32, len(s.entries)), slowOf: make([]time.Duration, len(s.entries)), report: Report{
		Traces: s.traces - s.rootless, Rootless: s.rootless, Spans: s.spans, Late: s.late, Early: s.early, Folded: s.folded, LongNames: s.longNames, Coarse: s.coarse, Sampled: s.sampled,
	}}
	r.entries = slices.Clone(s.entries)
	slices.SortFunc(r.entries, func(a, b *entrySum) int {
		return cmp.Or(cmp.Compare(b.total, a.total), c.compareNodes(a.of.node, b.of.node), cmp.Compare(c.names[a.of.name], c.names[b.of.name]))
	})
	r.addEntries()
	r.addNodes(r.addOperations())
	r.addCalls()
	r.addAnswers()
	r.addStacks()
	return r.report
}

// A reporter makes a report of the sums of a collector.
type reporter struct {
	*Collector
	report  Report
	entries []*entrySum     // in the order of Report.Entries
	slow    []int32         // by the index of an entry: the first bucket of slow requests
	slowOf  []time.Duration // by the index of an entry: the time of slow requests
}

// addEntries adds the entries, without the time of slow requests.
func (r *reporter) addEntries() {
	for _, e := range r.entries {
		p50, _ := e.took.quantile(e.requests, 0.5)
		p95, _ := e.took.quantile(e.requests, 0.95)
		_, r.slow[e.index] = e.took.quantile(e.requests, r.cfg.Percentile/100)
		p99, _ := e.took.quantile(e.requests, 0.99)
		r.report.Time += time.Duration(e.total)
		r.report.Entries = append(r.report.Entries, Entry{r.nodes[e.of.node], r.names[e.of.name], e.requests, Times{All: time.Duration(e.total)}, p50, p95, p99})
	}
}

// isSlow reports whether the requests of a cell are slow.
func (r *reporter) isSlow(q cell) bool { return q != anyRequest && q.bucket >= r.slow[q.entry] }

// times returns the time of cells.
func (r *reporter) times(cells map[cell]int64) (t Times) {
	for q, took := range cells {
		t.All += time.Duration(took)
		if r.isSlow(q) {
			t.Slow += time.Duration(took)
		}
	}
	return t
}

// addOperations adds the operations, and the time of slow requests to the entries. It returns the
// times of the nodes.
func (r *reporter) addOperations() map[int32]Times {
	nodes := make(map[int32]Times)
	for o, cells := range r.operationsOfServices() {
		t := r.times(cells)
		sum := nodes[o.node]
		nodes[o.node] = Times{sum.All + t.All, sum.Slow + t.Slow}
		r.report.Operations = append(r.report.Operations, Operation{r.nodes[o.node], r.names[o.name], t})
		for q, took := range cells {
			if r.isSlow(q) {
				r.slowOf[q.entry] += time.Duration(took)
			}
		}
	}
	for i, e := range r.entries {
		r.report.Entries[i].Time.Slow = r.slowOf[e.index]
	}
	slices.SortFunc(r.report.Operations, func(a, b Operation) int {
		return cmp.Or(cmp.Compare(b.Time.All, a.Time.All), a.Node.Compare(b.Node), cmp.Compare(a.Name, b.Name))
	})
	return nodes
}

// operationsOfServices returns the sums of the operations. The sums of a peer that has the name of
// a service count for the service.
func (r *reporter) operationsOfServices() map[operation]map[cell]int64 {
	operations := make(map[operation]map[cell]int64)
	for o, cells := range r.sums.operations {
		o.node = r.known(o.node)
		if operations[o] == nil {
			operations[o] = make(map[cell]int64)
		}
		for q, took := range cells {
			operations[o][q] += took
		}
	}
	return operations
}

func (r *reporter) addNodes(nodes map[int32]Times) {
	for _, n := range sortedBy(nodes, func(a, b int32) int {
		return cmp.Or(cmp.Compare(nodes[b].All, nodes[a].All), r.compareNodes(a, b))
	}) {
		r.report.Nodes = append(r.report.Nodes, NodeTime{r.nodes[n], nodes[n]})
	}
}

func (r *reporter) addCalls() {
	calls := make(map[call]*callSum)
	for k, sum := range r.sums.calls {
		k.from, k.to = r.known(k.from), r.known(k.to)
		if calls[k] == nil {
			calls[k] = &callSum{time: make(map[cell]int64), least: math.MaxInt64}
		}
		calls[k].merge(sum)
	}
	for k, sum := range calls {
		t := CallTime{
			From: r.nodes[k.from], To: r.nodes[k.to], Time: r.times(sum.time), Traces: sum.traces, Network: time.Duration(sum.network),
			OffPath: sum.offPath, Suppressed: sum.suppressed, SuppressedTime: time.Duration(sum.suppressedTime), Slowest: sum.slowest,
		}
		if sum.offPath > 0 {
			t.MinSlack, t.MeanSlack = time.Duration(sum.least), time.Duration(sum.slack/int64(sum.offPath))
		}
		r.report.Calls = append(r.report.Calls, t)
	}
	slices.SortFunc(r.report.Calls, func(a, b CallTime) int {
		return cmp.Or(cmp.Compare(b.Time.All, a.Time.All), a.From.Compare(b.From), a.To.Compare(b.To))
	})
}

// addAnswers adds the answers to the what-if questions.
func (r *reporter) addAnswers() {
	for i, change := range r.cfg.Changes {
		if node := r.changed[i]; node >= 0 {
			change.Node = r.nodes[node]
		}
		answer := Answer{Change: change}
		for _, e := range r.entries {
			saved := func(q float64) time.Duration {
				before, _ := e.took.quantile(e.requests, q)
				after, _ := e.after[i].quantile(e.requests, q)
				return max(0, before-after)
			}
			answer.Entries = append(answer.Entries, Saving{
				Node: r.nodes[e.of.node], Operation: r.names[e.of.name],
				Mean: max(0, time.Duration((e.total-e.saved[i])/int64(e.requests))), P50: saved(0.5), P95: saved(0.95),
			})
		}
		r.report.Answers = append(r.report.Answers, answer)
	}
}

func (r *reporter) addStacks() {
	for i, stack := range r.sums.stacks {
		if stack.time > 0 {
			r.report.Stacks = append(r.report.Stacks, Stack{r.stackText(int32(i)), time.Duration(stack.time)})
		}
	}
	slices.SortFunc(r.report.Stacks, func(a, b Stack) int { return cmp.Or(cmp.Compare(a.Text, b.Text), cmp.Compare(a.Time, b.Time)) })
}

// known returns the service that has the name of a peer, or else the node itself: a call to a
// service counts for the service even if the span of the service is missing.
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
