package pairing

import "github.com/tempograph/tempograph/servicegraph/internal/trace"

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
		if p.queue(h) == 0 || p.spans[top].Kind != trace.Consumer { // links of an INTERNAL span that lead nowhere are no messages from a queue
			p.spans[h].NamePeer(&p.spans[top])
		}
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
