package pairing

import "github.com/tempograph/tempograph/servicegraph/internal/trace"

// Outcome returns the outcome of span i. For a span that is not part of a call, the position of
// the span in the trace decides. After [Pairer.Withhold], a span whose callee or parent may
// still arrive is Awaiting.
func (p *Pairer) Outcome(i int32) Outcome {
	if p.passage(i) == trace.Through {
		return Concealed
	}
	if o := p.state[i].outcome; o != None {
		if (o == Unresolved || o == Detached) && p.isOpen {
			return Awaiting
		}
		return o
	}
	switch p.parent[i] {
	case trace.MissingParent:
		if p.isOpen {
			return Awaiting
		}
		return Orphan
	case trace.NoParent:
		return Root
	}
	return Internal
}

// passage tells how span i relates to hidden services.
func (p *Pairer) passage(i int32) trace.Passage {
	if p.tree.Passages == nil {
		return trace.Outside
	}
	return p.tree.Passages[i]
}

// IsRequest reports whether span i is a request to its service.
func (p *Pairer) IsRequest(i int32) bool { return p.state[i].isRequest }

// IsEntry reports whether span i is a request that came from outside the traced world.
func (p *Pairer) IsEntry(i int32) bool { return p.state[i].isEntry }

// IsCallee reports whether span i is a callee span.
func (p *Pairer) IsCallee(i int32) bool { return p.state[i].isCallee }

// HasCallee reports whether caller span i, or a caller span inside it, has a callee span.
func (p *Pairer) HasCallee(i int32) bool { return p.state[i].callee >= 0 || p.state[i].reached }

// NamesPeerInside reports whether caller span i, or a caller span inside it, names a peer.
func (p *Pairer) NamesPeerInside(i int32) bool { return p.state[i].named }

// Targets returns the links of consumer span i that may be messages.
func (p *Pairer) Targets(i int32) []trace.Link { return p.targets[i] }
