package servicegraph

import (
	"cmp"
	"slices"
	"strings"
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
	cfg    Config
	user   nodeIndex // see Builder
	linked map[Link]int
	sum    *totals

	tree
	trace   TraceID
	kept    map[SpanID]bool  // of its spans, those that forgotten consumers point to
	facts   []spanFacts      // by index into spans
	callers []int32          // the caller spans among order
	lone    []int32          // the callee spans among order that no caller span encloses
	entered []int32          // the SERVER and CONSUMER spans among order that are no callee spans
	group   []int32          // the callees of one caller
	targets map[int32][]Link // what the consumer spans may have received

	intervals []interval // of the children of one span
}

// spanFacts is what the folder learns about one span of a trace.
type spanFacts struct {
	// caller is the nearest caller span of the same service that encloses this
	// span, itself included; -1 if none.
	caller int32
	// outer is, for a caller span, the span that stands for the same call and
	// times it: itself, or the outermost it is the only route out of.
	outer int32
	inner int32 // for a caller span, the one inside that stands for the same call; -1 if none

	callee int32 // for a caller span, the last in order that it called directly; -1 if none
	also   int32 // for a callee span, the one before it of the same caller; -1 if none

	// request is the span of the request that this span works for: the nearest
	// SERVER or CONSUMER span of the service, or its first span; perhaps itself.
	request int32

	nested int32 // caller spans directly inside this caller span

	consumer int32 // the nearest CONSUMER span of the same service, itself included; -1 if none

	isCallee  bool
	handsOn   bool // consumer span: the spans inside have links to what it received
	reached   bool // caller span: it or a caller span inside has a callee
	named     bool // caller span: it or a caller span inside names a peer
	publishes bool // caller span: a PRODUCER or CLIENT span inside names a queue
	claimed   bool // caller span: its call is accounted for, and so are those inside without a callee
	queued    bool // caller span: its message is on its way to a queue node
	sent      bool // caller span: it is noted as one that a consumer may link to

	fate fate
}

// noFacts are those of a span to begin with. They are copied: what a literal puts together
// on the stack is copied right after it was written, which the processor waits for.
var noFacts = spanFacts{caller: -1, outer: -1, inner: -1, callee: -1, also: -1, consumer: -1}

func newFolder(b *Builder) *folder {
	f := &folder{cfg: b.cfg, user: b.user, linked: b.linked}
	f.names = &b.names
	return f
}

// fold adds the calls of one trace to the totals.
func (f *folder) fold(t trace, sum *totals) {
	f.trace, f.sum, f.kept = t.id, sum, t.linked
	f.gather(&t)
	f.plant()
	f.facts = resize(f.facts, len(f.spans))
	f.findCallees()
	f.findRoutes()
	f.pairedCalls()
	f.unpairedCallers()
	f.findLinks(t.links)
	f.entries()
	if f.cfg.InferCalls {
		f.inferCalls()
	}
	f.openLinks()
	f.account()
}

// findCallees finds the callee spans and the caller span of each.
func (f *folder) findCallees() {
	f.callers, f.lone, f.entered = f.callers[:0], f.lone[:0], f.entered[:0]
	for _, i := range f.order {
		span, p, fact := &f.spans[i], f.parent[i], &f.facts[i]
		*fact = noFacts
		fact.request = i
		enclosing := int32(-1)
		sameService := false
		if p >= 0 {
			enclosing = f.facts[p].caller
			sameService = f.spans[p].node == span.node
		}
		switch {
		case p < 0:
		case !sameService, enclosing >= 0 && f.callsItself(enclosing, i):
			fact.isCallee = true
			fact.fate = fatePaired
			if enclosing >= 0 {
				fact.also = f.facts[enclosing].callee
				f.facts[enclosing].callee = i
			} else {
				f.lone = append(f.lone, i)
			}
		case span.is(isCaller) && enclosing >= 0:
			f.facts[enclosing].nested++
		}
		if sameService && !span.kind.serves() {
			fact.request = f.facts[p].request
		}
		switch {
		case span.kind == KindConsumer:
			fact.consumer = i
		case sameService:
			fact.consumer = f.facts[p].consumer
		}
		switch {
		case span.is(isCaller):
			fact.caller = i
			f.callers = append(f.callers, i)
		case !span.kind.serves() && sameService:
			fact.caller = enclosing
		}
		if span.kind.serves() && !fact.isCallee {
			f.entered = append(f.entered, i)
		}
	}
}

