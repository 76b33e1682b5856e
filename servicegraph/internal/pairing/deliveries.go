package pairing

import (
	"cmp"
	"slices"

	"github.com/tempograph/tempograph/servicegraph/internal/trace"
)

// One delivery of a message can have several spans of the service that receives it: a span that takes
// the message from the queue, and inside it a span that handles the message. Links can tell that they
// belong to one message, or the parents alone (docs/semantics.md M10).

// handOver makes the spans that handle a message stand for the delivery in place of the span around
// them that only took the message from the queue, or, if a span that handles the message failed, in
// place of the span around it that is neither SERVER nor CONSUMER. If the span around failed, it
// stands for the delivery itself, so that the failure shows. Of several spans that handle messages in
// one such span, the first that failed stands for the delivery, or else the first.
func (p *Pairer) handOver() {
	outermost := make(map[int32]int32) // by span that receives messages: the outermost span of its delivery; -1 if the span, or a span around it, handles the message
	handlers := make(map[int32][]int32)
	for _, i := range p.inner { // parents first
		r := p.receiver(i)
		top, known := outermost[r]
		if !known {
			top = -1
			if p.takes(r) || !p.spans[r].Kind.Serves() {
				top = r
			}
		}
		switch {
		case p.takes(i):
			outermost[i] = top
		default:
			outermost[i] = -1
			if top >= 0 && len(p.targets[i]) == 0 { // otherwise span i handles messages of its own
				handlers[top] = append(handlers[top], i)
			}
		}
	}
	for top, all := range handlers {
		if p.handOverEach(top, all) {
			continue
		}
		if h := p.firstHandler(all); p.handsOver(top, h, len(all)) {
			if p.handler == nil {
				p.handler = make(map[int32]int32)
			}
			p.handler[top] = h
			p.replaceReceiver(top, h)
		}
	}
	if len(p.handler) == 0 {
		return
	}
	for i := range p.calls {
		if c := &p.calls[i]; c.Callee >= 0 {
			if h, ok := p.handler[c.Callee]; ok {
				c.Callee = h
			}
		}
	}
}

// handOverEach makes the spans that failed to handle a message stand for deliveries of span top around
// them, which has links to several messages and took them from the queue. The spans inside have no links:
// each stands for the message at its own position if there are as many spans as messages, and otherwise
// for the first message that is left. handOverEach returns false if top has at most one message, or if at
// most one span inside handles messages.
func (p *Pairer) handOverEach(top int32, handlers []int32) bool {
	if len(p.targets[top]) < 2 || len(handlers) < 2 {
		return false
	}
	messages := p.messages(top)
	if p.spans[top].Failed() || len(messages) < 2 || p.state[top].isCallee && p.kind(p.state[p.callerOf(top)].outer, top) != Message {
		return true
	}
	slices.SortFunc(handlers, p.compareTimes)
	left, next := make([]trace.Link, 0, len(messages)), 0
	given := make([]bool, len(messages))
	for n, h := range handlers {
		if !p.spans[h].Failed() || next == len(messages) {
			continue
		}
		at := next
		if len(handlers) == len(messages) {
			at = n
		}
		next++
		given[at] = true
		p.targets[h] = []trace.Link{messages[at]}
		p.state[h].isRequest = true
		p.takePeer(h, top)
	}
	for n, message := range messages {
		if !given[n] {
			left = append(left, message)
		}
	}
	if p.targets[top] = left; len(left) > 0 {
		return true
	}
	delete(p.targets, top)
	if state := &p.state[top]; !state.isCallee {
		state.isRequest, state.isEntry, state.outcome = false, false, Nested
	}
	return true
}

// messages returns the messages to which span i has links, each once, in the order of the links. If
// several spans share the id of span i, the order is that of the ids.
func (p *Pairer) messages(i int32) (once []trace.Link) {
	seen := make(map[trace.Link]bool, len(p.targets[i]))
	for _, target := range p.targets[i] {
		if !seen[target] {
			seen[target] = true
			once = append(once, target)
		}
	}
	if p.tree.IsRetried(i) {
		slices.SortFunc(once, func(a, b trace.Link) int {
			return cmp.Or(slices.Compare(a.Trace[:], b.Trace[:]), slices.Compare(a.Span[:], b.Span[:]))
		})
	}
	return once
}

// takePeer gives span h, which stands for a delivery of span top, the queue of top unless h names one. The
// links of an INTERNAL span that lead nowhere are no messages from a queue.
func (p *Pairer) takePeer(h, top int32) {
	if p.queue(h) == 0 || p.spans[top].Kind != trace.Consumer {
		p.spans[h].NamePeer(&p.spans[top])
	}
}

// takes reports whether span i only takes messages from a queue, for other spans to process.
func (p *Pairer) takes(i int32) bool { return p.spans[i].Is(trace.Takes | trace.Polls) }

// firstHandler returns the first of the spans that failed, or else the first span.
func (p *Pairer) firstHandler(spans []int32) int32 {
	first := spans[0]
	for _, i := range spans[1:] {
		was, is := p.spans[first].Failed(), p.spans[i].Failed()
		if is && !was || is == was && p.compareTimes(i, first) < 0 {
			first = i
		}
	}
	return first
}

// handsOver reports whether span h, inside span top, stands for the delivery of top. The deliveries of
// several messages, to which top has links, are those of top if several spans inside handle messages.
func (p *Pairer) handsOver(top, h int32, handlers int) bool {
	messages := len(p.targets[top])
	switch {
	case p.spans[top].Failed(), messages > 0 && handlers > 1, messages == 0 && !p.state[top].isRequest:
		return false
	case p.spans[top].Kind.Serves():
		return true
	case p.state[top].isCallee && p.kind(p.state[p.callerOf(top)].outer, top) != Message:
		return false
	}
	return p.spans[h].Failed() // most libraries also record the work around the handler
}

// replaceReceiver makes span h the request to its service in place of span top.
func (p *Pairer) replaceReceiver(top, h int32) {
	from, to := &p.state[top], &p.state[h]
	to.isRequest, from.isRequest = true, false
	to.isEntry, from.isEntry = from.isEntry, false
	switch from.outcome {
	case Paired, Virtual, Detached, PendingCall:
		to.outcome, from.outcome = from.outcome, Nested
	}
	if targets, ok := p.targets[top]; ok {
		delete(p.targets, top)
		p.targets[h] = targets
		p.takePeer(h, top)
	}
}

// keepReceivers makes the outermost spans stand for their deliveries again if a live graph has shown
// them and not the spans that replaced them: a call that was shown stays.
func (p *Pairer) keepReceivers(isShown func(i int32) bool) {
	for top, h := range p.handler {
		if !isShown(top) || isShown(h) {
			continue
		}
		p.replaceReceiver(h, top)
		for i := range p.calls {
			if c := &p.calls[i]; c.Callee == h {
				c.Callee = top
			}
		}
		for i := range p.receives {
			if r := &p.receives[i]; r.Span == h {
				r.Span = top
			}
		}
	}
}
