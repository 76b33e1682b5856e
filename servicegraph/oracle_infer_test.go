package servicegraph_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	sg "github.com/tempograph/tempograph/servicegraph"
)

// TestInferredAgainstOracle compares the builder with the oracle for configurations that infer
// calls, on traces in which the connection of calls is lost.
func TestInferredAgainstOracle(t *testing.T) {
	configs := []oracleConfig{
		{Config: sg.Config{InferCalls: true}},
		{Config: sg.Config{InferCalls: true, UserNode: true, IgnoreAddresses: true}},
		{Config: sg.Config{InferCalls: true, SplitBy: []string{"service.version"}}},
		{Config: sg.Config{InferCalls: true, QueueNodes: true, Rename: renames("^C$=B")}, renamed: map[string]string{"C": "B"}},
	}
	requests, messages := 0.0, 0.0
	normal := uint64(1000)
	if testing.Short() {
		normal = 250
	}
	for seed := range seeds(t, normal) {
		rng := rand.New(rand.NewPCG(seed, 13))
		spans := tracesWithLostParents(rng, seed)
		cfg := configs[rng.IntN(len(configs))]
		compareWithOracle(t, fmt.Sprintf("traces with lost parents of seed %d", seed), spans, cfg)
		for id, e := range interpret(spans, cfg).edges {
			if id.Kind == sg.EdgeRequest {
				requests += e.inferred
			} else {
				messages += e.inferred
			}
		}
	}
	if requests == 0 || messages == 0 {
		t.Errorf("%v requests and %v messages were inferred; want some of both", requests, messages)
	}
	t.Logf("%v requests and %v messages were inferred", requests, messages)
}

// tracesWithLostParents returns traces in which some connections are lost. Half of the inputs have
// no other damage.
func tracesWithLostParents(rng *rand.Rand, seed uint64) []sg.Span {
	switch seed % 4 {
	case 0, 1:
		return withLostParents(rng, wholeTraces(rng))
	case 2:
		return withLostParents(rng, damagedTraces(rng))
	default:
		return withLostParents(rng, randomTraces(rng, 1+rng.IntN(4)))
	}
}

// An oracleGuess is a pair of spans that can be the two sides of a call whose connection is lost.
type oracleGuess struct {
	caller, callee *oracleSpan
	agreements     int
}

// noteSender notes caller span c as the sender of a message without a consumer among its
// descendants.
func (o *oracle) noteSender(c *oracleSpan) {
	client := o.outer(c)
	if c.kind != sg.KindProducer && client.kind != sg.KindProducer {
		return
	}
	for s := c; ; s = s.within() {
		if attempts := o.attempts(s); attempts[len(attempts)-1] == s { // a message is that of the last attempt
			o.senders[client] = true
		}
		if s == client {
			return
		}
	}
}

// inferCalls connects the two sides of calls whose connection is lost (P9, P20).
func (o *oracle) inferCalls() {
	if !o.cfg.InferCalls {
		return
	}
	guesses := o.guesses()
	ofCaller := func(g oracleGuess) *oracleSpan { return g.caller }
	ofCallee := func(g oracleGuess) *oracleSpan { return g.callee }
	guesses = mostAgreed(guesses, ofCallee)
	guesses = mostAgreed(guesses, ofCaller)
	known := make(map[*oracleSpan]bool)
	for _, s := range guesses {
		if known[s.callee] {
			continue
		}
		var first *oracleSpan
		isClear := true
		for _, g := range guesses {
			if g.callee != s.callee {
				continue
			}
			isClear = isClear && isOneEdge(guesses, g)
			if !known[g.caller] && (first == nil || cmpOr(int(g.caller.End-first.End), byTime(g.caller, first)) < 0) {
				first = g.caller
			}
		}
		if isClear && first != nil {
			known[first], known[s.callee] = true, true
			o.infer(first, s.callee)
		}
	}
}

// mostAgreed returns, for each key, the guesses with the most agreements.
func mostAgreed(guesses []oracleGuess, key func(oracleGuess) *oracleSpan) (best []oracleGuess) {
	for _, g := range guesses {
		if !slices.ContainsFunc(guesses, func(other oracleGuess) bool { return key(other) == key(g) && other.agreements > g.agreements }) {
			best = append(best, g)
		}
	}
	return best
}

// isOneEdge reports whether a guess and all others for its caller or its callee mean one edge. That
// is so if the guess is the only one, or if every guess has an agreement and all are calls from one
// service to one other.
func isOneEdge(guesses []oracleGuess, g oracleGuess) bool {
	alike, others := true, 0
	for _, other := range guesses {
		if other.caller != g.caller && other.callee != g.callee {
			continue
		}
		others++
		alike = alike && other.agreements > 0 && other.caller.node == g.caller.node && other.callee.node == g.callee.node
	}
	return alike || others == 1
}

