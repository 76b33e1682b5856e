package servicegraph_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	sg "github.com/tempograph/tempograph/servicegraph"
)

// TestAgainstOracle compares the builder with a second, naive reading of
// semantics.md: the whole of all traces at hand, pointers and plain searches. The two
// share no code, and the traces are of realistic shapes with realistic damage.
func TestAgainstOracle(t *testing.T) {
	for seed := range seeds(t, 2000) {
		rng := rand.New(rand.NewPCG(seed, 11))
		spans := damagedTraces(rng)
		compareWithOracle(t, fmt.Sprintf("damaged traces of seed %d", seed), spans)
		rng = rand.New(rand.NewPCG(seed, 12))
		compareWithOracle(t, fmt.Sprintf("random traces of seed %d", seed), randomTraces(rng, 1+rng.IntN(6)))
	}
}

// compareWithOracle wants one answer from both, and otherwise shows the fewest spans
// that still give two.
func compareWithOracle(t *testing.T, name string, spans []sg.Span) {
	t.Helper()
	differ := func(spans []sg.Span) string {
		o := consult(spans)
		if o.unclear {
			return ""
		}
		return cmp.Diff(o.lines(), graphLines(build(spans)))
	}
	if differ(spans) == "" {
		return
	}
	for i := 0; i < len(spans); {
		if fewer := slices.Delete(slices.Clone(spans), i, i+1); differ(fewer) != "" {
			spans, i = fewer, 0
		} else {
			i++
		}
	}
	var text strings.Builder
	for _, s := range spans {
		fmt.Fprintf(&text, "%v %s %s/%s %s<%s [%d+%d] status %d weight %v %v links %v\n", s.Kind, s.TraceID, s.Namespace, s.Service, s.SpanID, s.ParentID,
			s.Start-epoch, s.End-s.Start, s.Status, s.Weight, s.Attrs, s.Links)
	}
	t.Errorf("%s: oracle (-) and builder (+) differ:\n%sspans:\n%s", name, differ(spans), text.String())
}

// An oracle knows every span of every trace.
type oracle struct {
	spans    []*oracleSpan
	edges    map[sg.EdgeID]*oracleEdge
	requests map[sg.NodeID]float64
	entries  map[sg.NodeID]float64
	buckets  map[string]int
	unclear  bool                             // deliveries of one span contradict each other
	linked   map[*oracleSpan]bool             // by consumers
	owners   map[sg.NodeID]map[sg.NodeID]bool // who answered: by host in Name, port in Namespace, and given name in Type
}

type oracleEdge struct {
	calls, errors, both, caller, callee, address float64
	callerCalls, callerErrors                    float64
	calleeCalls, calleeErrors                    float64
	callerTime, calleeTime                       int64 // nanoseconds, weighted
	gaps                                         float64
}

type oracleSpan struct {
	sg.Span
	node    sg.NodeID
	kind    sg.Kind // by what it does
	caller  bool
	polls   bool
	attrs   map[string]string
	parent  *oracleSpan
	missing bool // the parent never arrived
	bucket  string
}

// consult reads the graph off the spans.
func consult(spans []sg.Span) *oracle {
	o := &oracle{
		edges: make(map[sg.EdgeID]*oracleEdge), requests: make(map[sg.NodeID]float64), entries: make(map[sg.NodeID]float64),
		buckets: make(map[string]int), owners: make(map[sg.NodeID]map[sg.NodeID]bool),
		linked: make(map[*oracleSpan]bool),
	}
	for _, s := range spans {
		o.take(s)
	}
	o.joinPieces()
	o.findParents()
	o.cutCircles()
	o.findLinked()
	for _, s := range o.spans {
		o.pair(s)
	}
	for _, s := range o.spans {
		if s.caller && s.within() == nil {
			o.unpaired(s, false)
		}
	}
	o.join()
	o.enter()
	for _, s := range o.spans {
		switch {
		case s.bucket != "":
		case s.missing:
			s.bucket = "orphan"
		case s.parent == nil:
			s.bucket = "root"
		default:
			s.bucket = "internal"
		}
		o.buckets[s.bucket]++
	}
	return o
}

