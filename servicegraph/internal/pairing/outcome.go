package pairing

import "github.com/tempograph/tempograph/servicegraph/internal/trace"

// Outcome returns the outcome of span i. For a span that is not part of a call, the position of
// the span in the trace decides. After [Pairer.Withhold], a span whose callee or parent may
// still arrive is PendingTrace.
func (p *Pairer) Outcome(i int32) Outcome {
	if p.passage(i) == trace.Through {
		return Concealed
	}
	if o := p.state[i].outcome; o != None {
		if (o == Unresolved || o == Detached) && p.isOpen {
			return PendingTrace
		}
		return o
	}
	if o := outcomeBelow(p.parent[i]); o != Orphan || !p.isOpen {
		return o
	}
	return PendingTrace
}

// outcomeBelow returns the outcome of a span that is not part of a call, in a trace that does not
// grow, given the index of its parent.
func outcomeBelow(parent int32) Outcome {
	switch parent {
	case trace.MissingParent:
		return Orphan
	case trace.NoParent:
		return Root
	}
	return Internal
}

// CountOutcomes returns the number of spans of the trace with each outcome.
func (p *Pairer) CountOutcomes() (n [Outcomes]uint64) {
	if p.isOpen || p.tree.Passages != nil {
		for i := range p.spans {
			n[p.Outcome(int32(i))]++
		}
		return n
	}
	parents := p.parent[:len(p.state)]
	for i := range p.state {
		o := p.state[i].outcome
		if o == None {
			o = outcomeBelow(parents[i])
		}
		n[o]++
	}
	return n
}

// passage tells how span i relates to hidden services.
func (p *Pairer) passage(i int32) trace.Passage {
	if p.tree.Passages == nil {
		return trace.Outside
	}
	return p.tree.Passages[i]
}

// Requests reports whether span i is a request to its service, and whether it is one that came from
// outside the traced world, as IsEntry does.
func (p *Pairer) Requests(i int32) (isRequest, isEntry bool) {
	state := &p.state[i]
	return state.isRequest, state.isEntry
}

// IsEntry reports whether span i is a request that came from outside the traced world.
func (p *Pairer) IsEntry(i int32) bool { return p.state[i].isEntry }

// IsCallee reports whether span i is a callee span.
func (p *Pairer) IsCallee(i int32) bool { return p.state[i].isCallee }

// HasCallee reports whether caller span i, or a caller span inside it, has a callee span.
func (p *Pairer) HasCallee(i int32) bool { return p.state[i].callee >= 0 || p.state[i].reached }

// Targets returns the links of consumer span i that may be messages.
func (p *Pairer) Targets(i int32) []trace.Link { return p.targets[i] }