// callsItself reports whether callee span i, in the same service, is the other side
// of the call of the caller span around it (semantics.md F10). A message that is
// received inside a client span was not sent by it.
func (f *folder) callsItself(caller, i int32) bool {
	switch f.spans[i].kind {
	case KindServer:
		return true
	case KindConsumer:
		return f.spans[caller].kind == KindProducer
	}
	return false
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
	for _, i := range f.callers {
		fact := &f.facts[i]
		fact.outer = i
		if o := f.within(i); o >= 0 && f.facts[o].callee < 0 && f.facts[o].nested == 1 && f.spans[o].kind.calls() {
			fact.outer = f.facts[o].outer
			f.facts[o].inner = i
		}
	}
	for _, i := range slices.Backward(f.callers) {
		fact := &f.facts[i]
		fact.reached = fact.reached || fact.callee >= 0
		fact.named = fact.named || f.namesPeer(i)
		if o := f.within(i); o >= 0 {
			f.facts[o].reached = f.facts[o].reached || fact.reached
			f.facts[o].named = f.facts[o].named || fact.named
			f.facts[o].publishes = f.facts[o].publishes || fact.publishes || f.spans[i].kind.calls() && f.queue(i) != 0
		}
	}
}

// namesPeer reports whether caller span i names a peer. A client span that is
// itself the callee of another service and is given its own service's name names
// itself, not a peer: HotROD's mysql.
func (f *folder) namesPeer(i int32) bool {
	span := &f.spans[i]
	if !span.kind.calls() && f.facts[i].nested > 0 {
		return false // a library around the clients that call the database
	}
	itself := f.facts[i].isCallee && span.is(peerIsName) && f.isNameOf(f.names.nodeID(span.peer).Name, f.names.nodeID(span.node).Name)
	return span.peer != 0 && !itself
}

// isNameOf reports whether a service is called by a name, which is perhaps split.
func (f *folder) isNameOf(name, service string) bool {
	rest, ok := strings.CutPrefix(service, name)
	return ok && (rest == "" || len(f.cfg.SplitBy) > 0 && rest[0] == '@')
}

