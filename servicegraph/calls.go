package servicegraph

import (
	"cmp"
	"slices"
)

// A folder reads the calls out of one trace after another and adds them up. The
// rules are those of semantics.md; the words:
//
// A caller span is a CLIENT or PRODUCER span. It encloses the spans below it in
// its own service, down to the next SERVER or CONSUMER span. A span is a callee
// span if its parent is in another service, whatever their kinds, or if it is a
// SERVER or CONSUMER span enclosed by a caller span of its own service. The
// caller of a callee span is the caller span that encloses its parent most
// closely, so that spans of libraries in between do not hide the call.
//
// A caller span inside another is nested: an SDK that uses an HTTP client. If it
// is the only route out of the outer one, both are one call, timed by the outer.
type folder struct {
	nodes *nodeTable
	sum   *totals

	tree
	trace TraceID
	facts []spanFacts // by index into spans
	group []int32     // the callees of one caller
}

// spanFacts is what the folder learns about one span of a trace.
type spanFacts struct {
	// caller is the nearest caller span of the same service that encloses this
	// span, itself included; -1 if none.
	caller int32
	// outer is, for a caller span, the span that stands for the same call and
	// times it: itself, or the outermost it is the only route out of.
	outer int32

	callee int32 // for a caller span, the first span it called directly; -1 if none
	also   int32 // for a callee span, the next callee of the same caller; -1 if none

	nested int32 // caller spans directly inside this caller span

	isCallee bool
	reached  bool // caller span: it or a caller span inside has a callee
	named    bool // caller span: it or a caller span inside names a peer
	claimed  bool // caller span: its call is accounted for, and so are those inside without a callee

	fate fate
}

// A fate is the bucket of the Report a span ends in.
type fate uint8

const (
	fateUnknown fate = iota
	fatePaired
	fateVirtual
	fateNested
	fateUnresolved
)

// fold adds the calls of one trace to the totals.
func (f *folder) fold(set *spanSet) {
	f.tree.nodes = f.nodes
	f.trace = set.id
	f.plant(set.spans)
	f.facts = resize(f.facts, len(f.spans))
	f.findCallees()
	f.findRoutes()
	f.pairedCalls()
	f.unpairedCallers()
	f.entries()
	f.account()
}

// findCallees finds the callee spans and the caller span of each.
func (f *folder) findCallees() {
	for _, i := range f.order {
		span, p := &f.spans[i], f.parent[i]
		fact := spanFacts{caller: -1, outer: -1, callee: -1, also: -1}
		enclosing := int32(-1)
		sameService := false
		if p >= 0 {
			enclosing = f.facts[p].caller
			sameService = f.spans[p].node == span.node
		}
		switch {
		case p < 0:
		case !sameService, span.kind.serves() && enclosing >= 0:
			fact.isCallee = true
			fact.fate = fatePaired
			if enclosing >= 0 {
				fact.also = f.facts[enclosing].callee
				f.facts[enclosing].callee = i
			}
		case span.kind.calls() && enclosing >= 0:
			f.facts[enclosing].nested++
		}
		switch {
		case span.kind.calls():
			fact.caller = i
		case !span.kind.serves() && sameService:
			fact.caller = enclosing
		}
		f.facts[i] = fact
	}
}

// within returns the caller span that encloses caller span i in its own service.
func (f *folder) within(i int32) int32 {
	if p := f.parent[i]; p >= 0 && f.spans[p].node == f.spans[i].node {
		return f.facts[p].caller
	}
	return -1
}

// findRoutes finds which nested caller spans stand for the same call as the one
// around them, and what the inside of each caller span has to tell.
func (f *folder) findRoutes() {
	for _, i := range f.order {
		if !f.spans[i].kind.calls() {
			continue
		}
		fact := &f.facts[i]
		fact.outer = i
		if o := f.within(i); o >= 0 && f.facts[o].callee < 0 && f.facts[o].nested == 1 {
			fact.outer = f.facts[o].outer
		}
	}
	for _, i := range slices.Backward(f.order) {
		if !f.spans[i].kind.calls() {
			continue
		}
		fact := &f.facts[i]
		fact.reached = fact.reached || fact.callee >= 0
		fact.named = fact.named || f.names(i)
		if o := f.within(i); o >= 0 {
			f.facts[o].reached = f.facts[o].reached || fact.reached
			f.facts[o].named = f.facts[o].named || fact.named
		}
	}
}