// guesses returns the pairs of spans whose times fit and that do not contradict each other.
// Requests come first, and pairs are ordered by the start of the callee.
func (o *oracle) guesses() []oracleGuess {
	spans := slices.Clone(o.spans)
	slices.SortStableFunc(spans, byTime)
	guesses := o.requestGuesses(spans)
	if o.cfg.QueueNodes { // the node of the queue connects both sides
		return guesses
	}
	return append(guesses, o.messageGuesses(spans)...)
}

func (o *oracle) requestGuesses(spans []*oracleSpan) (guesses []oracleGuess) {
	for _, s := range spans {
		if s.kind != sg.KindServer || !s.isTimed() || !s.isLost() || len(o.messages(s)) > 0 {
			continue
		}
		for _, c := range spans {
			fits := c.TraceID == s.TraceID && c.node != s.node && c.isTimed() && c.Start <= s.Start && s.End <= c.End
			if !fits || c.kind != sg.KindClient {
				continue
			}
			if agreements, can := o.canCall(c, s); can {
				guesses = append(guesses, oracleGuess{c, s, agreements})
			}
		}
	}
	return guesses
}

func (o *oracle) messageGuesses(spans []*oracleSpan) (guesses []oracleGuess) {
	for _, s := range spans {
		isEntered := slices.ContainsFunc(o.entered, func(e oracleEntry) bool { return (e.callee == s || e.callee == s.by) && s.queue() != (sg.NodeID{}) }) || slices.Contains(o.taken, s)
		if s.kind != sg.KindConsumer || !s.isTimed() || s.parent != nil || !s.isLost() && !isEntered || len(o.messages(s)) > 0 || o.delegates(s) {
			continue
		}
		for _, c := range spans {
			if c.TraceID != s.TraceID || c.node == s.node || !c.isTimed() || !o.senders[c] || c.Start > s.Start {
				continue
			}
			switch from, to := o.sentThrough(c), s.queue(); {
			case from == (sg.NodeID{}) || to == (sg.NodeID{}):
				guesses = append(guesses, oracleGuess{c, s, 0})
			case from == to:
				guesses = append(guesses, oracleGuess{c, s, 1})
			}
		}
	}
	return guesses
}

// isTimed reports whether a span has a duration.
func (s *oracleSpan) isTimed() bool { return s.End >= s.Start }

// isLost reports whether the parent of a request or a message never arrived, or its parent id is
// lost.
func (s *oracleSpan) isLost() bool {
	return s.missing && s.outcome == "" || s.outcome == "detached" || s.by != nil && s.by.outcome == "detached"
}

// canCall reports whether CLIENT span c, without a callee, can be the caller of SERVER span s, and
// how many attributes of the two agree.
func (o *oracle) canCall(c, s *oracleSpan) (agreements int, can bool) {
	var peer sg.NodeID
	isName := false
	virtuals := slices.DeleteFunc(slices.Clone(o.virtuals), func(v oracleCall) bool { return v.ended })
	for _, a := range o.attempted {
		virtuals = append(virtuals, a.oracleCall)
	}
	at := slices.IndexFunc(virtuals, func(v oracleCall) bool { return v.client == c })
	switch {
	case at >= 0:
		if peer, isName = virtuals[at].peer, virtuals[at].isName; isSpecific(peer.Type) || virtuals[at].kind != sg.EdgeRequest {
			return 0, false
		}
	case !o.open[c] || o.outer(c) != c || o.sends(c):
		return 0, false
	}
	tells := o.tells(c)
	for _, key := range []string{"rpc.service", "rpc.method", "http.request.method"} {
		switch a, b := tells[key], s.attrs[key]; {
		case a == "" || b == "":
		case a != b:
			return 0, false
		case key == "rpc.service":
			agreements++
		}
	}
	switch a, b := dialed(tells), dialed(s.attrs); {
	case a == "" || b == "":
	case a == b || strings.HasPrefix(a, b+".") || strings.HasPrefix(b, a+"."):
		if p, q := tells["server.port"], s.attrs["server.port"]; p != q && p != "" && q != "" {
			return 0, false
		}
		agreements++
	case isAddress(a) == isAddress(b):
		return 0, false
	}
	switch host := peer.Name; {
	case host == "":
	case strings.EqualFold(host, s.whole), strings.EqualFold(host, s.whole+"."+s.node.Namespace):
		agreements++
	}
	isBare := peer == (sg.NodeID{}) && at < 0 || // an attempt that names no peer went to the service of the other attempts (F13)
		!isName && (peer.Type == sg.TypeIP || peer.Type == sg.TypeRPC)
	if agreements == 0 && !isBare { // a path is no evidence for a host
		return 0, false
	}
	if a, b := tells["url.path"], s.attrs["url.path"]; a != "" && b != "" {
		if !isOnePath(a, b) {
			return 0, false
		}
		agreements++
	}
	return agreements, true
}

// sends reports whether the call of c is a message, or a call to which a consumer links.
func (o *oracle) sends(c *oracleSpan) bool {
	return slices.ContainsFunc(o.spans, func(s *oracleSpan) bool {
		return s.caller && o.outer(s) == c && (s.kind == sg.KindProducer || o.linked[s])
	})
}