// pairedCalls adds the calls that have a callee span.
func (f *folder) pairedCalls() {
	for _, i := range f.lone {
		f.group = append(f.group[:0], i)
		f.call(-1, f.parent[i], 0, f.group)
	}
	for _, i := range f.callers {
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
	queue := f.queueBetween(i, f.group)
	if len(f.group) == 1 {
		f.call(caller, i, queue, f.group)
		return
	}
	same := func(a, b int32) int {
		return cmp.Or(
			cmp.Compare(f.spans[a].node, f.spans[b].node),
			cmp.Compare(f.edgeKind(caller, a), f.edgeKind(caller, b)),
		)
	}
	slices.SortFunc(f.group, same)
	for rest := f.group; len(rest) > 0; {
		n := 1
		for n < len(rest) && same(rest[0], rest[n]) == 0 {
			n++
		}
		f.call(caller, i, queue, rest[:n])
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
		return EdgeMessage
	}
	return EdgeRequest
}

// call adds the calls from the caller span that stands for span i, or from the service
// of span i if there is none (-1), to callee spans of one node and kind, through a queue
// if not 0.
func (f *folder) call(caller, i int32, queue nodeIndex, callees []int32) {
	first := &f.spans[callees[0]]
	key := edgeKey{f.spans[i].node, first.node, f.edgeKind(caller, callees[0])}
	if key.kind != EdgeMessage {
		queue = 0
	}
	for _, c := range callees {
		f.sum.node(first.node).Requests.add(&f.spans[c])
	}
	if queue != 0 && f.cfg.QueueNodes {
		f.throughQueue(caller, queue, callees)
		return
	}
	e := f.sum.edge(key)
	e.addInTrace(f.trace, len(callees))
	if caller < 0 {
		for _, c := range callees {
			server := &f.spans[c]
			e.addCallee(f.id(c), server)
			if key.kind == EdgeRequest && server.failed() && f.recovered(f.parent[c]) {
				e.Recovered = plus(e.Recovered, server.weight())
			}
		}
		return
	}
	client := &f.spans[caller]
	e.Caller.add(client)
	e.addRepeat(client)
	said := f.spans[i].detail
	if said == 0 {
		said = client.detail
	}
	e.addDetail(f.names, said)
	if key.kind == EdgeRequest { // a broker's address says nothing about the consumer
		f.learn(e, f.spans[i].address, first.node)
	}
	e.widen(client)
	failed := client.failed()
	for _, c := range callees {
		server := &f.spans[c]
		e.addPair(client, server)
		if key.kind == EdgeRequest && (client.failed() || server.failed()) && f.recovered(caller) {
			e.Recovered = plus(e.Recovered, max(client.weight(), server.weight()))
		}
		e.Callee.add(server)
		e.widen(server)
		failed = failed || server.failed()
		switch {
		case key.kind == EdgeMessage: // each has a time in the queue of its own
			e.addGap(client, server)
		case outside(client, server):
			f.sum.report.Skewed++
		}
	}
	e.addExample(f.id(caller), client, failed)
	if queue != 0 {
		e.addQueue(f.names.nodeID(queue))
	}
	if key.kind == EdgeRequest && f.isOnlyCallee(callees[0]) {
		e.addGap(client, first)
	}
}

// learn notes that a service answered at the address of a call, if it is not 0. Most
// calls of an edge have the same as the one before.
func (f *folder) learn(e *tally, at addressIndex, by nodeIndex) {
	if at == 0 || at == e.address {
		return
	}
	e.address = at
	f.sum.answered(at, by)
	if a := f.names.addressOf(at); a.name != "" {
		f.sum.answered(f.names.address(a.unnamed()), by)
	}
}

// recovered reports whether the request that made a failed call, from span i, did
// not fail itself (semantics.md E7).
func (f *folder) recovered(i int32) bool { return !f.spans[f.facts[i].request].failed() }

// throughQueue adds a message with the queue as a node between the two sides.
func (f *folder) throughQueue(caller int32, queue nodeIndex, callees []int32) {
	if client := &f.spans[caller]; !f.facts[caller].queued {
		f.facts[caller].queued = true
		f.sum.edge(edgeKey{client.node, queue, EdgeMessage}).addCaller(f.id(caller), client)
	}
	for _, c := range callees {
		server := &f.spans[c]
		f.sum.edge(edgeKey{queue, server.node, EdgeMessage}).addCallee(f.id(c), server)
	}
}

// queueBetween returns the queue that a message from caller span i went through,
// 0 if nobody says: the caller knows best, unless it gives the name of a broker, and of
// several names that consumers give it the first in the order of NodeID is as good as any.
func (f *folder) queueBetween(i int32, callees []int32) nodeIndex {
	var broker nodeIndex
	for _, c := range [...]int32{i, f.facts[i].outer} {
		switch q := f.queue(c); {
		case q == 0:
		case f.spans[c].is(peerIsName):
			broker = q
		default:
			return q
		}
	}
	var best nodeIndex
	for _, c := range callees {
		q := f.queue(c)
		if f.spans[c].kind == KindConsumer && q != 0 &&
			(best == 0 || f.names.nodeID(q).Compare(f.names.nodeID(best)) < 0) {
			best = q
		}
	}
	return cmp.Or(best, broker)
}

// queue returns the queue that span i names, 0 if it does not.
func (f *folder) queue(i int32) nodeIndex {
	if p := f.spans[i].peer; f.names.typeOf(p) == TypeQueue {
		return p
	}
	return 0
}

// id returns the identity of span i.
func (f *folder) id(i int32) Link { return Link{f.trace, f.spans[i].id} }

// outside reports whether the callee's clock puts it outside the time of its caller.
func outside(client, server *record) bool {
	_, ok1 := client.duration()
	_, ok2 := server.duration()
	return ok1 && ok2 && (server.start < client.start || server.end > client.end)
}

// isOnlyCallee reports whether callee span c is the only one of its caller: of
// several attempts, none is alone in the caller's time.
func (f *folder) isOnlyCallee(c int32) bool {
	return f.facts[c].also < 0 && f.facts[f.callerOf(c)].callee == c
}
