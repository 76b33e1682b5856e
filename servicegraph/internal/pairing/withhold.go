package pairing

import "slices"

// Withhold removes the calls that a later span of the trace can contradict: calls that one side
// alone shows while the other side may still arrive, and inferred calls. Their spans get the
// outcome Awaiting. Withhold is for a trace to which spans are still being added. It must be called
// after Pair.
//
// A call with a span on both sides stays, as does the call to a callee span whose parent is in
// another service: a later span cannot take such a call back.
func (p *Pairer) Withhold() {
	p.isOpen = true
	for _, i := range p.concealed {
		p.setOutcome(i, Awaiting)
	}
	p.concealed = p.concealed[:0]
	p.calls = slices.DeleteFunc(p.calls, func(c Call) bool {
		attempt := c.Evidence == ByCaller && c.Source >= 0 // other attempts show the callee
		if !c.Is(Pending) && c.Evidence != Inferred && !attempt {
			return false
		}
		for _, i := range [...]int32{c.Caller, c.Callee} {
			if i >= 0 {
				p.setOutcome(i, Awaiting)
			}
		}
		return true
	})
}