// names reports whether caller span i names a peer. A client span that is itself
// the callee of another service and names its own service names itself, not a
// peer: HotROD's mysql.
func (f *folder) names(i int32) bool {
	peer := f.spans[i].peer
	if peer == 0 {
		return false
	}
	return !f.facts[i].isCallee || f.nodes.id(peer).Name != f.nodes.id(f.spans[i].node).Name
}

// pairedCalls adds the calls that have a callee span.
func (f *folder) pairedCalls() {
	for _, i := range f.order {
		if f.facts[i].isCallee && f.callerOf(i) < 0 {
			f.group = append(f.group[:0], i)
			f.call(-1, f.spans[f.parent[i]].node, f.group)
		}
		if f.facts[i].callee < 0 {
			continue
		}
		f.group = f.group[:0]
		for c := f.facts[i].callee; c >= 0; c = f.facts[c].also {
			f.group = append(f.group, c)
		}
		f.callGroups(i)
	}
}

// callerOf returns the caller span of callee span i, -1 if it has none.
func (f *folder) callerOf(i int32) int32 { return f.facts[f.parent[i]].caller }

// callGroups adds the calls from caller span i to the callees in f.group: one
// group for each callee node and kind of edge (semantics.md F1 to F3, M1).
func (f *folder) callGroups(i int32) {
	caller := f.standFor(i, fatePaired)
	if len(f.group) == 1 {
		f.call(caller, f.spans[i].node, f.group)
		return
	}
	same := func(a, b int32) int {
		return cmp.Or(
			cmp.Compare(f.spans[a].node, f.spans[b].node),
			cmp.Compare(f.edgeKind(i, a), f.edgeKind(i, b)),
		)
	}
	slices.SortFunc(f.group, same)
	for rest := f.group; len(rest) > 0; {
		n := 1
		for n < len(rest) && same(rest[0], rest[n]) == 0 {
			n++
		}
		f.call(caller, f.spans[i].node, rest[:n])
		rest = rest[n:]
	}
}

// standFor returns the caller span that stands for the call of caller span i and
// gives it its fate; the spans from i up to it are nested.
func (f *folder) standFor(i int32, its fate) int32 {
	outer := f.facts[i].outer
	for ; i != outer; i = f.within(i) {
		f.setFate(i, fateNested)
	}
	f.setFate(outer, its)
	return outer
}

// setFate gives a caller span its bucket; one that is a callee too stays paired.
func (f *folder) setFate(i int32, its fate) {
	if !f.facts[i].isCallee {
		f.facts[i].fate = its
	}
}

// edgeKind returns the kind of the call from span caller, -1 if none, to a callee.
func (f *folder) edgeKind(caller, callee int32) EdgeKind {
	if f.spans[callee].kind == KindConsumer || (caller >= 0 && f.spans[caller].kind == KindProducer) {
		return KindMessage
	}
	return KindRequest
}

// call adds the calls from one caller span, or from a service without one (-1),
// to callee spans of one node and kind.
func (f *folder) call(caller int32, from nodeIndex, callees []int32) {
	kind := f.edgeKind(caller, callees[0])
	e := f.sum.edge(from, f.spans[callees[0]].node, kind)
	var client *record
	if caller >= 0 {
		client = &f.spans[caller]
		e.Caller.add(client)
		e.span(client)
	}
	anyFailed := client != nil && client.failed()
	for _, c := range callees {
		server := &f.spans[c]
		weight, failed := server.weight, server.failed()
		if client != nil {
			weight = max(weight, client.weight)
			failed = failed || client.failed()
			e.Evidence.Both += weight
		} else {
			e.Evidence.Callee += weight
			e.example(f.trace, server)
		}
		anyFailed = anyFailed || failed
		e.Calls += weight
		if failed {
			e.Errors += weight
		}
		e.Callee.add(server)
		e.span(server)
		f.sum.node(server.node).Requests.add(server)
	}
	if client == nil {
		return
	}
	e.exampleOf(f.trace, client, anyFailed)
	f.gap(e, client, caller, callees)
}