// take adds a span, or merges it into the one it repeats (I1 to I3): a span is the
// same if trace, id, service and side are.
func (o *oracle) take(s sg.Span) {
	if s.TraceID == (sg.TraceID{}) || s.SpanID == (sg.SpanID{}) {
		o.buckets["invalid"]++
		return
	}
	n := &oracleSpan{Span: s, kind: s.Kind, attrs: make(map[string]string)}
	n.Weight = max(n.Weight, 1)
	n.node = sg.NodeID{Namespace: s.Namespace, Name: s.Service, Type: sg.TypeService}
	for _, a := range s.Attrs {
		n.attrs[a.Key] = a.Value
	}
	n.caller = s.Kind == sg.KindClient || s.Kind == sg.KindProducer || !n.serves() && n.attrs["db.system"] != "" // D10
	if s.Kind == sg.KindClient && n.attrs["messaging.operation.type"] == "send" && n.queue() != (sg.NodeID{}) {
		n.kind = sg.KindProducer
	}
	if s.Kind == sg.KindClient && n.attrs["messaging.operation.type"] == "receive" && n.queue() != (sg.NodeID{}) {
		n.kind, n.caller, n.polls = sg.KindConsumer, false, true
	}
	for _, m := range o.spans {
		if m.TraceID == n.TraceID && m.SpanID == n.SpanID && m.node == n.node && m.caller == n.caller && m.serves() == n.serves() {
			o.unclear = o.unclear || !slices.Equal(m.Attrs, n.Attrs)
			m.absorb(n)
			o.buckets["duplicate"]++
			return
		}
	}
	o.spans = append(o.spans, n)
}

func (s *oracleSpan) absorb(o *oracleSpan) {
	s.Start, s.End = min(s.Start, o.Start), max(s.End, o.End)
	s.Status, s.Weight = max(s.Status, o.Status), max(s.Weight, o.Weight)
	s.kind = max(s.kind, o.kind)
	s.Links = append(s.Links, o.Links...)
	if slices.Compare(o.ParentID[:], s.ParentID[:]) > 0 {
		s.ParentID = o.ParentID
	}
}

// joinPieces merges a span without a kind into the span of its service with the same
// id that has one (N3 of Zipkin's rows).
func (o *oracle) joinPieces() {
	o.spans = slices.DeleteFunc(slices.Clone(o.spans), func(s *oracleSpan) bool {
		if s.kind != sg.KindUnset || s.caller {
			return false
		}
		var whole *oracleSpan
		for _, m := range o.spans {
			if m != s && m.TraceID == s.TraceID && m.SpanID == s.SpanID && m.node == s.node && (m.serves() || m.caller) && (whole == nil || m.serves()) {
				whole = m
			}
		}
		if whole == nil {
			return false
		}
		o.unclear = o.unclear || !slices.Equal(whole.Attrs, s.Attrs)
		whole.absorb(s)
		o.buckets["duplicate"]++
		return true
	})
}

func (s *oracleSpan) serves() bool { return s.kind == sg.KindServer || s.kind == sg.KindConsumer }

// with returns the spans of an id in a trace, by service.
func (o *oracle) with(trace sg.TraceID, id sg.SpanID) (found []*oracleSpan) {
	for _, s := range o.spans {
		if s.TraceID == trace && s.SpanID == id {
			found = append(found, s)
		}
	}
	slices.SortFunc(found, func(a, b *oracleSpan) int { return a.node.Compare(b.node) })
	return found
}

func isCaller(s *oracleSpan) bool { return s.caller }
func isCallee(s *oracleSpan) bool { return s.serves() }
func isOther(s *oracleSpan) bool  { return !s.caller && !s.serves() }

// findParents finds the parent of every span, where ids may be shared (I4, I5, N2).
func (o *oracle) findParents() {
	pick := func(among []*oracleSpan, tests ...func(*oracleSpan) bool) *oracleSpan {
		for _, test := range tests {
			if i := slices.IndexFunc(among, test); i >= 0 {
				return among[i]
			}
		}
		return nil
	}
	for _, s := range o.spans {
		if s.serves() {
			if s.parent = pick(o.with(s.TraceID, s.SpanID), isCaller); s.parent != nil {
				continue
			}
		}
		if s.ParentID == (sg.SpanID{}) || s.ParentID == s.SpanID { // I8
			continue
		}
		all := o.with(s.TraceID, s.ParentID)
		own := slices.DeleteFunc(slices.Clone(all), func(p *oracleSpan) bool { return p.node != s.node })
		s.parent = pick(own, isCallee, isCaller, isOther)
		switch {
		case s.parent != nil:
		case s.serves():
			s.parent = pick(all, isCaller, isCallee, isOther)
		default:
			s.parent = pick(all, isCallee, isCaller, isOther)
		}
		s.missing = s.parent == nil
	}
}

