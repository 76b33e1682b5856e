package critpath

import (
	"slices"
	"strings"

	"github.com/tempograph/tempograph/servicegraph"
)

// A frame is a span that the walk has entered and not left yet.
type frame struct {
	span       int32
	start, end int64 // the time in common with the parent
	at         int64 // the time that the walk has reached
	next       int   // index in children of the next candidate
	chosen     int64 // the end of the last child that was on the path
}

// A walker receives what a walk finds, from the end of the trace to its start.
type walker interface {
	enter(span int32, took int64)    // the path enters a span, which takes the time took of the path
	leave(span int32)                // the path leaves a span
	wait(span int32, from, to int64) // the trace waits for the span itself
	skip(span int32, slack int64)    // a child that its parent did not wait for, because another child ended later
}

// walk finds the path below the root.
func (t *tree) walk(w walker) {
	var stack []frame
	enter := func(i int32, start, end int64) {
		w.enter(i, end-start)
		stack = append(stack, frame{span: i, start: start, end: end, at: end})
	}
	wait := func(i int32, from, to int64) {
		if from < to {
			w.wait(i, from, to)
		}
	}
	enter(t.root, t.spans[t.root].start, t.spans[t.root].end)
	for len(stack) > 0 {
		f := &stack[len(stack)-1]
		if f.next == len(t.children[f.span]) {
			wait(f.span, f.start, f.at)
			w.leave(f.span)
			stack = stack[:len(stack)-1]
			continue
		}
		c := t.children[f.span][f.next]
		f.next++
		s := &t.spans[c]
		start, end := max(s.start, f.start), min(s.end, f.end)
		switch {
		case start >= end:
		case end > f.at:
			w.skip(c, f.chosen-end)
		default:
			wait(f.span, end, f.at)
			f.at, f.chosen = start, end
			enter(c, start, end)
		}
	}
}

// A summing is a walk that adds the path of one trace to the sums.
type summing struct {
	*Collector
	*tree
	cell       cell
	suppressed []bool
	active     map[call]int // how many entered spans of the path begin the call
	on         map[call]int64
	stacks     []int32 // of the spans that are entered
}

func (s *summing) enter(i int32, took int64) {
	s.stacks = append(s.stacks, s.Collector.stack(s.stacks, s.nodeOf(i), s.spans[i].name))
	if k, ok := s.callOf(i); ok {
		if s.active[k]++; s.active[k] == 1 { // time in a call within the same call counts once
			s.on[k] += took
			if s.suppressed[i] {
				s.sums.suppressedTime(k, took)
			}
		}
	}
}

func (s *summing) leave(i int32) {
	s.stacks = s.stacks[:len(s.stacks)-1]
	if k, ok := s.callOf(i); ok {
		s.active[k]--
	}
}

func (s *summing) wait(i int32, from, to int64) {
	took, span := to-from, &s.spans[i]
	s.sums.operation(operation{s.nodeOf(i), span.name}, s.cell, took)
	s.sums.stacks[s.stacks[len(s.stacks)-1]].time += took
	if span.caller && s.callees[i] {
		if k, ok := s.callOf(i); ok {
			s.sums.network(k, took)
		}
	}
}

func (s *summing) skip(i int32, slack int64) {
	if k, ok := s.callOf(i); ok {
		s.sums.slack(k, slack)
	}
}

// path adds the path of one trace to the sums.
func (c *Collector) path(id servicegraph.TraceID, spans []span) {
	t := newTree(spans)
	c.sums.traces++
	if t.root < 0 {
		c.sums.rootless++
		return
	}
	root := &t.spans[t.root]
	cell := c.sums.bucket(operation{root.service, root.name}, root.end-root.start)
	s := &summing{
		Collector: c, tree: t, cell: cell,
		suppressed: t.suppressed(), active: make(map[call]int), on: make(map[call]int64),
	}
	t.walk(s)
	for k, took := range s.on {
		c.sums.call(k, s.cell, took, id)
	}
	for i := range s.suppressed {
		if k, ok := t.callOf(int32(i)); ok && s.suppressed[i] {
			c.sums.suppressedError(k)
		}
	}
	for i := range c.cfg.Changes {
		c.sums.replayed(i, cell.entry, t.replay(c.change(i)))
	}
}

