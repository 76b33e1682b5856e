package servicegraph

// unpairedCallers adds the calls of caller spans without a callee span to the
// peers they name. Of nested caller spans the outermost that names one speaks
// for all (semantics.md F9, D9); inside a span with a callee of its own there is
// nothing left to tell.
func (f *folder) unpairedCallers() {
	for _, i := range f.callers {
		fact := &f.facts[i]
		around := f.within(i)
		switch {
		case fact.callee >= 0:
			fact.claimed = true
		case fact.reached: // the spans inside speak for themselves
			if fact.fate == fateUnknown {
				fact.fate = fateNested
			}
		case around >= 0 && f.facts[around].claimed && !f.goesElsewhere(around, i):
			fact.claimed = true
			f.setFate(i, fateNested)
		case f.isTransport(i):
			f.setFate(i, fateNested)
		case f.namesPeer(i):
			fact.claimed = true
			f.virtualCall(i)
		case fact.named: // a span inside knows more
			f.setFate(i, fateNested)
		default:
			fact.claimed = true
			client := f.spans[fact.outer]
			client.peer = 0 // itself, if anybody: see namesPeer
			if !f.sendAny(i, &client) {
				f.setFate(i, fateUnresolved)
			}
		}
	}
}

// goesElsewhere reports whether caller span i, without a callee, is a call of its
// own beside those of the caller span around it: one that met a callee, and is no
// database's, while i names a database, a queue or the like and not just a host. A
// stream of requests may ask a cache in between.
func (f *folder) goesElsewhere(around, i int32) bool {
	if f.facts[around].callee < 0 || !f.namesPeer(i) {
		return false
	}
	return isSpecific(f.names.typeOf(f.spans[i].peer)) && !isSpecific(f.names.typeOf(f.spans[around].peer))
}

// isTransport reports whether caller span i, without a callee, only carries what
// another span says better: it reaches the host of a queue, for a span inside it that
// names the queue or for the polling span around it.
func (f *folder) isTransport(i int32) bool {
	if peer := f.spans[i].peer; peer == 0 || isSpecific(f.names.typeOf(peer)) {
		return false
	}
	if f.facts[i].publishes {
		return true
	}
	receiver := f.receiver(i)
	return receiver >= 0 && f.spans[receiver].is(polls)
}

// isSpecific reports whether a peer of a type is more than a name or an address.
func isSpecific(t NodeType) bool {
	switch t {
	case TypeDatabase, TypeQueue, TypeModel, TypeFunction:
		return true
	}
	return false
}

// virtualCall adds the call of caller span i to the peer it names. A message may
// yet find its consumer in another trace.
func (f *folder) virtualCall(i int32) {
	inner := &f.spans[i]
	caller := f.facts[i].outer
	client := f.spans[caller]
	client.namePeer(inner)
	client.kind = max(client.kind, inner.kind) // a message if either says so
	if !(f.cfg.QueueNodes && f.queue(i) != 0) && f.sendAny(i, &client) {
		return
	}
	f.standFor(i, fateVirtual)
	e := f.sum.callsTo(client.callKey())
	e.addCaller(f.id(caller), &client)
	e.addRepeat(inner)
	e.addDetail(f.names, inner.detail)
	e.addInTrace(f.trace, 1)
	if e.ID.Kind == EdgeRequest && client.failed() && f.recovered(caller) {
		e.Recovered = plus(e.Recovered, client.weight())
	}
}

// callOfUser adds the call from outside that span i is the callee side of.
func (f *folder) callOfUser(i int32) {
	span := &f.spans[i]
	f.facts[i].fate = fateVirtual
	f.sum.edge(edgeKey{f.user, span.node, f.edgeKind(-1, i)}).addCallee(f.id(i), span)
}

// sendAny notes the call of caller span i, as client describes it, as one that a
// consumer may link to, by any of the spans that stand for it; false if none of them
// can be linked to.
func (f *folder) sendAny(i int32, client *record) (noted bool) {
	for s := f.facts[i].outer; s >= 0; s = f.facts[s].inner {
		if !f.sends(s) {
			continue
		}
		if noted {
			also := *client
			also.kind = f.spans[s].kind
			f.send(s, also, true, true)
			continue
		}
		noted = true
		f.send(s, *client, f.facts[f.standFor(i, fateOpen)].fate != fateOpen, false)
	}
	return noted
}

// sends reports whether the link of a consumer may point to caller span i. Any
// PRODUCER may be pointed to by a trace not seen yet, and so may a CLIENT that
// names a queue; of other CLIENT spans, which are too many to remember, only those
// are of interest that are known to be.
func (f *folder) sends(i int32) bool {
	switch f.spans[i].kind {
	case KindProducer:
		return true
	case KindClient:
		return f.queue(i) != 0 || len(f.linked) > 0 && f.linked[f.id(i)] > 0 || len(f.kept) > 0 && f.kept[f.spans[i].id]
	}
	return false
}

// entries adds the requests that came from outside the traced world, and those
// whose caller is known by name only (semantics.md P5 to P7, M9).
func (f *folder) entries() {
	for _, i := range f.entered {
		span, fact := &f.spans[i], &f.facts[i]
		p := f.parent[i]
		receives := len(f.targets[i]) > 0
		polled := span.kind == KindConsumer && f.receiver(i) < 0 // in a loop of the service's own
		if p >= 0 && !polled && !receives {
			continue
		}
		node := f.sum.node(span.node)
		if receives || !fact.handsOn { // a request is a delivery
			node.Requests.add(span)
		}
		switch {
		case receives: // the producer may yet be found
		case fact.handsOn: // the spans inside know better
		case span.peer != 0 && (p == noParent || f.queue(i) != 0):
			fact.fate = fateVirtual
			key := callKey{edgeKey: edgeKey{span.peer, span.node, EdgeRequest}, fromName: span.is(peerIsName)}
			if span.kind == KindConsumer {
				key.kind = EdgeMessage
			}
			f.sum.callsTo(key).addCallee(f.id(i), span)
		case p == noParent:
			node.Entries = plus(node.Entries, span.weight())
			if f.cfg.UserNode {
				f.callOfUser(i)
			}
		}
	}
}