// cutCircles makes a root of one span of each circle: not the callee of a caller if
// another can be found, and the earliest of those (I9).
func (o *oracle) cutCircles() {
	for _, s := range o.spans {
		var circle []*oracleSpan
		for a := s.parent; a != nil && len(circle) <= len(o.spans); a = a.parent {
			circle = append(circle, a)
			if a == s {
				slices.SortFunc(circle, func(a, b *oracleSpan) int {
					pairs := func(s *oracleSpan) int {
						if s.serves() && s.parent.caller {
							return 1
						}
						return 0
					}
					return cmpOr(pairs(a)-pairs(b), int(min(max(a.Start-b.Start, -1), 1)), slices.Compare(a.SpanID[:], b.SpanID[:]), a.node.Compare(b.node))
				})
				circle[0].parent = nil
				break
			}
		}
	}
}

func cmpOr(orders ...int) int {
	for _, c := range orders {
		if c != 0 {
			return c
		}
	}
	return 0
}

// client returns the caller span that encloses what happens in s, s included (P16,
// P18); nil if the service made none.
func (s *oracleSpan) client() *oracleSpan {
	for a := s; ; a = a.parent {
		switch {
		case a.caller:
			return a
		case a.serves(), a.parent == nil, a.parent.node != a.node:
			return nil
		}
	}
}

// within returns the caller span of the same service around a span (F8).
func (s *oracleSpan) within() *oracleSpan {
	if s.parent == nil || s.parent.node != s.node {
		return nil
	}
	return s.parent.client()
}

// called reports whether s is the callee side of a call from its parent (P14, P15, F10).
func (s *oracleSpan) called() bool {
	if s.parent == nil {
		return false
	}
	c := s.within()
	return s.parent.node != s.node || c != nil && (s.kind == sg.KindServer || s.kind == sg.KindConsumer && c.kind == sg.KindProducer)
}

// callees returns the spans that caller span c called directly.
func (o *oracle) callees(c *oracleSpan) (callees []*oracleSpan) {
	for _, s := range o.spans {
		if s.called() && s.parent.client() == c {
			callees = append(callees, s)
		}
	}
	return callees
}

// inner returns the caller spans directly inside caller span c.
func (o *oracle) inner(c *oracleSpan) (inner []*oracleSpan) {
	for _, s := range o.spans {
		if s.caller && s.within() == c && !s.called() {
			inner = append(inner, s)
		}
	}
	return inner
}

// outer returns the caller span that stands for the call of c: the outermost of which
// c is the only route out (F8).
func (o *oracle) outer(c *oracleSpan) *oracleSpan {
	around := c.within()
	if around == nil || len(o.callees(around)) > 0 || len(o.inner(around)) > 1 || around.kind != sg.KindClient && around.kind != sg.KindProducer {
		return c
	}
	return o.outer(around)
}

// reaches reports whether a caller span, or one inside, has a callee.
func (o *oracle) reaches(c *oracleSpan) bool {
	return len(o.callees(c)) > 0 || slices.ContainsFunc(o.inner(c), o.reaches)
}

func (o *oracle) edge(from, to sg.NodeID, kind sg.EdgeKind) *oracleEdge {
	id := sg.EdgeID{From: from, To: to, Kind: kind}
	if o.edges[id] == nil {
		o.edges[id] = new(oracleEdge)
	}
	return o.edges[id]
}

func failed(s *oracleSpan) bool { return s != nil && s.Status == sg.StatusError }

func (e *oracleEdge) count(caller, callee *oracleSpan, evidence *float64) {
	weight := 0.0
	for _, s := range []*oracleSpan{caller, callee} {
		if s != nil {
			weight = max(weight, s.Weight)
		}
	}
	e.calls += weight
	*evidence += weight
	if failed(caller) || failed(callee) {
		e.errors += weight
	}
}

func took(s *oracleSpan) int64 {
	if s.End < s.Start {
		return 0
	}
	return int64(math.Round(float64(s.End-s.Start) * s.Weight))
}

func (e *oracleEdge) seeCaller(s *oracleSpan) {
	e.callerCalls += s.Weight
	e.callerTime += took(s)
	if failed(s) {
		e.callerErrors += s.Weight
	}
}

func (e *oracleEdge) seeCallee(s *oracleSpan) {
	e.calleeCalls += s.Weight
	e.calleeTime += took(s)
	if failed(s) {
		e.calleeErrors += s.Weight
	}
}

