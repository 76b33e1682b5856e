package servicegraph_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	sg "github.com/tempograph/tempograph/servicegraph"
)

// TestHiddenAgainstOracle compares the builder with the oracle for configurations that hide
// services, on traces with calls through these services.
func TestHiddenAgainstOracle(t *testing.T) {
	named := func(names ...string) func(sg.NodeID) bool {
		return func(id sg.NodeID) bool { return slices.Contains(names, id.Name) }
	}
	configs := []oracleConfig{
		{Config: sg.Config{Hide: named("D")}},
		{Config: sg.Config{Gateways: named("D", "E")}},
		{Config: sg.Config{Hide: named("D"), Gateways: named("A"), UserNode: true}},
		{Config: sg.Config{Hide: named("B"), QueueNodes: true, Rename: renames("^C$=B")}, renamed: map[string]string{"C": "B"}},
		{Config: sg.Config{Hide: named("A", "C"), IgnoreAddresses: true}},
		{Config: sg.Config{Hide: named("B"), Gateways: named("D"), InferCalls: true}},
		{Config: sg.Config{Hide: named("D"), InferCalls: true, UserNode: true, NotErrors: []string{"500"}, Rename: renames("^C$=B")}, renamed: map[string]string{"C": "B"}},
		{Config: sg.Config{Gateways: named("A"), QueueNodes: true, InferCalls: true, HTTPErrors: true, IgnoreInternalDatabases: true}},
		{Config: sg.Config{Hide: named("B@2", "D"), SplitBy: []string{"service.version"}}},
	}
	ended := 0.0
	normal := uint64(1000)
	if testing.Short() {
		normal = 250
	}
	for seed := range seeds(t, normal) {
		rng := rand.New(rand.NewPCG(seed, 14))
		spans := tracesWithLostParents(rng, seed)
		cfg := configs[rng.IntN(len(configs))]
		compareWithOracle(t, fmt.Sprintf("traces with hidden services of seed %d", seed), spans, cfg)
		ended += interpret(spans, cfg).hiddenCalls
	}
	if ended == 0 {
		t.Error("no call ended in a hidden service")
	}
}

// isHidden reports whether a node is a hidden service.
func (c *oracleConfig) isHidden(id sg.NodeID) bool {
	return c.Hide != nil && c.Hide(id) || c.isGateway(id)
}

func (c *oracleConfig) isGateway(id sg.NodeID) bool { return c.Gateways != nil && c.Gateways(id) }

// If a visible service called a hidden service, hide makes the spans of the hidden service spans of
// the visible service. It removes all other spans of hidden services (F20).
func (o *oracle) hide() {
	done := make(map[*oracleSpan]bool)
	var visit func(s *oracleSpan)
	visit = func(s *oracleSpan) { // parents first
		if done[s] {
			return
		}
		done[s] = true
		if s.parent != nil {
			visit(s.parent)
		}
		p := s.parent
		switch {
		case o.cfg.isHidden(s.node) && (p == nil || p.gone):
			s.gone = true
			s.passesOn = o.cfg.isGateway(s.node) && (p == nil && !s.missing || p != nil && p.passesOn)
			if p != nil {
				s.missing = p.missing
			}
		case o.cfg.isHidden(s.node):
			o.adopt(s)
		case p != nil && p.gone:
			s.behind, s.isEntry = true, p.passesOn
			s.parent, s.missing = nil, p.missing
		}
	}
	for _, s := range o.spans {
		visit(s)
	}
	for _, s := range o.spans {
		peer, isName := s.peer()
		o.ambiguous = o.ambiguous || s.reached && s.attrs["peer.service"] == s.node.Name // the specification does not say whether the name is that of the hidden service's callee
		for _, other := range o.spans {
			isTwice := s != other && s.through && id(s) == id(other) && s.node == other.node && s.caller && other.caller
			o.ambiguous = o.ambiguous || isTwice // a link can mean either
		}
		isNamed := s.relays || isSpecific(peer.Type) || isName && !o.cfg.isHidden(peer)
		s.ends = s.reached && !isNamed
	}
	o.spans = slices.DeleteFunc(o.spans, func(s *oracleSpan) bool {
		if s.gone {
			o.outcomes["hidden"]++
			o.gone = append(o.gone, s)
		}
		return s.gone
	})
}

// adopt makes a span of a hidden service a span of the service that called the hidden service.
func (o *oracle) adopt(s *oracleSpan) {
	callsOwn := s.callsOwnHost()
	s.through, s.node, s.whole, s.Resource = true, s.parent.node, s.parent.whole, nil
	serves := s.serves()
	if serves {
		s.kind, s.caller, s.Links, s.attrs = sg.KindInternal, false, nil, map[string]string{}
		s.polls, s.takes, s.either = false, false, false
	}
	s.Links = nil
	inner, isName := s.peer()
	isLocal := callsOwn || !isName && (inner.Name == "localhost" || inner.Name == "127.0.0.1")
	isHost := s.caller && inner != (sg.NodeID{}) && !isSpecific(inner.Type)
	for c := s.within(); c != nil; c = c.within() {
		c.reached = c.reached || !c.through && (serves || !s.parent.through)
		if !isHost {
			continue
		}
		c.relays = true
		outer, isChosen := c.peer()
		isBetter := o.cfg.isHidden(outer) || (!isChosen || isName) && inner.Type != sg.TypeIP && !isLocal
		if outer != (sg.NodeID{}) && !isSpecific(outer.Type) && isBetter {
			c.nameless, c.hidesName = true, c.hidesName || o.cfg.isHidden(outer)
		}
	}
	if isHost && isLocal {
		s.attrs = map[string]string{}
	}
}

// endsHidden reports whether the call of caller span c reached a hidden service and went no
// further.
func (o *oracle) endsHidden(c *oracleSpan) bool { return c != nil && c.ends && !o.reaches(c) }

// conceal counts a call that ended in a hidden service.
func (o *oracle) conceal(c *oracleSpan) {
	o.hiddenCalls += c.Weight
	if failed(c) {
		o.hiddenErrors += c.Weight
	}
}

// endedCall notes the call of caller span c, which reached a hidden service and went no further.
// The call goes to the service at the address that c names. If there is none, it is on no edge.
func (o *oracle) endedCall(c *oracleSpan) {
	peer, isName := c.peer()
	source, inside := o.addresses(c)
	if peer == (sg.NodeID{}) {
		peer, _ = source.peer()
	}
	if peer == (sg.NodeID{}) || c.kind != sg.KindClient || c.callsOwnHost() {
		o.conceal(c)
		return
	}
	o.virtuals = append(o.virtuals, oracleCall{client: c, kind: sg.EdgeRequest, peer: peer, isName: isName, at: source.address(), inside: inside.address(), ended: true})
}

// failsHidden reports whether the call of c failed in a hidden service, which made several calls
// for it, and none of them failed.
func (o *oracle) failsHidden(c *oracleSpan) bool {
	inner := o.inner(c)
	return failed(c) && !c.through && len(inner) > 1 && !slices.ContainsFunc(inner, failed) && slices.ContainsFunc(inner, func(i *oracleSpan) bool { return i.through })
}

// source returns the span that has the address of the call of caller span s. It is s, unless s is a
// span of a hidden service and has no address. Then it is the nearest span around s that has one.
func (s *oracleSpan) source() *oracleSpan {
	for at := s; at != nil; at = at.within() {
		if peer, _ := at.peer(); !at.through {
			return at
		} else if at.address() != (oracleAddress{}) || peer != (sg.NodeID{}) {
			break // the address of another hidden service
		}
	}
	return s
}
