package pairing

import (
	"slices"

	"github.com/tempograph/tempograph/servicegraph/internal/trace"
)

// findCallees finds the callee spans and the caller span of each.
func (p *Pairer) findCallees() {
	p.callers, p.lone, p.entered, p.roots = p.callers[:0], p.lone[:0], p.entered[:0], p.roots[:0]
	spans, parents, states := p.spans, p.parent, p.state
	for _, i := range p.order {
		span, parent, state := &spans[i], parents[i], &states[i]
		*state = zeroState
		state.request = i
		enclosing := int32(-1)
		sameService := false
		if parent >= 0 {
			enclosing = states[parent].caller
			sameService = spans[parent].Node == span.Node
		}
		switch {
		case parent == trace.NoParent:
			p.roots = append(p.roots, i)
		case parent < 0:
		case !sameService, enclosing >= 0 && p.callsItself(enclosing, i):
			state.isCallee, state.isRequest = true, true
			state.outcome = Paired
			if enclosing >= 0 {
				state.also = states[enclosing].callee
				states[enclosing].callee = i
			} else {
				p.lone = append(p.lone, i)
			}
		case span.Is(trace.IsCaller) && enclosing >= 0:
			states[enclosing].nested++
		}
		if sameService && !span.Kind.Serves() {
			state.request = states[parent].request
		}
		switch {
		case span.Kind == trace.Consumer, state.isCallee && enclosing >= 0 && spans[enclosing].Kind == trace.Producer:
			state.consumer = i
		case sameService:
			state.consumer = states[parent].consumer
		}
		switch {
		case span.Is(trace.IsCaller):
			state.caller = i
			if sameService {
				state.within = enclosing
			}
			p.callers = append(p.callers, i)
		case !span.Kind.Serves() && sameService:
			state.caller = enclosing
		}
		if !state.isCallee && (span.Kind.Serves() || span.Kind == trace.KindUnset && parent == trace.NoParent && !span.Is(trace.IsCaller)) {
			p.entered = append(p.entered, i)
		}
	}
}

// callsItself reports whether span i, in the same service, is the callee side of the call of
// the caller span around it (docs/semantics.md F10). A message that is received inside a CLIENT
// span was not sent by that span.
func (p *Pairer) callsItself(caller, i int32) bool {
	switch p.spans[i].Kind {
	case trace.Server:
		return true
	case trace.Consumer:
		return p.spans[caller].Kind == trace.Producer
	}
	return false
}

// withoutCallees returns the callee spans of one caller without some of them. The removed spans
// stop being callees of the caller, because other spans show the same call.
func (p *Pairer) withoutCallees(caller int32, callees []int32, without func(int32) bool) []int32 {
	for _, c := range callees {
		if without(c) {
			p.state[c].outcome, p.state[c].isRequest = Nested, false
		}
	}
	callees = slices.DeleteFunc(callees, without)
	p.state[caller].callee = -1
	for _, c := range callees {
		p.state[c].also, p.state[caller].callee = p.state[caller].callee, c
	}
	return callees
}

// withoutTaken returns the callee spans of one caller without the spans that only took the message
// from the queue, for another span of the same service to process (docs/semantics.md M10).
func (p *Pairer) withoutTaken(caller int32, callees []int32) []int32 {
	if !slices.ContainsFunc(callees, p.takes) {
		return callees
	}
	processed := make(map[trace.Node]bool)
	for _, c := range callees {
		if p.spans[c].Kind == trace.Consumer && !p.takes(c) {
			processed[p.spans[c].Node] = true
		}
	}
	isTaken := func(i int32) bool { return p.takes(i) && processed[p.spans[i].Node] }
	if len(processed) == 0 || !slices.ContainsFunc(callees, isTaken) {
		return callees
	}
	return p.withoutCallees(caller, callees, isTaken)
}

// callerOf returns the caller span of callee span i, -1 if it has none.
func (p *Pairer) callerOf(i int32) int32 { return p.state[p.parent[i]].caller }

// isOnlyCallee reports whether callee span c is the only one of its caller. The duration of a
// caller span with several callee spans covers all of them.
func (p *Pairer) isOnlyCallee(c int32) bool {
	return p.state[c].also < 0 && p.state[p.callerOf(c)].callee == c
}

// queue returns the queue that span i names, 0 if it names none.
func (p *Pairer) queue(i int32) trace.Node {
	if s := &p.spans[i]; s.PeerType == trace.Queue {
		return s.Peer
	}
	return 0
}

// recovered reports whether the request that made a failed call, from span i, did not fail
// itself (docs/semantics.md E7).
func (p *Pairer) recovered(i int32) bool { return !p.spans[p.state[i].request].Failed() }
