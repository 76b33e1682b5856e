package pairing

import (
	"cmp"
	"slices"

	"github.com/tempograph/tempograph/servicegraph/internal/trace"
)

// pairedCalls adds the calls that have a callee span.
func (p *Pairer) pairedCalls() {
	for _, i := range p.lone {
		p.calleeAlone(i)
	}
	for _, i := range p.callers {
		if p.state[i].callee < 0 {
			continue
		}
		p.group = p.group[:0]
		for c := p.state[i].callee; c >= 0; c = p.state[c].also {
			p.group = append(p.group, c)
		}
		if len(p.group) > 1 {
			p.group = p.withoutTaken(i, p.withoutTwins(i, p.group))
		}
		p.callGroups(i)
	}
}

// calleeAlone adds the call to callee span i from the service of its parent, which has no
// caller span for it.
func (p *Pairer) calleeAlone(i int32) {
	server, parent := &p.spans[i], p.parent[i]
	call := Call{
		From: p.spans[parent].Node, To: server.Node, Caller: -1, Callee: i, Source: -1,
		Kind: p.kind(-1, i), Evidence: ByCallee, Flags: PerTrace,
	}
	if call.Kind == Request && server.Failed() && p.recovered(parent) {
		call.Flags |= Recovered
	}
	p.calls = append(p.calls, call)
}

// callGroups adds the calls from caller span i to the callee spans in p.group. The callee spans of
// one node and kind form a group (docs/semantics.md F1 to F3, M1).
func (p *Pairer) callGroups(i int32) {
	caller := p.attribute(i, Paired)
	if len(p.group) == 1 {
		queue := trace.Node(0)
		if p.kind(caller, p.group[0]) == Message { // most calls are requests
			queue = p.queueBetween(i, p.group)
		}
		p.call(caller, i, queue, p.group)
		return
	}
	queue := p.queueBetween(i, p.group)
	same := func(a, b int32) int {
		return cmp.Or(
			cmp.Compare(p.spans[a].Node, p.spans[b].Node),
			cmp.Compare(p.kind(caller, a), p.kind(caller, b)),
		)
	}
	slices.SortFunc(p.group, same)
	for rest := p.group; len(rest) > 0; {
		n := 1
		for n < len(rest) && same(rest[0], rest[n]) == 0 {
			n++
		}
		p.call(caller, i, queue, rest[:n])
		rest = rest[n:]
	}
}

// kind returns the kind of the call from a caller span to a callee span. caller is -1 if there is
// no caller span.
func (p *Pairer) kind(caller, callee int32) Kind {
	if p.spans[callee].Kind == trace.Consumer || caller >= 0 && p.spans[caller].Kind == trace.Producer {
		return Message
	}
	return Request
}

// call adds the calls from caller span i to callee spans of one node and kind. queue is the queue
// of the messages, or 0. The span caller stands for the calls and gives their latency.
func (p *Pairer) call(caller, i int32, queue trace.Node, callees []int32) {
	kind := p.kind(caller, callees[0])
	if kind != Message {
		queue = 0
	}
	if queue != 0 && p.cfg.QueueNodes {
		p.throughQueue(caller, queue, callees)
		return
	}
	client := &p.spans[caller]
	again := Flags(0)
	source := p.source(i)
	for _, c := range callees {
		server := &p.spans[c]
		flags := PerTrace | again
		switch {
		case kind == Message: // each message has its own queue time
			flags |= HasGap
		default:
			if again == 0 && p.isOnlyCallee(c) {
				flags |= HasGap
			}
			if isOutside(client, server) {
				flags |= Skewed
			}
			if (client.Failed() || server.Failed()) && p.recovered(caller) {
				flags |= Recovered
			}
		}
		again = Again
		p.calls = append(p.calls, Call{
			From: p.spans[i].Node, To: server.Node, Caller: caller, Callee: c, Source: source,
			Queue: queue, Kind: kind, Evidence: Both, Flags: flags,
		})
	}
}

// source returns the span that has the address and the details of the call of caller span i. It is
// i itself, unless i is a span of a hidden service and has neither. Then it is the nearest span
// around i that has them.
func (p *Pairer) source(i int32) int32 {
	for s := i; p.passage(s) == trace.Through && p.spans[s].Address == 0 && p.spans[s].Peer == 0; {
		if s = p.state[s].within; s < 0 {
			return i
		}
		if p.passage(s) != trace.Through {
			return s
		}
	}
	return i
}

// isOutside reports whether the clock of the callee puts it outside the time of its caller.
func isOutside(client, server *trace.Span) bool {
	_, ok1 := client.Duration()
	_, ok2 := server.Duration()
	return ok1 && ok2 && (server.Start < client.Start || server.End > client.End)
}

// throughQueue adds the messages from a caller span to callee spans with the queue as a node
// between the two sides. The caller span has one call to the queue.
func (p *Pairer) throughQueue(caller int32, queue trace.Node, callees []int32) {
	if state := &p.state[caller]; !state.queued {
		state.queued = true
		p.calls = append(p.calls, Call{
			From: p.spans[caller].Node, To: queue, Caller: caller, Callee: -1, Source: -1, Kind: Message, Evidence: ByCaller,
		})
	}
	for _, c := range callees {
		p.calls = append(p.calls, Call{
			From: queue, To: p.spans[c].Node, Caller: -1, Callee: c, Source: -1, Kind: Message, Evidence: ByCallee,
		})
	}
}

// queueBetween returns the queue that a message from caller span i went through, 0 if no span names
// one. The name that the caller gives takes precedence, unless it is the name of a broker. If
// consumers give several names, queueBetween returns the first in the order of nodes.
func (p *Pairer) queueBetween(i int32, callees []int32) trace.Node {
	var broker trace.Node
	for _, c := range [...]int32{i, p.state[i].outer} {
		switch q := p.queue(c); {
		case q == 0:
		case p.spans[c].Is(trace.PeerIsName):
			broker = q
		default:
			return q
		}
	}
	var best trace.Node
	for _, c := range callees {
		q := p.queue(c)
		if p.spans[c].Kind == trace.Consumer && q != 0 && (best == 0 || p.cfg.CompareNodes(q, best) < 0) {
			best = q
		}
	}
	return cmp.Or(best, broker)
}
