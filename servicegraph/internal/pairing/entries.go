package pairing

import (
	"cmp"
	"math"
	"slices"

	"github.com/tempograph/tempograph/servicegraph/internal/trace"
)

// entries finds the requests that came from outside the traced world, and adds the calls
// whose caller is known by name only (docs/semantics.md P5 to P7, M9).
func (p *Pairer) entries() {
	p.findDetached()
	p.inner = p.inner[:0]
	for _, i := range p.entered {
		span, state := &p.spans[i], &p.state[i]
		parent := p.parent[i]
		receives := len(p.targets[i]) > 0
		polled := false // received in a polling loop of the service
		if span.Kind == trace.Consumer {
			if polled = p.receiver(i) < 0; !polled {
				p.inner = append(p.inner, i)
			}
		}
		if parent >= 0 && !polled && !receives {
			continue
		}
		state.isRequest = receives || !state.delegates
		passage := p.passage(i)
		switch {
		case receives: // the producer may be in another trace
			if state.detached && span.Kind.Serves() {
				state.outcome = Detached
			}
		case state.delegates: // the spans inside are the deliveries
		case passage == trace.Behind: // the caller is hidden
		case span.Peer != 0 && passage != trace.Entered && (parent == trace.NoParent || p.queue(i) != 0 || parent == trace.MissingParent && !p.hasService(span.Peer)):
			state.outcome = Virtual
			call := Call{
				From: span.Peer, To: span.Node, Caller: -1, Callee: i, Source: -1,
				Kind: p.kind(-1, i), Evidence: ByCallee, Flags: Pending | FromName.when(span.Is(trace.PeerIsName)),
			}
			p.calls = append(p.calls, call)
		case state.detached && span.Kind.Serves():
			state.outcome = Detached
		case parent == trace.NoParent:
			state.isEntry = true
			if p.cfg.UserNode {
				state.outcome = Virtual
				p.calls = append(p.calls, Call{
					To: span.Node, Caller: -1, Callee: i, Source: -1, Kind: p.kind(-1, i), Evidence: ByCallee,
				})
			}
		}
	}
}

// hasService reports whether the trace has spans of a service with the name of a peer. Such a
// service shows its calls by spans of its own (docs/semantics.md P6).
func (p *Pairer) hasService(peer trace.Node) bool {
	if len(p.services) == 0 {
		for i := range p.spans {
			p.services = append(p.services, p.spans[i].Node)
		}
		slices.Sort(p.services)
		p.services = slices.Compact(p.services)
	}
	return slices.ContainsFunc(p.services, func(service trace.Node) bool { return p.cfg.IsNameOf(peer, service) })
}

// findDetached marks the roots that lie within the time of another root of the trace. Such a root
// has lost the id of its parent: an exporter or a propagator dropped the id (docs/semantics.md
// P20). Of two roots with the same time, the one with children stays a root, or else the one with
// the first id. The other root can be a span of a hidden service.
func (p *Pairer) findDetached() {
	serves := func(i int32) bool { return p.spans[i].Kind.Serves() }
	hidden := p.tree.HiddenRoots
	if len(p.roots)+len(hidden) < 2 || !slices.ContainsFunc(p.roots, serves) {
		return
	}
	p.roots = slices.DeleteFunc(p.roots, func(i int32) bool {
		_, timed := p.spans[i].Duration()
		return !timed || p.passage(i).IsBehind() // the parent was a span of a hidden service
	})
	slices.SortFunc(p.roots, func(i, j int32) int {
		a, b := &p.spans[i], &p.spans[j]
		if c := cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(b.End, a.End)); c != 0 {
			return c
		}
		return cmp.Or(
			cmp.Compare(p.leaf(i), p.leaf(j)),
			slices.Compare(a.ID[:], b.ID[:]), p.cfg.CompareNodes(a.Node, b.Node), cmp.Compare(a.Kind, b.Kind),
		)
	})
	end := int64(math.MinInt64)
	for _, i := range p.roots {
		for ; len(hidden) > 0 && hidden[0].Start <= p.spans[i].Start; hidden = hidden[1:] {
			end = max(end, hidden[0].End)
		}
		p.state[i].detached = p.spans[i].End <= end
		end = max(end, p.spans[i].End)
	}
}

// leaf returns 1 for a span without children, and 0 for any other span.
func (p *Pairer) leaf(i int32) int {
	if p.tree.Child[i] < 0 {
		return 1
	}
	return 0
}