// tells returns the attributes of c, with those of the span inside c that names the peer of the
// same call.
func (o *oracle) tells(c *oracleSpan) map[string]string {
	inside := c
	for !o.namesPeer(inside) {
		i := slices.IndexFunc(o.spans, func(s *oracleSpan) bool { return s.caller && s.within() == inside && o.outer(s) == c })
		if i < 0 {
			return c.attrs
		}
		inside = o.spans[i]
	}
	all := maps.Clone(inside.attrs)
	if c.attrs["server.address"] != "" {
		delete(all, "server.port")
	}
	maps.Copy(all, c.attrs)
	return all
}

// dialed returns the host that the attributes of a span name.
func dialed(attrs map[string]string) string {
	host := strings.ToLower(attrs["server.address"])
	if host == "127.0.0.1" {
		return "localhost"
	}
	return host
}

// isOnePath reports whether two paths can belong to one request: one is the end of the other, where
// a variable of a route matches any segment.
func isOnePath(a, b string) bool {
	if a == "/" || b == "/" {
		return a == b
	}
	x, y := strings.Split(a, "/"), strings.Split(b, "/")
	for i := 1; i < min(len(x), len(y)); i++ { // the first segment is empty
		if s, t := x[len(x)-i], y[len(y)-i]; s != t && s != "{id}" && t != "{id}" {
			return false
		}
	}
	return true
}

// sentThrough returns the queue of the message that caller span c stands for, the zero NodeID if it
// is unknown or only the broker is named.
func (o *oracle) sentThrough(c *oracleSpan) sg.NodeID {
	for {
		if peer, isName := c.peer(); peer.Type == sg.TypeQueue && !isName {
			return peer
		}
		inner := o.inner(c)
		if len(inner) != 1 || o.outer(inner[0]) == inner[0] {
			return sg.NodeID{}
		}
		c = inner[0]
	}
}

// infer counts the call from c to s in place of the calls that c alone and s alone show.
func (o *oracle) infer(c, s *oracleSpan) {
	o.virtuals = slices.DeleteFunc(o.virtuals, func(v oracleCall) bool { return v.client == c })
	o.attempted = slices.DeleteFunc(o.attempted, func(a oracleAttempt) bool { return a.client == c })
	stands := s.stands("paired")
	o.entered = slices.DeleteFunc(o.entered, func(e oracleEntry) bool { return e.callee == stands })
	o.taken = slices.DeleteFunc(o.taken, func(t *oracleSpan) bool { return t == s })
	c.outcome = "paired"
	o.guessed[c] = true
	kind := sg.EdgeRequest
	if s.kind == sg.KindConsumer {
		kind = sg.EdgeMessage
		queue := o.sentThrough(c)
		if queue == (sg.NodeID{}) {
			queue = s.queue()
		}
		o.received[reception{queue, s.node}] = true
	}
	e := o.edge(c.node, s.node, kind)
	e.count(c, stands, &e.inferred)
	e.addCaller(c)
	e.addCallee(stands)
}

// withLostParents returns the spans of traces in which the connection of some calls is lost, and in
// which some spans have attributes of the request.
func withLostParents(rng *rand.Rand, spans []sg.Span) []sg.Span {
	spans = slices.Clone(spans)
	attr := func(s *sg.Span, key, value string) {
		if !slices.ContainsFunc(s.Attrs, func(a sg.Attr) bool { return a.Key == key }) {
			s.Attrs = append(slices.Clone(s.Attrs), sg.Attr{Key: key, Value: value})
		}
	}
	tell := func(s *sg.Span, n int) {
		switch rng.IntN(6) {
		case 0:
			attr(s, "rpc.service", []string{"x.Y", "x.Z"}[n%2])
		case 1:
			attr(s, "url.path", []string{"/users/3", "/api/users/3", "/users/{id}", "/orders", "/"}[n%5])
		case 2:
			attr(s, "http.request.method", []string{"GET", "POST"}[n%2])
		case 3:
			attr(s, "rpc.method", []string{"Get", "Put"}[n%2])
		}
	}
	for i := range spans {
		s := &spans[i]
		at := slices.IndexFunc(spans, func(p sg.Span) bool {
			return p.TraceID == s.TraceID && p.SpanID == s.ParentID && p.Service != s.Service
		})
		if at < 0 || rng.IntN(3) == 0 {
			continue
		}
		caller := &spans[at]
		n := rng.IntN(10)
		tell(caller, n)
		if rng.IntN(4) == 0 {
			n = rng.IntN(10)
		}
		tell(s, n)
		if s.Kind == sg.KindServer && caller.End > caller.Start {
			s.Start = caller.Start + rng.Int64N(caller.End-caller.Start)
			s.End = s.Start + rng.Int64N(caller.End-s.Start)
		}
		switch rng.IntN(4) {
		case 0:
			s.ParentID = sg.SpanID{}
		case 1:
			s.ParentID = sg.SpanID{7}
		case 2:
			s.ParentID, s.Links = sg.SpanID{7}, nil
		}
	}
	return spans
}