// A call is a pair of caller and callee; an operation is a node with the name of a span.
type (
	call      struct{ from, to int32 }
	operation struct{ node, name int32 }
)

// nodeOf returns the node to which the self time of a span counts: its service, or the peer of a
// call without a callee span.
func (t *tree) nodeOf(i int32) int32 {
	s := &t.spans[i]
	if s.caller && s.peer >= 0 && !t.callees[i] {
		return s.peer
	}
	return s.service
}

// callOf returns the call that a span begins. A span begins a call if it is a caller span with a
// callee span or a peer, or if its parent is a span of another service that is not a caller span.
func (t *tree) callOf(i int32) (call, bool) {
	s := &t.spans[i]
	switch {
	case s.caller && t.callees[i]:
		if c := t.callee[i]; c >= 0 {
			return call{s.service, t.spans[c].service}, true
		}
		return call{}, false // a message
	case s.caller && s.peer >= 0:
		return call{s.service, s.peer}, true
	}
	if p := t.parent[i]; p >= 0 && t.spans[p].service != s.service && !t.spans[p].caller {
		return call{t.spans[p].service, s.service}, true
	}
	return call{}, false
}

// suppressed reports for each span below the root whether it is a failed call in a request that
// succeeded. The request is the nearest span above the call that is a root or that another service
// called.
func (t *tree) suppressed() []bool {
	out, request := make([]bool, len(t.spans)), make([]int32, len(t.spans))
	for _, i := range t.order { // parents first
		p := t.parent[i]
		request[i] = i
		if p >= 0 && i != t.root && t.spans[p].service == t.spans[i].service {
			request[i] = request[p]
		}
		if _, ok := t.callOf(i); ok && i != t.root && t.failed(i) {
			out[i] = !t.spans[request[p]].failed
		}
	}
	return out
}

// failed reports whether a call failed on either side.
func (t *tree) failed(i int32) bool {
	return t.spans[i].failed || t.spans[i].caller && t.failing[i]
}

// maxDepth is the largest depth of a stack. Deeper spans count to the stack of the span above them.
const maxDepth = 128

// A stackNode is a stack: the stack of the span above, and the operation of the span.
type stackNode struct {
	above int32 // -1 for a root
	of    operation
}

// A stackSum is a stack with the time in which requests waited for it, and about how many bytes its
// text has.
type stackSum struct {
	node stackNode
	time int64
	size int
}

// otherStack is the stack of all spans beyond the limit on stacks.
const otherStack = 0

// stack returns the number of the stack of a span below the spans whose stacks are given.
func (c *Collector) stack(entered []int32, node, name int32) int32 {
	above := int32(-1)
	if len(entered) > 0 {
		above = entered[len(entered)-1]
	}
	if above == otherStack || len(entered) >= maxDepth {
		return above
	}
	key := stackNode{above, operation{node, name}}
	i, ok := c.sums.stackOf[key]
	if !ok {
		id := c.nodes[node]
		size := len(id.Namespace) + len(id.Name) + len(c.names[name]) + 3
		if above >= 0 {
			size += c.sums.stacks[above].size
		}
		if len(c.sums.stacks) > c.cfg.Stacks || c.sums.stackBytes+size > maxStackBytes {
			return otherStack
		}
		i = int32(len(c.sums.stacks))
		c.sums.stackBytes += size
		c.sums.stacks = append(c.sums.stacks, stackSum{node: key, size: size})
		c.sums.stackOf[key] = i
	}
	return i
}

// stackText returns the text of a stack.
func (c *Collector) stackText(i int32) string {
	if i == otherStack {
		return "other"
	}
	var frames []string
	for ; i >= 0; i = c.sums.stacks[i].node.above {
		of := c.sums.stacks[i].node.of
		text := strings.TrimSpace(c.nodes[c.known(of.node)].String() + " " + c.names[of.name])
		frames = append(frames, strings.NewReplacer(";", ",", "\n", " ", "\r", " ").Replace(text))
	}
	slices.Reverse(frames)
	return strings.Join(frames, ";")
}
