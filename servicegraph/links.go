package servicegraph

import "slices"

// findLinks collects the links of the trace's consumer spans that may be
// messages: not those that repeat what the parent says (semantics.md M4), and not
// those of a span that handles what a consumer span around it has received (M10).
//
// It walks the consumer spans from the outside in and counts the messages that those
// around the present one have received, so that its cost grows with the spans and their
// links, however deep they are nested.
func (f *folder) findLinks(links []spanLink) {
	clear(f.targets)
	if len(links) == 0 {
		return
	}
	if f.targets == nil {
		f.targets = make(map[int32][]Link)
	}
	all := make(map[int32][]Link)
	for _, l := range links {
		if i := f.index.member(identity{l.span, l.node, calleeSide}, f.spans); i >= 0 {
			all[i] = append(all[i], l.target)
		}
	}
	inside := make(map[int32][]int32) // the consumer spans directly inside each; by -1 those inside none
	for _, i := range f.order {
		if f.spans[i].kind == KindConsumer {
			r := f.receiver(i)
			inside[r] = append(inside[r], i)
		}
	}
	received := make(map[Link]int) // by how many of the consumer spans around the present one
	receive := func(i int32, delivered []Link, times int) {
		for _, target := range all[i] {
			received[target] += times
		}
		for _, target := range delivered {
			received[target] += times
		}
	}
	for stack := slices.Clone(inside[-1]); len(stack) > 0; {
		i := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if i < 0 { // all spans inside span ^i are visited
			receive(^i, f.delivered(^i), -1)
			continue
		}
		delivered := f.delivered(i)
		for _, target := range all[i] {
			if received[target] == 0 && !slices.Contains(delivered, target) {
				f.targets[i] = append(f.targets[i], target)
			}
		}
		receive(i, delivered, 1)
		stack = append(append(stack, ^i), inside[i]...)
	}
	for i := range f.targets {
		f.handOn(f.receiver(i))
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

// delivered returns the links that say no more than the parent of span i, if that makes
// it a callee: those to the caller span, and to the one that stands for its call.
func (f *folder) delivered(i int32) []Link {
	if !f.facts[i].isCallee {
		return nil
	}
	caller := f.callerOf(i)
	if caller < 0 {
		return nil
	}
	return []Link{f.id(caller), f.id(f.facts[caller].outer)}
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
		f.sum.received(f.id(i), in)
		for _, target := range targets {
			f.sum.receives[receiveKey{receiver{f.id(i), f.spans[i].node}, target}] = true
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