// gap notes the time between both sides, if it can be told (T4, M2).
func (e *oracleEdge) gap(kind sg.EdgeKind, caller, callee *oracleSpan) {
	if caller.End < caller.Start || callee.End < callee.Start {
		return
	}
	between := (caller.End - caller.Start) - (callee.End - callee.Start)
	if kind == sg.EdgeMessage {
		between = callee.Start - caller.End
	}
	if between >= 0 {
		e.gaps += max(caller.Weight, callee.Weight)
	}
}

// pair counts the calls of s if callees of it are known (F1 to F3), and the call that
// s is the callee of if the caller made no span (P15).
func (o *oracle) pair(s *oracleSpan) {
	if s.called() {
		s.bucket = "paired"
		o.requests[s.node] += s.Weight
		if s.parent.client() == nil {
			kind := sg.EdgeRequest
			if s.kind == sg.KindConsumer {
				kind = sg.EdgeMessage
			}
			e := o.edge(s.parent.node, s.node, kind)
			e.count(nil, s, &e.callee)
			e.seeCallee(s)
		}
	}
	callees := o.callees(s)
	if !s.caller || len(callees) == 0 {
		return
	}
	client := o.outer(s)
	o.bucket(s, client, "paired")
	seen := make(map[*oracleEdge]bool)
	for _, c := range callees {
		kind := sg.EdgeRequest
		if c.kind == sg.KindConsumer || client.kind == sg.KindProducer {
			kind = sg.EdgeMessage
		} else {
			o.learn(s, c)
		}
		e := o.edge(s.node, c.node, kind)
		e.count(client, c, &e.both)
		e.seeCallee(c)
		if !seen[e] {
			e.seeCaller(client)
		}
		seen[e] = true
		if len(callees) == 1 || kind == sg.EdgeMessage {
			e.gap(kind, client, c)
		}
	}
}

// bucket accounts for the caller spans from s out to the one that stands for its call.
func (o *oracle) bucket(s, client *oracleSpan, its string) {
	for ; s != client; s = s.within() {
		if !s.called() {
			s.bucket = "nested"
		}
	}
	if !client.called() {
		client.bucket = its
	}
}

// learn notes who answered at an address (D13).
func (o *oracle) learn(client, callee *oracleSpan) {
	at := client.at()
	if at == (sg.NodeID{}) {
		return
	}
	for _, key := range []sg.NodeID{at, {Name: at.Name, Namespace: at.Namespace}} {
		if o.owners[key] == nil {
			o.owners[key] = make(map[sg.NodeID]bool)
		}
		o.owners[key][callee.node] = true
	}
}

// at returns the address a span dialled: the host in Name, the port in Namespace, and
// the name that the span gives to who is there in Type.
func (s *oracleSpan) at() (at sg.NodeID) {
	if host := s.attrs["server.address"]; host != "" {
		at.Name, at.Namespace = strings.ToLower(host), s.attrs["server.port"]
		if peer, isName := s.peer(); isName {
			at.Type = sg.NodeType(peer.Name)
		}
	}
	return at
}

func (s *oracleSpan) queue() sg.NodeID {
	system, topic := s.attrs["messaging.system"], s.attrs["messaging.destination.name"]
	switch {
	case system == "" && topic == "":
		return sg.NodeID{}
	case topic == "":
		return sg.NodeID{Name: strings.ToLower(system), Type: sg.TypeQueue}
	case system == "":
		return sg.NodeID{Name: topic, Type: sg.TypeQueue}
	}
	return sg.NodeID{Name: strings.ToLower(system) + "/" + topic, Type: sg.TypeQueue}
}

// peer returns whom a caller span names, in the order of the table "Decided".
func (s *oracleSpan) peer() (peer sg.NodeID, isName bool) {
	name, system := s.attrs["peer.service"], s.attrs["db.system"]
	switch {
	case name != "" && system != "":
		peer, isName = sg.NodeID{Name: name, Type: sg.TypeDatabase}, true
	case name != "" && s.kind == sg.KindProducer && s.queue() != (sg.NodeID{}):
		peer, isName = sg.NodeID{Name: name, Type: sg.TypeQueue}, true
	case name != "":
		peer, isName = sg.NodeID{Name: name, Type: sg.TypeExternal}, true
	case system != "":
		peer = sg.NodeID{Name: strings.ToLower(system), Type: sg.TypeDatabase}
	case s.queue() != (sg.NodeID{}):
		peer = s.queue()
	case s.attrs["server.address"] != "":
		peer = sg.NodeID{Name: strings.ToLower(s.attrs["server.address"]), Type: sg.TypeExternal}
	}
	if isName && s.called() && name == s.Service { // HotROD's mysql names itself
		return sg.NodeID{}, false
	}
	return peer, isName
}