// gap records the time between the two sides of a call where it has exactly two.
func (f *folder) gap(e *Edge, client *record, caller int32, callees []int32) {
	server := &f.spans[callees[0]]
	took, ok1 := client.duration()
	served, ok2 := server.duration()
	if len(callees) > 1 || !ok1 || !ok2 {
		return
	}
	between := took - served // the way there and back
	if e.ID.Kind == KindMessage {
		between = server.start - client.end // the time in the queue
	} else if server.start < client.start || server.end > client.end {
		f.sum.report.Skewed++
	}
	if between >= 0 && f.facts[callees[0]].also < 0 && f.facts[f.callerOf(callees[0])].callee == callees[0] {
		e.Gap.record(between, max(client.weight, server.weight))
	}
}

// unpairedCallers adds the calls of caller spans without a callee span to the
// peers they name. Of nested caller spans the outermost that names one speaks
// for all (semantics.md F9, D9); inside a span with a callee of its own there is
// nothing left to tell.
func (f *folder) unpairedCallers() {
	for _, i := range f.order {
		if !f.spans[i].kind.calls() {
			continue
		}
		fact := &f.facts[i]
		around := f.within(i)
		switch {
		case fact.callee >= 0:
			fact.claimed = true
		case fact.reached: // the spans inside speak for themselves
			if fact.fate == fateUnknown {
				fact.fate = fateNested
			}
		case around >= 0 && f.facts[around].claimed:
			fact.claimed = true
			f.setFate(i, fateNested)
		case f.names(i):
			fact.claimed = true
			f.virtualCall(i)
		case fact.named: // a span inside knows more
			f.setFate(i, fateNested)
		default:
			fact.claimed = true
			f.setFate(i, fateUnresolved)
		}
	}
}

// virtualCall adds the call of caller span i to the peer it names.
func (f *folder) virtualCall(i int32) {
	inner := &f.spans[i]
	caller := f.standFor(i, fateVirtual)
	kind := KindRequest
	if inner.kind == KindProducer {
		kind = KindMessage
	}
	client := &f.spans[caller]
	e := f.sum.edge(client.node, inner.peer, kind)
	e.Calls += client.weight
	e.Evidence.Caller += client.weight
	if client.failed() {
		e.Errors += client.weight
	}
	e.Caller.add(client)
	e.span(client)
	e.example(f.trace, client)
}

// entries adds the requests that came from outside the traced world, and those
// whose caller is known by name only (semantics.md P5 to P7, M9).
func (f *folder) entries() {
	for i := range f.spans {
		span, fact := &f.spans[i], &f.facts[i]
		p := f.parent[i]
		if fact.isCallee || !span.kind.serves() || p >= 0 {
			continue
		}
		node := f.sum.node(span.node)
		node.Requests.add(span)
		fromQueue := span.peer != 0 && f.nodes.id(span.peer).Type == TypeQueue
		switch {
		case span.peer != 0 && (p == noParent || fromQueue):
			f.virtualCaller(span)
			fact.fate = fateVirtual
		case p == noParent:
			node.Entries += span.weight
		}
	}
}

// virtualCaller adds the call of a server or consumer span from the peer it names.
func (f *folder) virtualCaller(server *record) {
	kind := KindRequest
	if server.kind == KindConsumer {
		kind = KindMessage
	}
	e := f.sum.edge(server.peer, server.node, kind)
	e.Calls += server.weight
	e.Evidence.Callee += server.weight
	if server.failed() {
		e.Errors += server.weight
	}
	e.Callee.add(server)
	e.span(server)
	e.example(f.trace, server)
}

// account puts every span of the trace into its bucket.
func (f *folder) account() {
	r := &f.sum.report
	r.Duplicate += f.duplicates
	r.Cycles += f.cycles
	for i := range f.spans {
		span := &f.spans[i]
		f.sum.node(span.node)
		if f.sum.unknown(span.node) {
			r.UnknownService++
		}
		switch {
		case span.start <= 0 || span.end == 0:
			r.Unfinished++
		case span.end < span.start:
			r.InvalidDuration++
		}
		orphan := f.parent[i] == missingParent
		if orphan {
			r.MissingParent++
		}
		switch fate := f.facts[i].fate; {
		case fate == fatePaired:
			r.Paired++
		case fate == fateVirtual:
			r.Virtual++
		case fate == fateNested:
			r.Nested++
		case fate == fateUnresolved:
			r.Unresolved++
		case orphan:
			r.Orphan++
		case f.parent[i] == noParent:
			r.Root++
		default:
			r.Internal++
		}
	}
}
