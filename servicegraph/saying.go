package servicegraph

// A saying is what the attributes of a span say of it, made sense of: what it is, and
// whom it calls. The same attributes of the same kind of span say the same: that is
// how most spans come without making sense of theirs again.
type saying struct {
	kind   Kind // of the span, with regard to what it does
	caller bool // the caller side of a call: CLIENT, PRODUCER, or a database span inside the service
	resent bool // a client that says it is trying again
	polls  bool // a CLIENT span that asks a queue for messages, and is the receiving side of them
	failed bool // the HTTP status says so, which counts where the span does not say

	hasPeer bool
	peer    peer
	address address // where the peer listens, without the name that it is given
	detail  detail

	trigger string // of a function
}

// say makes sense of the kind, the attributes and the links of a span.
func (c *Config) say(s *Span) (said saying) {
	said.kind, said.caller = s.Kind, s.Kind.calls()
	if !said.caller && !s.Kind.serves() && len(s.Attrs) == 0 {
		return said
	}
	facts := factsOf(s.Attrs)
	said.failed = c.HTTPErrors && facts.serverError()
	switch {
	case s.Kind == KindClient && facts.receives():
		said.kind, said.caller, said.polls = KindConsumer, false, true
	case s.Kind == KindClient && facts.carriesNothing(len(s.Links)):
		said.kind, said.caller = KindInternal, false
		return said
	case s.Kind == KindClient && facts.publishes():
		said.kind = KindProducer
	}
	switch {
	case said.kind.serves():
		said.trigger = facts.faasTrigger
		said.peer, said.hasPeer = facts.caller(said.kind)
	case said.caller || facts.hasDatabase() && !c.IgnoreInternalDatabases:
		said.caller = true // a database inside the process has no client span (D10)
		said.resent = facts.resendCount != "" && facts.resendCount != "0"
		said.peer, said.hasPeer = facts.callee(s.Kind)
		said.address = facts.address()
		said.detail = facts.detail()
	}
	return said
}

// A meaning is a saying in a builder's numbers.
type meaning struct {
	peer    nodeIndex
	address addressIndex
	detail  detailIndex
}

// mean numbers what a saying names.
func (b *Builder) mean(said *saying) (m meaning) {
	if said.hasPeer {
		m.peer = b.node(said.peer.id)
	}
	if said.address.host != "" {
		at := said.address
		if said.hasPeer && said.peer.isName {
			at.name = b.names.nodeID(m.peer).String()
		}
		m.address = b.address(at)
	}
	m.detail = b.detail(said.detail)
	return m
}

// take gives a record, whose service is known, what the attributes of its span say.
func (b *Builder) take(r *record, said *saying) {
	r.apply(said, b.mean(said))
	if said.failed && r.status == StatusUnset {
		r.status = StatusError
	}
	b.trigger(r.node, said)
}

// apply gives a record what the attributes of its span say, but for the status.
func (r *record) apply(said *saying, m meaning) {
	r.kind = said.kind
	r.peer, r.address, r.detail = m.peer, m.address, m.detail
	r.traits = isCaller.when(said.caller) | isResent.when(said.resent) | polls.when(said.polls) |
		peerIsName.when(said.hasPeer && said.peer.isName)
}

// trigger notes at a node what triggers its function.
func (b *Builder) trigger(node nodeIndex, said *saying) {
	if said.trigger != "" {
		b.noteAttr(node, Attr{"faas.trigger", said.trigger})
	}
}