// names reports whether a caller span names a peer. A library around the clients of a
// database is none itself.
func (o *oracle) names(c *oracleSpan) bool {
	peer, _ := c.peer()
	return peer != (sg.NodeID{}) && (c.kind == sg.KindClient || c.kind == sg.KindProducer || len(o.inner(c)) == 0)
}

func (o *oracle) namesInside(c *oracleSpan) bool {
	return slices.ContainsFunc(o.inner(c), func(i *oracleSpan) bool { return o.names(i) || o.namesInside(i) })
}

func specific(t sg.NodeType) bool { return t == sg.TypeDatabase || t == sg.TypeQueue }

// unpaired counts the calls of c and of the caller spans inside that no callee shows;
// told says that the span around speaks for c.
func (o *oracle) unpaired(c *oracleSpan, told bool) {
	peer, _ := c.peer()
	quiet := func(its string) {
		if !c.called() {
			c.bucket = its
		}
	}
	elsewhere := false // c is a call of its own beside that of the span around it
	if around := c.within(); around != nil && len(o.callees(around)) > 0 {
		other, _ := around.peer()
		elsewhere = o.names(c) && specific(peer.Type) && !specific(other.Type)
	}
	switch {
	case len(o.callees(c)) > 0:
		told = true
	case o.reaches(c):
		told = false
		if c.bucket == "" {
			c.bucket = "nested"
		}
	case told && !elsewhere:
		quiet("nested")
	case peer.Type == sg.TypeExternal && o.publishes(c), peer.Type == sg.TypeExternal && o.polled(c):
		told = false
		quiet("nested")
	case o.names(c):
		told = true
		o.virtual(c)
	case o.namesInside(c):
		told = false
		quiet("nested")
	default:
		told = true
		quiet("unresolved")
	}
	for _, i := range o.inner(c) {
		o.unpaired(i, told)
	}
}

// publishes reports whether a PRODUCER inside names a queue: c carries its message.
func (o *oracle) publishes(c *oracleSpan) bool {
	return slices.ContainsFunc(o.inner(c), func(i *oracleSpan) bool {
		peer, _ := i.peer()
		return (i.kind == sg.KindProducer || i.kind == sg.KindClient) && peer.Type == sg.TypeQueue || o.publishes(i)
	})
}

// polled reports whether c is inside a span that asked a queue for messages.
func (o *oracle) polled(c *oracleSpan) bool {
	r := receiver(c)
	return r != nil && r.polls
}

// virtual counts the call of c to the peer that it names, unless a consumer elsewhere
// has its message.
func (o *oracle) virtual(c *oracleSpan) {
	client, kind := o.outer(c), sg.EdgeRequest
	if c.kind == sg.KindProducer || client.kind == sg.KindProducer {
		kind = sg.EdgeMessage
	}
	if slices.ContainsFunc(o.spans, func(s *oracleSpan) bool { return o.linked[s] && o.outer(s) == client }) {
		o.bucket(c, client, "paired")
		return
	}
	o.bucket(c, client, "virtual")
	peer, isName := c.peer()
	to, evidence := peer, func(e *oracleEdge) *float64 { return &e.caller }
	if isName {
		to = o.service(peer)
	}
	if owners := o.owners[c.at()]; to == peer && kind == sg.EdgeRequest && len(owners) == 1 && !(c.attrs["server.port"] == "" && specific(peer.Type)) {
		for to = range owners {
			evidence = func(e *oracleEdge) *float64 { return &e.address }
		}
	}
	e := o.edge(client.node, to, kind)
	e.count(client, nil, evidence(e))
	e.seeCaller(client)
}

// service returns the service that a name means, the peer itself if there is none.
func (o *oracle) service(peer sg.NodeID) sg.NodeID {
	named := make(map[sg.NodeID]bool)
	for _, s := range o.spans {
		if s.node.Name == peer.Name {
			if s.node.Namespace == peer.Namespace {
				return s.node
			}
			named[s.node] = true
		}
	}
	if len(named) == 1 {
		for only := range named {
			return only
		}
	}
	return peer
}

// receiver returns the consumer span around s in its service, nil if there is none.
func receiver(s *oracleSpan) *oracleSpan {
	for a := s; a.parent != nil && a.parent.node == s.node; {
		if a = a.parent; a.kind == sg.KindConsumer {
			return a
		}
	}
	return nil
}

