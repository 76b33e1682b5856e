package pairing

import "slices"

// Withhold removes the calls that a later span of the trace can contradict: calls that one side
// alone shows while the other side may still arrive, and inferred calls. Their spans get the
// outcome PendingTrace. Withhold is for a trace to which spans are still being added. It must be called
// after Pair.
//
// A call with a span on both sides stays, as does the call to a callee span whose parent is in
// another service: a later span cannot take such a call back. A call whose spans were all shown
// before, when the trace seemed complete, also stays.
func (p *Pairer) Withhold(isShown func(i int32) bool) {
	p.isOpen = true
	if len(p.handler) > 0 {
		p.keepReceivers(isShown)
	}
	p.concealed = slices.DeleteFunc(p.concealed, func(i int32) bool {
		if isShown(i) {
			return false
		}
		p.setPending(i)
		return true
	})
	p.calls = slices.DeleteFunc(p.calls, func(c Call) bool {
		attempt := c.Evidence == ByCaller && c.Source >= 0 // other attempts show the callee
		if !c.Is(Pending) && c.Evidence != Inferred && !attempt {
			return false
		}
		if (c.Caller < 0 || isShown(c.Caller)) && (c.Callee < 0 || isShown(c.Callee)) {
			return false
		}
		for _, i := range [...]int32{c.Caller, c.Callee} {
			if i >= 0 {
				p.setPending(i)
			}
		}
		return true
	})
}

// setPending sets the outcome PendingTrace of span i, unless the span is the sender of a message, whose outcome
// is decided with the two halves of the message.
func (p *Pairer) setPending(i int32) {
	if p.state[i].outcome != PendingCall {
		p.setOutcome(i, PendingTrace)
	}
}
