package pairing

import "github.com/tempograph/tempograph/servicegraph/internal/trace"

// entries finds the requests that came from outside the traced world, and adds the calls
// whose caller is known by name only (semantics.md P5 to P7, M9).
func (p *Pairer) entries() {
	for _, i := range p.entered {
		span, state := &p.spans[i], &p.state[i]
		parent := p.parent[i]
		receives := len(p.targets[i]) > 0
		polled := span.Kind == trace.Consumer && p.receiver(i) < 0 // received in a polling loop of the service
		if parent >= 0 && !polled && !receives {
			continue
		}
		state.isRequest = receives || !state.delegates
		passage := p.passage(i)
		switch {
		case receives: // the producer may be in another trace
		case state.delegates: // the spans inside are the deliveries
		case passage == trace.Behind: // the caller is hidden
		case span.Peer != 0 && passage != trace.Entered && (parent == trace.NoParent || p.queue(i) != 0):
			state.outcome = Virtual
			call := Call{
				From: span.Peer, To: span.Node, Caller: -1, Callee: i, Source: -1,
				Kind: p.kind(-1, i), Evidence: ByCallee, Flags: Pending | FromName.when(span.Is(trace.PeerIsName)),
			}
			p.calls = append(p.calls, call)
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