// messages returns the spans that the links of consumer span s point to, without those
// whose message its parent brought or a consumer span around it received (M4, M10).
func (o *oracle) messages(s *oracleSpan) (targets []sg.Link) {
	if s.kind != sg.KindConsumer {
		return nil
	}
	delivered := func(r *oracleSpan, l sg.Link) bool {
		if !r.called() || r.parent.client() == nil {
			return false
		}
		c := r.parent.client()
		return l == id(c) || l == id(o.outer(c))
	}
	for _, l := range s.Links {
		known := slices.Contains(targets, l) || delivered(s, l)
		for r := receiver(s); r != nil; r = receiver(r) {
			known = known || delivered(r, l) || slices.Contains(r.Links, l)
		}
		if !known {
			targets = append(targets, l)
		}
	}
	return targets
}

func id(s *oracleSpan) sg.Link { return sg.Link{TraceID: s.TraceID, SpanID: s.SpanID} }

// sender returns the span that a link means: a PRODUCER before a CLIENT (M5).
func (o *oracle) sender(l sg.Link) *oracleSpan {
	all := o.with(l.TraceID, l.SpanID)
	for _, kind := range []sg.Kind{sg.KindProducer, sg.KindClient} {
		if i := slices.IndexFunc(all, func(s *oracleSpan) bool { return s.kind == kind }); i >= 0 {
			return all[i]
		}
	}
	return nil
}

// findLinked finds the senders of messages that consumers point to.
func (o *oracle) findLinked() {
	for _, s := range o.spans {
		for _, l := range o.messages(s) {
			if p := o.sender(l); p != nil {
				o.linked[p] = true
			}
		}
	}
}

// join counts one message for each link (M2, M3).
func (o *oracle) join() {
	type side struct {
		edge *oracleEdge
		span *oracleSpan
	}
	seen := make(map[side]bool)
	for _, s := range o.spans {
		targets := o.messages(s)
		for _, l := range targets {
			p := o.sender(l)
			if p == nil {
				continue
			}
			client := o.outer(p)
			s.bucket = "paired"
			if client.bucket == "unresolved" {
				client.bucket = "paired"
			}
			e := o.edge(p.node, s.node, sg.EdgeMessage)
			e.count(client, s, &e.both)
			e.gap(sg.EdgeMessage, client, s)
			if !seen[side{e, client}] {
				e.seeCaller(client)
			}
			if !seen[side{e, s}] {
				e.seeCallee(s)
			}
			seen[side{e, client}], seen[side{e, s}] = true, true
		}
	}
}

// enter counts the requests that no known caller made (P5 to P7, M9).
func (o *oracle) enter() {
	for _, s := range o.spans {
		messages := len(o.messages(s)) > 0 // which this span handles, not the one around it (M10)
		outside := s.parent == nil || s.kind == sg.KindConsumer && receiver(s) == nil
		if !s.serves() || s.called() || !outside && !messages {
			continue
		}
		handsOn := slices.ContainsFunc(o.spans, func(i *oracleSpan) bool {
			if len(o.messages(i)) == 0 {
				return false
			}
			for r := receiver(i); r != nil; r = receiver(r) {
				if r == s {
					return true
				}
			}
			return false
		})
		if messages || !handsOn { // what hands on has received nothing itself
			o.requests[s.node] += s.Weight
		}
		peer, kind := sg.NodeID{Name: s.attrs["peer.service"], Type: sg.TypeExternal}, sg.EdgeRequest
		if s.kind == sg.KindConsumer {
			kind = sg.EdgeMessage
			if q := s.queue(); q != (sg.NodeID{}) {
				peer = q
			}
		}
		switch {
		case s.bucket == "paired", messages && peer.Type != sg.TypeQueue, handsOn && !messages:
		case peer.Name != "" && (s.parent == nil && !s.missing || peer.Type == sg.TypeQueue):
			from := peer
			if peer.Type == sg.TypeExternal {
				from = o.service(peer)
			}
			s.bucket = "virtual"
			e := o.edge(from, s.node, kind)
			e.count(nil, s, &e.callee)
			e.seeCallee(s)
		case s.parent == nil && !s.missing:
			o.entries[s.node] += s.Weight
		}
	}
}

// lines writes the graph in a fixed order.
func (o *oracle) lines() []string {
	var lines []string
	for id, e := range o.edges {
		lines = append(lines, fmt.Sprintf("%v %+v", id, *e))
	}
	for id, n := range o.requests {
		lines = append(lines, fmt.Sprintf("%v requests %v", id, n))
	}
	for id, n := range o.entries {
		lines = append(lines, fmt.Sprintf("%v entries %v", id, n))
	}
	for its, n := range o.buckets {
		lines = append(lines, fmt.Sprintf("%s %d", its, n))
	}
	slices.Sort(lines)
	return lines
}

