package servicegraph

// findLinks collects the links of the trace's consumer spans that may be
// messages: not those that repeat what the parent says (semantics.md M4), and not
// those of a span that handles what a consumer span around it has received (M10).
func (f *folder) findLinks(links []spanLink) {
	clear(f.targets)
	if len(links) == 0 {
		return
	}
	type received struct {
		span   int32
		target Link
	}
	all, has := make(map[int32][]Link), make(map[received]bool)
	for _, l := range links {
		if i := f.index.member(identity{l.span, l.node, calleeSide}, f.spans); i >= 0 {
			all[i] = append(all[i], l.target)
			has[received{i, l.target}] = true
		}
	}
	if f.targets == nil {
		f.targets = make(map[int32][]Link)
	}
	for i, targets := range all {
		receiver := f.receiver(i)
		for _, target := range targets {
			known := f.parentDelivers(i, target)
			for r, depth := receiver, 0; !known && r >= 0 && depth < 16; r, depth = f.receiver(r), depth+1 {
				known = f.parentDelivers(r, target) || has[received{r, target}]
			}
			if !known {
				f.targets[i] = append(f.targets[i], target)
			}
		}
		if len(f.targets[i]) > 0 {
			f.handOn(receiver)
		}
	}
}

// handOn marks the consumer spans from i upwards as ones that hand on what others
// inside say they have received: a batch that is polled, and then processed
// message by message. Only the latter are deliveries.
func (f *folder) handOn(i int32) {
	for ; i >= 0 && !f.facts[i].handsOn; i = f.receiver(i) {
		f.facts[i].handsOn = true
	}
}

// receiver returns the consumer span around span i in its own service, -1 if none.
func (f *folder) receiver(i int32) int32 {
	if p := f.parent[i]; p >= 0 && f.spans[p].node == f.spans[i].node {
		return f.facts[p].consumer
	}
	return -1
}

// parentDelivers reports whether the call that span i is the callee of came from
// the span that a link points to.
func (f *folder) parentDelivers(i int32, target Link) bool {
	if !f.facts[i].isCallee || target.TraceID != f.trace {
		return false
	}
	caller := f.callerOf(i)
	return caller >= 0 && (f.spans[caller].id == target.SpanID || f.spans[f.facts[caller].outer].id == target.SpanID)
}

// openLinks notes the halves of messages in the trace. They are joined when a
// graph is made, because the other half is often in another trace.
func (f *folder) openLinks() {
	for i, targets := range f.targets {
		in := receiving{span: f.spans[i], queueNode: f.cfg.QueueNodes}
		if its := f.fate(i); its != fatePaired {
			in.fate = its
			f.facts[i].fate = fateOpen
		}
		for _, target := range targets {
			f.sum.received(receiveKey{f.id(i), f.spans[i].node, target}, in)
		}
	}
	for _, i := range f.callers {
		if f.sends(i) && !f.facts[i].sent {
			client := f.spans[f.facts[i].outer] // which times the call
			client.peer, client.kind = f.spans[i].peer, f.spans[i].kind
			f.send(i, client, f.facts[i].fate != fateOpen, true)
		}
	}
}

// send notes span i, as client describes it, as one that a consumer may link to.
func (f *folder) send(i int32, client record, counted, called bool) {
	f.facts[i].sent = true
	client.detail = 0 // it stays behind: edges made of halves have no details
	f.sum.sent(f.id(i), sending{
		span:      client,
		of:        f.spans[f.facts[i].outer].id,
		called:    called,
		counted:   counted,
		queueNode: f.cfg.QueueNodes,
	})
}