// graphLines writes a graph as the oracle's lines.
func graphLines(g *sg.Graph) []string {
	o := &oracle{
		edges: make(map[sg.EdgeID]*oracleEdge), requests: make(map[sg.NodeID]float64), entries: make(map[sg.NodeID]float64), buckets: make(map[string]int),
	}
	for e := range g.Edges() {
		*o.edge(e.ID.From, e.ID.To, e.ID.Kind) = oracleEdge{
			calls: e.Calls, errors: e.Errors, both: e.Evidence.Both, caller: e.Evidence.Caller, callee: e.Evidence.Callee, address: e.Evidence.Address,
			callerCalls: e.Caller.Calls, callerErrors: e.Caller.Errors, calleeCalls: e.Callee.Calls, calleeErrors: e.Callee.Errors,
			callerTime: int64(e.Caller.Latency.Sum()), calleeTime: int64(e.Callee.Latency.Sum()), gaps: e.Gap.Count(),
		}
	}
	for n := range g.Nodes() {
		if n.ID.Type != sg.TypeService {
			continue
		}
		if n.Requests.Calls > 0 {
			o.requests[n.ID] = n.Requests.Calls
		}
		if n.Entries > 0 {
			o.entries[n.ID] = n.Entries
		}
	}
	r := g.Report()
	for its, n := range map[string]uint64{
		"paired": r.Paired, "virtual": r.Virtual, "nested": r.Nested, "root": r.Root, "internal": r.Internal, "orphan": r.Orphan,
		"unresolved": r.Unresolved, "duplicate": r.Duplicate, "invalid": r.Invalid,
	} {
		if n > 0 {
			o.buckets[its] = int(n)
		}
	}
	return o.lines()
}

// damagedTraces returns traces as systems make them, and what networks, samplers and
// clocks make of them.
func damagedTraces(rng *rand.Rand) []sg.Span {
	w := &world{rng: rng}
	for i := range 1 + rng.IntN(4) {
		w.trace = sg.TraceID{byte(i + 1), 15: byte(i + 1)}
		w.request(sg.SpanID{}, w.service(), epoch, 0)
	}
	for len(w.later) > 0 && len(w.spans) < 60 {
		next := w.later[0]
		w.later = w.later[1:]
		next()
	}
	var out []sg.Span
	for _, s := range w.spans {
		switch rng.IntN(40) {
		case 0: // lost
			continue
		case 1: // delivered twice
			out = append(out, s)
		case 2: // delivered in two pieces
			first := s
			first.End, first.Status = 0, sg.StatusUnset
			out = append(out, first)
		case 3:
			s.End = 0
		case 4:
			s.Start += rng.Int64N(2e8) - 1e8
		case 5:
			s.ParentID = sg.SpanID{}
		case 6:
			s.ParentID = s.SpanID
		case 7:
			s.ParentID = w.spans[rng.IntN(len(w.spans))].SpanID
		case 8:
			s.Kind = sg.Kind(rng.IntN(6))
		case 9:
			s.SpanID = sg.SpanID{}
		}
		out = append(out, s)
	}
	rng.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

// A world makes spans that know of each other.
type world struct {
	rng   *rand.Rand
	trace sg.TraceID
	spans []sg.Span
	later []func() // what traces of their own bring
}

func (w *world) service() string { return string(rune('A' + w.rng.IntN(5))) }

// span adds a span below another, and returns its id.
func (w *world) span(kind sg.Kind, service string, parent sg.SpanID, start int64, attrs ...string) sg.SpanID {
	n := len(w.spans) + 1
	s := sg.Span{
		TraceID: w.trace, SpanID: sg.SpanID{2, byte(n >> 8), byte(n)}, ParentID: parent,
		Service: service, Kind: kind, Start: start, End: start + w.rng.Int64N(1e9),
		Weight: []float64{0, 0, 1, 4}[w.rng.IntN(4)],
	}
	if service == "E" {
		s.Namespace = "ns"
	}
	if w.rng.IntN(5) == 0 {
		s.Status = sg.StatusError
	}
	for i := 0; i < len(attrs); i += 2 {
		s.Attrs = append(s.Attrs, sg.Attr{Key: attrs[i], Value: attrs[i+1]})
	}
	w.spans = append(w.spans, s)
	return s.SpanID
}

// address returns attributes that say where a service listens: its own host, one that
// two share, or none.
func (w *world) address(service string) []string {
	switch w.rng.IntN(4) {
	case 0:
		return []string{"server.address", "host-" + service, "server.port", "80"}
	case 1:
		return []string{"server.address", "balancer", "server.port", "80"}
	case 2:
		return []string{"server.address", "host-" + service}
	}
	return nil
}

// request adds what a service does for one request, from its server span down.
func (w *world) request(parent sg.SpanID, service string, start int64, depth int) {
	w.work(w.span(sg.KindServer, service, parent, start), service, start, depth)
}

// work adds what is done below a span.
func (w *world) work(at sg.SpanID, service string, start int64, depth int) {
	for range w.rng.IntN(4) {
		if depth > 3 || len(w.spans) > 60 {
			return
		}
		start += w.rng.Int64N(1e8)
		if w.rng.IntN(4) == 0 {
			at = w.span(sg.KindInternal, service, at, start)
		}
		w.call(at, service, start, depth+1)
	}
}

// call adds one call in one of the shapes that instrumentations give it.
func (w *world) call(at sg.SpanID, service string, start int64, depth int) {
	other := w.service()
	client := func(attrs ...string) sg.SpanID { return w.span(sg.KindClient, service, at, start, attrs...) }
	switch w.rng.IntN(14) {
	case 0, 1, 2:
		w.request(client(w.address(other)...), other, start, depth)
	case 3: // nobody instrumented the client
		w.request(at, other, start, depth)
	case 4: // an outage, or a peer without spans
		client(w.address(other)...)
	case 5:
		client("peer.service", []string{other, "stripe"}[w.rng.IntN(2)])
	case 6:
		client("db.system", "redis")
	case 7: // a library around an HTTP client
		sdk := client("db.system", "elasticsearch")
		inner := w.span(sg.KindClient, service, sdk, start, w.address(other)...)
		if w.rng.IntN(2) == 0 {
			w.request(inner, other, start, depth)
		}
	case 8: // a load balancer that tried several
		c := client(w.address(other)...)
		for range 1 + w.rng.IntN(3) {
			w.request(c, []string{other, w.service()}[w.rng.IntN(2)], start, depth)
		}
	case 9: // both sides share an id
		c := client()
		w.request(at, other, start, depth)
		for i := range w.spans {
			if s := &w.spans[i]; s.Kind == sg.KindServer && s.ParentID == at && s.Service == other && s.SpanID != c && s.TraceID == w.trace {
				old := s.SpanID
				s.SpanID = c
				for j := range w.spans {
					if w.spans[j].ParentID == old && w.spans[j].TraceID == w.trace {
						w.spans[j].ParentID = c
					}
				}
				break
			}
		}
	case 10: // a library's span between
		w.request(w.span(sg.KindInternal, service, client(), start), other, start, depth)
	case 11: // consumers below the producer
		p := w.span(sg.KindProducer, service, at, start, "messaging.system", "kafka", "messaging.destination.name", "orders")
		for range w.rng.IntN(3) {
			to := w.service()
			w.work(w.span(sg.KindConsumer, to, p, start+2e8), to, start, depth)
		}
	case 12: // consumers in traces of their own
		p := w.span(sg.KindProducer, service, at, start, "messaging.system", "kafka", "messaging.destination.name", "orders")
		w.consume(sg.Link{TraceID: w.trace, SpanID: p}, start)
	case 13: // an HTTP client that carries the message
		c := client("server.address", "broker")
		p := w.span(sg.KindProducer, service, c, start, "messaging.destination.name", "jobs")
		w.consume(sg.Link{TraceID: w.trace, SpanID: p}, start)
	}
}

// consume adds consumers that point to a message, some of them with another.
func (w *world) consume(message sg.Link, start int64) {
	for range w.rng.IntN(3) {
		w.later = append(w.later, func() {
			w.trace = sg.TraceID{byte(100 + len(w.later)), byte(len(w.spans) + 1), 15: byte(len(w.spans) + 1)}
			to := w.service()
			c := w.span(sg.KindConsumer, to, sg.SpanID{}, start+2e8)
			s := &w.spans[len(w.spans)-1]
			s.Links = append(s.Links, message)
			for i := range w.spans {
				if p := &w.spans[i]; p.Kind == sg.KindProducer && w.rng.IntN(3) == 0 {
					s.Links = append(s.Links, sg.Link{TraceID: p.TraceID, SpanID: p.SpanID})
				}
			}
			w.work(c, to, start, 2)
		})
	}
}
