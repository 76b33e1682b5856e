package servicegraph_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	sg "github.com/tempograph/tempograph/servicegraph"
)

// TestAgainstOracle compares the builder with a second, naive implementation of
// docs/semantics.md. The oracle sees all spans of all traces at once and uses pointers and
// linear searches; it shares no code with the builder. The first kind of input is realistic
// traces with realistic damage, the second is random spans.
func TestAgainstOracle(t *testing.T) {

	for seed := range seeds(t, 2000) {
		rng := rand.New(rand.NewPCG(seed, 11))
		spans := damagedTraces(rng)
		compareWithOracle(t, fmt.Sprintf("damaged traces of seed %d", seed), spans, oracleConfigs[seed%uint64(len(oracleConfigs))])
		rng = rand.New(rand.NewPCG(seed, 12))
		compareWithOracle(t, fmt.Sprintf("random traces of seed %d", seed), randomTraces(rng, 1+rng.IntN(6)), oracleConfigs[seed%uint64(len(oracleConfigs))])
	}
}

// An oracleConfig is a configuration that the oracle knows. The oracle has the renaming rules as a
// list of names, since it shares no code with the builder.
type oracleConfig struct {
	sg.Config
	renamed map[string]string
}

// oracleConfigs are the configurations for which the oracle and the builder are compared.
var oracleConfigs = []oracleConfig{
	{},
	{Config: sg.Config{HTTPErrors: true}},
	{Config: sg.Config{UserNode: true, NotErrors: []string{"500"}}},
	{Config: sg.Config{IgnoreAddresses: true, IgnoreInternalDatabases: true}},
	{Config: sg.Config{QueueNodes: true}},
	{Config: sg.Config{Rename: renames("^C$=B")}, renamed: map[string]string{"C": "B"}},
	{Config: sg.Config{Rename: renames("^C$=B"), QueueNodes: true, UserNode: true, HTTPErrors: true, NotErrors: []string{"500"}}, renamed: map[string]string{"C": "B"}},
	{Config: sg.Config{SplitBy: []string{"service.version"}}},
	{Config: sg.Config{SplitBy: []string{"service.version", "k8s.namespace.name"}, Rename: renames("^C$=B"), QueueNodes: true}, renamed: map[string]string{"C": "B"}},
}

// serviceNode returns the service of a span, and its name without what SplitBy adds (N5).
func (c *oracleConfig) serviceNode(s *sg.Span) (node sg.NodeID, whole string) {
	node = c.name(sg.NodeID{Namespace: s.Namespace, Name: s.Service, Type: sg.TypeService})
	whole = node.Name
	for _, key := range c.SplitBy {
		if i := slices.IndexFunc(s.Resource, func(a sg.Attr) bool { return a.Key == key }); i >= 0 {
			node.Name += "@" + s.Resource[i].Value
		}
	}
	return node, whole
}

// name returns a node with the name that the renaming rules give it.
func (c *oracleConfig) name(id sg.NodeID) sg.NodeID {
	if to, ok := c.renamed[id.Name]; ok {
		id.Name = to
	}
	return id
}

// status returns the status of a span (E5, E9).
func (c *oracleConfig) status(s *oracleSpan) sg.Status {
	failed := s.attrs["http.response.status_code"] == "500"
	switch {
	case failed && len(c.NotErrors) > 0 && s.Status == sg.StatusError:
		return sg.StatusUnset
	case failed && c.HTTPErrors && len(c.NotErrors) == 0 && s.Status == sg.StatusUnset:
		return sg.StatusError
	}
	return s.Status
}

// compareWithOracle checks that the oracle and the builder make the same graph of the spans. If the
// graphs differ, it removes as many spans as possible without making the graphs equal, and reports
// the remaining spans.
func compareWithOracle(t *testing.T, name string, spans []sg.Span, cfg oracleConfig) {
	t.Helper()
	differ := func(spans []sg.Span) string {
		o := interpret(spans, cfg)
		if o.ambiguous {
			return ""
		}
		return cmp.Diff(o.lines(), graphLines(buildWith(cfg.Config, spans)))
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
	t.Errorf("%s: the graphs of the oracle (-) and the builder (+) differ:\n%sspans:\n%s", name, differ(spans), text.String())
}

// An oracle holds every span of every trace, and the graph that it makes of them.
type oracle struct {
	cfg       oracleConfig
	spans     []*oracleSpan
	edges     map[sg.EdgeID]*oracleEdge
	requests  map[sg.NodeID]float64
	entries   map[sg.NodeID]float64
	outcomes  map[string]int       // number of spans, by outcome
	ambiguous bool                 // deliveries of one span contradict each other
	linked    map[*oracleSpan]bool // the senders that consumers link to
	received  map[reception]bool
	queued    map[*oracleSpan]bool // the caller spans with a call to a queue node
	taken     []*oracleSpan        // the spans that took messages; other spans may show the same messages
	entered   []oracleEntry        // the requests and messages whose caller only the callee names
	open      map[*oracleSpan]bool // the caller spans that begin a call of which no other side is known
	gone      []*oracleSpan        // the spans of hidden services that no visible service called
	senders   map[*oracleSpan]bool // the spans that stand for messages without a consumer among their descendants
	meetings  []oracleMeeting
	virtuals  []oracleCall
	attempted []oracleAttempt
	guessed   map[*oracleSpan]bool // the callers of inferred calls

	hiddenCalls, hiddenErrors float64
}

// A reception is a service that received messages of a queue.
type reception struct{ queue, by sg.NodeID }

// An oracleEntry is a call from a node that the callee names.
type oracleEntry struct {
	from   sg.NodeID
	callee *oracleSpan
	kind   sg.EdgeKind
}

type oracleEdge struct {
	calls, errors, both, caller, callee, address, name float64
	inferred                                           float64
	callerCalls, callerErrors                          float64
	calleeCalls, calleeErrors                          float64
	callerTime, calleeTime                             int64 // nanoseconds, weighted
	gaps                                               float64
}

type oracleSpan struct {
	sg.Span
	cfg     *oracleConfig
	node    sg.NodeID
	whole   string    // the name of the node without what SplitBy adds
	kind    sg.Kind   // the role that the attributes show, which can differ from Kind
	caller  bool      // the caller side of a call
	polls   bool      // a CLIENT span that asks a queue for messages
	takes   bool      // like polls, or a CONSUMER span that takes messages from a queue for other spans to process
	either  bool      // like polls, or a CLIENT span that sends a batch
	settles bool      // an INTERNAL span that sends a batch
	batch   []sg.Link // of a span that sends a batch: the links to the messages
	attrs   map[string]string
	parent  *oracleSpan
	missing bool        // the parent never arrived
	shares  bool        // a SERVER or CONSUMER span of the service has the same id
	twin    bool        // another span stands for the call of both (F14)
	dialed  *oracleSpan // the span with the address of a call whose callee is found by a link; nil if it is this span
	by      *oracleSpan // the span inside that stands for the delivery of the message that this span received; nil if it is this span
	of      *oracleSpan // the span around for whose delivery this span stands; nil if there is none

	service   sg.NodeID // the service that sent the span; for a span of a hidden service, node differs
	gone      bool      // a span of a hidden service that no visible span called
	passesOn  bool      // a span of a gateway that no visible span called, for a request from outside
	through   bool      // a span of a hidden service that a visible service called
	behind    bool      // a visible span that a hidden service called, which no visible span had called
	isEntry   bool      // like behind, but a gateway called the span: it is a request from outside
	reached   bool      // the call reached a hidden service
	relays    bool      // a span of a hidden service inside names a host
	ends      bool      // the call reached a hidden service, and nothing names where it went from there
	nameless  bool      // a span of a hidden service inside names the callee better
	hidesName bool      // nameless: the name is that of a hidden service

	outcome string
}

// interpret makes the oracle's graph of the spans.
func interpret(spans []sg.Span, cfg oracleConfig) *oracle {
	o := &oracle{
		cfg:   cfg,
		edges: make(map[sg.EdgeID]*oracleEdge), requests: make(map[sg.NodeID]float64), entries: make(map[sg.NodeID]float64),
		outcomes: make(map[string]int), linked: make(map[*oracleSpan]bool), received: make(map[reception]bool), queued: make(map[*oracleSpan]bool),
		open: make(map[*oracleSpan]bool), senders: make(map[*oracleSpan]bool), guessed: make(map[*oracleSpan]bool),
	}
	for _, s := range spans {
		o.add(s)
	}
	o.joinPieces()
	for _, s := range o.spans { // all links of attempts belong to the first attempt
		if first := o.attempts(s)[0]; first != s {
			first.Links, s.Links = append(first.Links, s.Links...), nil
			if s.Status == sg.StatusError {
				first.batch, s.batch = append(first.batch, s.batch...), nil
			}
		}
	}
	o.findParents()
	o.breakCycles()
	o.hide()
	for _, s := range o.spans {
		s.shares = slices.ContainsFunc(o.with(s.TraceID, s.SpanID), func(other *oracleSpan) bool { return other != s && other.serves() && other.node == s.node })
	}
	o.findBatches()
	o.findTwins()
	o.findTaken()
	o.findLinked()
	o.findHandlers()
	for _, s := range o.spans {
		o.pair(s)
	}
	for _, s := range o.spans {
		if s.caller && s.within() == nil {
			o.unpaired(s, false)
		}
	}
	o.noteLinked()
	o.countEntries()
	o.inferCalls()
	o.countLinkedMessages()
	o.countEntered()
	o.countTaken()
	o.countVirtuals()
	for _, s := range o.spans {
		switch {
		case s.through:
			s.outcome = "hidden"
		case s.outcome != "":
		case s.missing:
			s.outcome = "orphan"
		case s.parent == nil:
			s.outcome = "root"
		default:
			s.outcome = "internal"
		}
		o.outcomes[s.outcome]++
	}
	return o
}

// add adds a span, or merges it into the span that it repeats (I1 to I3): two spans are
// deliveries of the same span if trace id, span id, service and side are equal, and both start in
// the same millisecond (I11).
func (o *oracle) add(s sg.Span) {
	if s.TraceID == (sg.TraceID{}) || s.SpanID == (sg.SpanID{}) {
		o.outcomes["invalid"]++
		return
	}
	n := &oracleSpan{Span: s, cfg: &o.cfg, kind: s.Kind, attrs: make(map[string]string)}
	n.Weight = max(n.Weight, 1)
	n.node, n.whole = o.cfg.serviceNode(&s)
	n.service = n.node
	for _, a := range s.Attrs {
		n.attrs[a.Key] = a.Value
	}
	n.Status = o.cfg.status(n)
	n.caller = s.Kind == sg.KindClient || s.Kind == sg.KindProducer || !n.serves() && n.attrs["db.system"] != "" && !o.cfg.IgnoreInternalDatabases // or a database inside the process (D10)
	if s.Kind == sg.KindClient && n.attrs["messaging.operation.type"] == "send" && n.queue() != (sg.NodeID{}) {
		n.kind = sg.KindProducer
		if len(s.Links) > 0 { // a batch whose messages have spans (M10)
			n.kind, n.caller, n.Links, n.settles = sg.KindInternal, false, nil, true
			n.batch = s.Links
		}
	}
	if s.Kind == sg.KindClient && n.attrs["messaging.operation.type"] == "receive" && n.queue() != (sg.NodeID{}) {
		n.kind, n.caller, n.polls = sg.KindConsumer, false, true
	}
	if _, known := n.attrs["messaging.operation.type"]; s.Kind == sg.KindClient && !known && len(s.Links) > 0 && n.queue() != (sg.NodeID{}) {
		n.kind, n.caller, n.polls, n.either = sg.KindConsumer, false, true, true
	}
	n.takes = n.polls || s.Kind == sg.KindConsumer && n.attrs["messaging.operation.type"] == "receive" && n.queue() != (sg.NodeID{})
	for _, m := range o.spans {
		if isAttempt(m, n) && m.Start/1e6 == n.Start/1e6 {
			o.ambiguous = o.ambiguous || !slices.Equal(m.Attrs, n.Attrs)
			m.absorb(n)
			o.outcomes["duplicate"]++
			return
		}
	}
	o.spans = append(o.spans, n)
}

// isAttempt reports whether two spans have one identity: if they are not deliveries of one span,
// they are attempts of one call (I11).
func isAttempt(a, b *oracleSpan) bool {
	return a.TraceID == b.TraceID && a.SpanID == b.SpanID && a.service == b.service && a.caller == b.caller && a.serves() == b.serves()
}

// attempts returns the spans with the identity of a span, by start.
func (o *oracle) attempts(of *oracleSpan) (attempts []*oracleSpan) {
	for _, s := range o.spans {
		if isAttempt(s, of) {
			attempts = append(attempts, s)
		}
	}
	slices.SortFunc(attempts, func(a, b *oracleSpan) int { return int(a.Start/1e6 - b.Start/1e6) })
	return attempts
}

// attemptAt returns the attempt in which a child span started. Of the attempts with the identity of
// a span, it is the last that started no later than the child, or else the first. The result for
// nil is nil.
func (o *oracle) attemptAt(of, child *oracleSpan) *oracleSpan {
	if of == nil {
		return nil
	}
	attempts := o.attempts(of)
	at := attempts[0]
	for _, s := range attempts {
		if s.Start/1e6 <= child.Start/1e6 {
			at = s
		}
	}
	return at
}

// absorb merges the delivery o of a span into the delivery s.
func (s *oracleSpan) absorb(o *oracleSpan) {
	s.Start, s.End = min(s.Start, o.Start), max(s.End, o.End)
	s.Status, s.Weight = max(s.Status, o.Status), max(s.Weight, o.Weight)
	s.kind = max(s.kind, o.kind)
	s.Links = append(s.Links, o.Links...)
	if slices.Compare(o.ParentID[:], s.ParentID[:]) > 0 {
		s.ParentID = o.ParentID
	}
}

// joinPieces merges a span without a kind into the span of the same service and id that has
// a kind (row N3 of Zipkin's table).
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
		whole = o.attemptAt(whole, s)
		o.ambiguous = o.ambiguous || !slices.Equal(whole.Attrs, s.Attrs)
		whole.absorb(s)
		o.outcomes["duplicate"]++
		return true
	})
}

// findBatches finds the spans that send a batch among the spans that either send a batch or ask for
// messages. The spans that send one link to messages that their service created in the same trace
// (M10).
func (o *oracle) findBatches() {
	for _, s := range o.spans {
		sends := slices.ContainsFunc(o.spans, func(p *oracleSpan) bool {
			return p.caller && p.node == s.node && p.TraceID == s.TraceID && o.attempts(p)[0].kind == sg.KindProducer && slices.Contains(s.Links, id(p))
		})
		if s.either && sends {
			s.batch = s.Links
			s.kind, s.polls, s.Links, s.settles = sg.KindInternal, false, nil, true
		}
	}
	for _, s := range o.spans {
		for _, p := range o.spans {
			if p.caller && p.node == s.node && p.TraceID == s.TraceID && p.kind == sg.KindProducer && s.Status == sg.StatusError && slices.Contains(s.batch, id(p)) && o.attempts(p)[0] == p {
				p.Status = sg.StatusError
			}
		}
	}
}

func (s *oracleSpan) serves() bool { return s.kind == sg.KindServer || s.kind == sg.KindConsumer }

// with returns the spans with an id in a trace, ordered by service.
func (o *oracle) with(trace sg.TraceID, id sg.SpanID) (found []*oracleSpan) {
	for _, s := range o.spans {
		if s.TraceID == trace && s.SpanID == id && !s.through {
			found = append(found, s)
		}
	}
	slices.SortFunc(found, func(a, b *oracleSpan) int { return a.node.Compare(b.node) })
	return found
}

func isCaller(s *oracleSpan) bool { return s.caller }
func isCallee(s *oracleSpan) bool { return s.serves() }
func isOther(s *oracleSpan) bool  { return !s.caller && !s.serves() }

// findParents finds the parent of every span. Several spans can share an id (I4, I5, N2).
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
			if s.parent = o.attemptAt(pick(o.with(s.TraceID, s.SpanID), isCaller), s); s.parent != nil {
				continue
			}
		}
		if s.ParentID == (sg.SpanID{}) || s.ParentID == s.SpanID { // a span whose parent id is its own id is a root (I8)
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
		s.parent = o.attemptAt(s.parent, s)
		s.missing = s.parent == nil
	}
}

// breakCycles makes one span of each cycle of parents a root (I9). It prefers spans that are
// not the callee of a caller span, and the earliest of these.
func (o *oracle) breakCycles() {
	for _, s := range o.spans {
		var cycle []*oracleSpan
		for a := s.parent; a != nil && len(cycle) <= len(o.spans); a = a.parent {
			cycle = append(cycle, a)
			if a == s {
				slices.SortFunc(cycle, func(a, b *oracleSpan) int {
					pairs := func(s *oracleSpan) int {
						if s.serves() && s.parent.caller {
							return 1
						}
						return 0
					}
					return cmpOr(pairs(a)-pairs(b), int(min(max(a.Start-b.Start, -1), 1)), slices.Compare(a.SpanID[:], b.SpanID[:]), a.node.Compare(b.node))
				})
				cycle[0].parent = nil
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

// client returns the innermost caller span of the same service that encloses s, which can be
// s itself (P16, P18); nil if there is none.
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

// within returns the innermost caller span of the same service that encloses s, s excluded
// (F8); nil if there is none.
func (s *oracleSpan) within() *oracleSpan {
	if s.parent == nil || s.parent.node != s.node {
		return nil
	}
	return s.parent.client()
}

// called reports whether s is the callee side of a call from the parent of s (P14, P15, F10).
func (s *oracleSpan) called() bool {
	if s.parent == nil {
		return false
	}
	c := s.within()
	return s.parent.node != s.node || c != nil && (s.kind == sg.KindServer || s.kind == sg.KindConsumer && c.kind == sg.KindProducer)
}

// callees returns the callee spans of caller span c, without those of caller spans inside c.
func (o *oracle) callees(c *oracleSpan) (callees []*oracleSpan) {
	for _, s := range o.spans {
		if s.called() && s.parent.client() == c && !s.twin {
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

// outer returns the caller span that stands for the call of c: the outermost caller span
// whose only call is that of c, or c itself (F8).
func (o *oracle) outer(c *oracleSpan) *oracleSpan {
	around := c.within()
	isOwn := func() bool { // a call that the hidden service makes for itself
		peer, _ := c.peer()
		return around.ends && len(o.callees(c)) == 0 && isSpecific(peer.Type)
	}
	if around == nil || len(o.callees(around)) > 0 || len(o.inner(around)) > 1 || isOwn() || around.kind != sg.KindClient && around.kind != sg.KindProducer {
		return c
	}
	return o.outer(around)
}

// reaches reports whether caller span c, or a caller span inside c, has a callee.
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

// count counts a call with the larger weight of the two sides, of which one can be nil, in the
// calls and errors of the edge and in one kind of evidence.
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

// weightedDuration returns the duration of a span in nanoseconds times the weight of the span.
func weightedDuration(s *oracleSpan) int64 {
	if s.End < s.Start {
		return 0
	}
	return int64(math.Round(float64(s.End-s.Start) * s.Weight))
}

func (e *oracleEdge) addCaller(s *oracleSpan) {
	e.callerCalls += s.Weight
	e.callerTime += weightedDuration(s)
	if failed(s) {
		e.callerErrors += s.Weight
	}
}

func (e *oracleEdge) addCallee(s *oracleSpan) {
	e.calleeCalls += s.Weight
	e.calleeTime += weightedDuration(s)
	if failed(s) {
		e.calleeErrors += s.Weight
	}
}

// gap counts the call in the network time or queue time of the edge, unless the times of the
// two sides contradict each other (T4, M2).
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

// pair counts the calls from s to each callee span of s (F1 to F3). If s is a callee span
// without a caller span, pair counts that call as well (P15).
func (o *oracle) pair(s *oracleSpan) {
	if s.called() && s.twin {
		s.outcome = "nested"
	} else if s.called() {
		stands := s.stands("paired")
		o.requests[s.node] += stands.Weight
		if s.parent.client() == nil {
			kind := sg.EdgeRequest
			if s.kind == sg.KindConsumer {
				kind = sg.EdgeMessage
			}
			e := o.edge(s.parent.node, s.node, kind)
			e.count(nil, stands, &e.callee)
			e.addCallee(stands)
		}
	}
	callees := o.callees(s)
	if !s.caller || len(callees) == 0 {
		return
	}
	client := o.outer(s)
	o.setOutcomes(s, client, "paired")
	seen := make(map[*oracleEdge]bool)
	for _, c := range callees {
		kind := sg.EdgeRequest
		if c.kind == sg.KindConsumer || client.kind == sg.KindProducer {
			kind = sg.EdgeMessage
		} else {
			if !s.source().callsOwnHost() {
				o.learnAddress(s.source(), c)
			}
			o.learnAround(s.source(), c)
		}
		if kind == sg.EdgeMessage {
			queue := o.queueBetween(s, callees)
			o.received[reception{queue, c.node}] = true
			if c.by != nil {
				c = c.by
			}
			if o.cfg.QueueNodes && queue != (sg.NodeID{}) {
				o.throughQueue(client, queue, c)
				continue
			}
		}
		e := o.edge(s.node, c.node, kind)
		e.count(client, c, &e.both)
		e.addCallee(c)
		if !seen[e] {
			e.addCaller(client)
		}
		seen[e] = true
		if len(callees) == 1 || kind == sg.EdgeMessage {
			e.gap(kind, client, c)
		}
	}
}

// throughQueue counts the message from client to callee as a message to the queue and a message
// from the queue (M7).
func (o *oracle) throughQueue(client *oracleSpan, queue sg.NodeID, callee *oracleSpan) {
	if !o.queued[client] {
		o.queued[client] = true
		e := o.edge(client.node, queue, sg.EdgeMessage)
		e.count(client, nil, &e.caller)
		e.addCaller(client)
	}
	e := o.edge(queue, callee.node, sg.EdgeMessage)
	e.count(nil, callee, &e.callee)
	e.addCallee(callee)
}

// queueBetween returns the queue of the messages from s to consumers. The name that s gives takes
// precedence, unless it is the name of a broker.
func (o *oracle) queueBetween(s *oracleSpan, callees []*oracleSpan) (best sg.NodeID) {
	var broker sg.NodeID
	for _, c := range []*oracleSpan{s, o.outer(s)} {
		switch peer, isName := c.peer(); {
		case peer.Type != sg.TypeQueue:
		case isName:
			broker = peer
		default:
			return peer
		}
	}
	for _, c := range callees {
		if q := c.queue(); c.kind == sg.KindConsumer && q != (sg.NodeID{}) && (best == (sg.NodeID{}) || q.Compare(best) < 0) {
			best = q
		}
	}
	if best == (sg.NodeID{}) {
		return broker
	}
	return best
}

// findTaken marks, among the consumers of one producer, the spans that took the message from the
// queue for another span of the service (M10). The marked spans stand for no message.
func (o *oracle) findTaken() {
	for _, c := range o.spans {
		callees := o.callees(c)
		for _, s := range callees {
			s.twin = s.takes && slices.ContainsFunc(callees, func(other *oracleSpan) bool {
				return other.kind == sg.KindConsumer && !other.takes && other.node == s.node
			})
		}
	}
}

// findHandlers finds the spans that stand for the delivery of a message that a span around them
// received (M10).
func (o *oracle) findHandlers() {
	for _, s := range o.spans {
		if s.by = o.handler(s); s.by != nil {
			s.by.of = s
		}
	}
}

// handler returns the span that stands for the delivery of the message that s received, nil if it is s
// itself. s is the outermost span of the delivery, and succeeded. It only took the message from the
// queue, or is neither SERVER nor CONSUMER.
func (o *oracle) handler(s *oracleSpan) (first *oracleSpan) {
	if s.twin || failed(s) || !s.receives() || s.serves() && !s.takes || !s.called() && receiver(s) != nil {
		return nil
	}
	if s.called() && !s.serves() && o.outer(s.parent.client()).kind != sg.KindProducer {
		return nil
	}
	handlers := 0
	for _, h := range o.spans {
		if h.kind != sg.KindConsumer || h.takes || h.called() || len(o.messages(h)) > 0 {
			continue
		}
		r := receiver(h)
		for r != nil && r != s && r.takes && !r.called() {
			r = receiver(r)
		}
		if r != s {
			continue
		}
		handlers++
		o.ambiguous = o.ambiguous || failed(h) && len(o.messages(s)) > 1 // a scenario has the messages that the spans inside stand for
		if first == nil || failed(h) && !failed(first) || failed(h) == failed(first) && byTime(h, first) < 0 {
			first = h
		}
	}
	switch messages := len(o.messages(s)); {
	case first == nil:
	case messages > 0 && handlers > 1, messages == 0 && !s.called() && o.delegates(s), !s.serves() && !failed(first):
		return nil
	}
	return first
}

// stands returns the span that stands for the delivery of the message that s received, and gives it an
// outcome.
func (s *oracleSpan) stands(outcome string) *oracleSpan {
	if s.by == nil {
		s.outcome = outcome
		return s
	}
	s.outcome, s.by.outcome = "nested", outcome
	return s.by
}

// deliveries returns the targets of the links that are messages of which s shows the delivery.
func (o *oracle) deliveries(s *oracleSpan) []sg.Link {
	switch {
	case s.by != nil:
		return nil
	case s.of != nil:
		return o.messages(s.of)
	}
	return o.messages(s)
}

// countTaken counts the messages that services took from a queue and that no other span shows
// (M10).
func (o *oracle) countTaken() {
	var alone []*oracleSpan
	for _, s := range o.taken {
		if !o.received[reception{s.queue(), s.node}] {
			alone = append(alone, s)
		}
	}
	for _, s := range alone {
		e := o.edge(s.queue(), s.node, sg.EdgeMessage)
		e.count(nil, s, &e.callee)
		e.addCallee(s)
	}
}

// setOutcomes sets the outcome of client, the span that stands for the call of s. The caller
// spans from s up to client are nested.
func (o *oracle) setOutcomes(s, client *oracleSpan, outcome string) {
	for ; s != client; s = s.within() {
		if !s.called() {
			s.outcome = "nested"
		}
	}
	if !client.called() {
		client.outcome = outcome
	}
}

// queue returns the queue that a span names, the zero NodeID if there is none.
func (s *oracleSpan) queue() sg.NodeID { return s.cfg.name(s.ownQueue()) }

// ownQueue returns the queue under the name that the span gives it.
func (s *oracleSpan) ownQueue() sg.NodeID {
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

// peer returns the peer that a caller span names, in the order of the table "Decided" of
// docs/semantics.md, and whether peer.service gave the name.
func (s *oracleSpan) peer() (peer sg.NodeID, isName bool) {
	if s.nameless {
		return sg.NodeID{}, false
	}
	return s.ownPeer()
}

// ownPeer returns the peer that the attributes of s name.
func (s *oracleSpan) ownPeer() (peer sg.NodeID, isName bool) {
	if s.namesItself() { // HotROD's mysql names itself
		return sg.NodeID{}, false
	}
	return s.givenPeer()
}

// namesItself reports whether a callee that is a caller as well gives the name of its own service.
func (s *oracleSpan) namesItself() bool {
	peer, isName := s.givenPeer()
	return isName && s.called() && peer.Name == s.whole
}

// givenPeer returns the peer that the attributes of s name, which can be the service of s.
func (s *oracleSpan) givenPeer() (peer sg.NodeID, isName bool) {
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
		if isAddress(peer.Name) {
			peer.Type = sg.TypeIP
		}
	case s.attrs["rpc.service"] != "":
		peer = sg.NodeID{Name: s.attrs["rpc.service"], Type: sg.TypeRPC}
	}
	if renamed := s.cfg.name(peer); renamed != peer { // a rule is the choice of a person, as peer.service is
		peer, isName = renamed, isName || peer.Type != sg.TypeQueue
	}
	return peer, isName
}

// namesPeer reports whether caller span c names a peer. A database span that is not a CLIENT span
// and encloses caller spans names no peer: it is the span of a library around the clients.
func (o *oracle) namesPeer(c *oracleSpan) bool {
	peer, _ := c.peer()
	return peer != (sg.NodeID{}) && !c.callsOwnHost() && (c.kind == sg.KindClient || c.kind == sg.KindProducer || len(o.inner(c)) == 0)
}

// callsOwnHost reports whether a caller span names only the host at which its own service was
// called (F6).
func (s *oracleSpan) callsOwnHost() bool {
	request := s
	for !request.serves() && request.parent != nil && request.parent.node == s.node {
		request = request.parent
	}
	isDefault := func(port string) bool { return port == "" || port == "80" || port == "443" }
	at, own := s.address(), request.address()
	peer, isName := s.ownPeer()
	return request.kind == sg.KindServer && at.host != "" && at.host == own.host && !isName && !isSpecific(peer.Type) &&
		(at.port == own.port || (at.port == "" || own.port == "") && isDefault(at.port) && isDefault(own.port))
}

// namesPeerInside reports whether a caller span inside c names a peer.
func (o *oracle) namesPeerInside(c *oracleSpan) bool {
	return slices.ContainsFunc(o.inner(c), func(i *oracleSpan) bool { return o.namesPeer(i) || o.namesPeerInside(i) })
}

// isSpecific reports whether a peer of this type is more than a host or a name.
func isSpecific(t sg.NodeType) bool { return t == sg.TypeDatabase || t == sg.TypeQueue }

// unpaired counts the calls without a callee span of c and of the caller spans inside c. The
// argument tells whether the call of the enclosing caller span covers c.
func (o *oracle) unpaired(c *oracleSpan, covered bool) {
	peer, _ := c.peer()
	setOutcome := func(outcome string) {
		if !c.called() {
			c.outcome = outcome
		}
	}
	separate := false // the call of c is not that of the enclosing caller span
	if around := c.within(); around != nil && len(o.callees(around)) > 0 {
		other, _ := around.peer()
		separate = o.namesPeer(c) && isSpecific(peer.Type) && !isSpecific(other.Type)
	}
	switch {
	case len(o.callees(c)) > 0:
		covered = true
	case c.twin:
		covered = true
		setOutcome("nested")
	case o.reaches(c):
		covered = false
		if c.outcome == "" {
			c.outcome = "nested"
		}
		if o.failsHidden(c) {
			o.conceal(c)
		}
	case covered && !separate:
		setOutcome("nested")
	case o.endsHidden(c) && o.endsHidden(c.within()):
		covered = false
		setOutcome("nested")
	case o.endsHidden(c):
		covered = false
		setOutcome("hidden")
		o.endedCall(c)
	case peer.Name != "" && (peer.Type != sg.TypeQueue && o.publishes(c) || !isSpecific(peer.Type) && (o.polled(c) || c.isSettling())):
		covered = false
		setOutcome("nested")
	case o.isHousekeeping(c):
		covered = true
		setOutcome("nested")
	case o.namesPeer(c):
		covered = true
		o.virtual(c)
	case o.namesPeerInside(c):
		covered = false
		setOutcome("nested")
	case o.endsHidden(o.outer(c)): // that call is counted already
		covered = true
		setOutcome("nested")
	case o.metBeside(c) != nil && o.isPreparation(c):
		covered = true
		setOutcome("nested")
	case o.metBeside(c) != nil, o.metAgain(c) != nil:
		covered = true
		o.virtual(c)
	default:
		covered = true
		setOutcome("unresolved")
		o.open[c] = true
		o.noteSender(c)
	}
	for _, i := range o.inner(c) {
		o.unpaired(i, covered)
	}
}

// met returns the caller spans inside c whose requests were answered, without those inside another
// such span.
func (o *oracle) met(c *oracleSpan) (met []*oracleSpan) {
	for _, i := range o.inner(c) {
		if len(o.callees(i)) > 0 {
			met = append(met, i)
		} else {
			met = append(met, o.met(i)...)
		}
	}
	return met
}

// metBeside returns the service that answered the other attempts of the call of c (F13), nil if
// there is none, or if several did.
func (o *oracle) metBeside(c *oracleSpan) *sg.NodeID {
	outer := o.outer(c)
	around := outer.within()
	if around == nil || c.kind != sg.KindClient || outer.kind != sg.KindClient || around.kind != sg.KindClient {
		return nil
	}
	met := o.met(around)
	for around.within() != nil && len(met) == 0 && len(o.callees(around)) == 0 {
		around = around.within()
		met = o.met(around)
	}
	service := o.answered(met)
	if service == nil {
		return nil
	}
	first := o.firstMet(around)
	mine, _ := c.peer()
	if other, _ := first.peer(); o.namesPeer(c) && mine != other && mine.Type != sg.TypeRPC && !(mine.Type == sg.TypeIP && other.Type == sg.TypeIP) {
		return nil
	}
	return service
}

// firstMet returns the first span inside the call around an attempt that a service answered.
func (o *oracle) firstMet(around *oracleSpan) *oracleSpan {
	for around.within() != nil && len(o.met(around)) == 0 && len(o.callees(around)) == 0 {
		around = around.within()
	}
	return slices.MinFunc(o.met(around), byTime)
}

// metAgain returns the service that answered when the request of c, which failed and names nothing,
// was sent again (F4), nil if there is none.
func (o *oracle) metAgain(c *oracleSpan) *sg.NodeID {
	outer := o.outer(c)
	mine, _ := c.peer()
	outermost, _ := outer.peer()
	if nothing := (sg.NodeID{}); mine != nothing || outermost != nothing || c.kind != sg.KindClient || outer.kind != sg.KindClient || !failed(outer) ||
		outer.within() != nil || outer.parent == nil || outer.parent.node != outer.node || outer.through {
		return nil
	}
	beside := slices.DeleteFunc(slices.Clone(o.spans), func(s *oracleSpan) bool {
		return s.parent != outer.parent || s.node != outer.node || s.kind != sg.KindClient || byTime(s, outer) <= 0
	})
	slices.SortFunc(beside, byTime)
	unmarked := o.areAttempts(outer)
	for _, s := range beside {
		if n := s.attrs["http.request.resend_count"]; !unmarked && (n == "" || n == "0") || s.through {
			return nil
		}
		met := o.met(s)
		if len(o.callees(s)) > 0 {
			met = []*oracleSpan{s}
		}
		if len(met) > 0 {
			return o.answered(met)
		}
	}
	return nil
}

// areAttempts reports whether the CLIENT spans beside a span are attempts of one call (F4): only the last was
// answered, and those before it failed one after the other and name nothing.
func (o *oracle) areAttempts(one *oracleSpan) bool {
	all := slices.DeleteFunc(slices.Clone(o.spans), func(s *oracleSpan) bool {
		return s.parent != one.parent || s.node != one.node || s.kind != sg.KindClient
	})
	slices.SortFunc(all, byTime)
	last := all[len(all)-1]
	met := o.met(last)
	if len(o.callees(last)) > 0 {
		met = []*oracleSpan{last}
	}
	if len(all) < 2 || len(met) == 0 || o.answered(met) == nil || last.through {
		return false
	}
	for i, s := range all[:len(all)-1] {
		peer, _ := s.peer()
		inside := slices.ContainsFunc(o.spans, func(in *oracleSpan) bool { return in.caller && in.within() == s })
		if s.Start == 0 || s.End < s.Start || !failed(s) || peer != (sg.NodeID{}) || len(o.callees(s)) > 0 || inside || s.through ||
			s.End > all[i+1].Start || s.attrs["otel.scope.name"] != last.attrs["otel.scope.name"] {
			return false
		}
	}
	return true
}

// isPreparation reports whether c, beside an attempt that a service answered, is not an attempt
// itself: it names no peer, and it succeeded before that attempt (F13).
func (o *oracle) isPreparation(c *oracleSpan) bool {
	outer := o.outer(c)
	mine, _ := c.peer()
	outermost, _ := outer.peer()
	nothing := sg.NodeID{}
	timed := outer.Start > 0 && outer.End >= outer.Start
	return timed && mine == nothing && outermost == nothing && !failed(outer) && outer.End <= o.firstMet(outer.within()).Start && !c.through && !c.ends
}

// answered returns the only service that answered the requests of caller spans.
func (o *oracle) answered(met []*oracleSpan) (service *sg.NodeID) {
	for _, m := range met {
		for _, s := range o.callees(m) {
			if service != nil && *service != s.node || s.kind == sg.KindConsumer || m.kind == sg.KindProducer {
				return nil
			}
			service = &s.node
		}
	}
	return service
}

func byTime(a, b *oracleSpan) int {
	return cmpOr(int(a.Start-b.Start), slices.Compare(a.SpanID[:], b.SpanID[:]))
}

// addresses returns two spans with addresses of the call of c (F13). inside is the last attempt
// inside c that names a host, or c if there is none. source is c, unless c names no host and inside
// does.
func (o *oracle) addresses(c *oracleSpan) (source, inside *oracleSpan) {
	peer, isName := c.peer()
	if isName || peer.Type == sg.TypeQueue {
		return c, c
	}
	var all []*oracleSpan
	var visit func(c *oracleSpan)
	visit = func(c *oracleSpan) {
		for _, i := range o.inner(c) {
			if peer, _ := i.peer(); i.namesHost() && !isSpecific(peer.Type) {
				all = append(all, i)
			}
			visit(i)
		}
	}
	visit(c)
	if len(all) == 0 || isSpecific(peer.Type) && slices.ContainsFunc(all, func(i *oracleSpan) bool {
		first, _ := all[0].peer()
		peer, _ := i.peer()
		return peer != first
	}) {
		return c, c
	}
	inside = slices.MaxFunc(all, byTime)
	if c.namesHost() {
		return c, inside
	}
	return inside, inside
}

// findTwins marks the spans for whose call a sibling stands (F14). It starts with SERVER spans of
// one caller and one service, because they decide which CLIENT spans have a callee.
func (o *oracle) findTwins() {
	none := func(*oracleSpan) bool { return false }
	for _, c := range o.spans {
		if !c.caller {
			continue
		}
		byService := make(map[sg.NodeID][]*oracleSpan)
		for _, s := range o.callees(c) {
			if s.kind == sg.KindServer {
				byService[s.node] = append(byService[s.node], s)
			}
		}
		for _, servers := range byService {
			markTwins(servers, none, false)
		}
	}
	type callee struct {
		parent *oracleSpan
		from   sg.NodeID
		to     sg.NodeID
	}
	beside := make(map[callee][]*oracleSpan)
	for _, s := range o.spans {
		if peer, _ := s.peer(); s.parent != nil && s.kind == sg.KindClient && !s.called() && peer.Name != "" && peer.Type != sg.TypeQueue {
			key := callee{s.parent, s.node, peer}
			beside[key] = append(beside[key], s)
		}
	}
	for _, spans := range beside {
		markTwins(spans, o.reaches, false)
	}
	for _, key := range []func(*oracleSpan) string{
		func(s *oracleSpan) string { return s.address().host },
		func(s *oracleSpan) string { return s.address().rpc },
	} {
		type place struct {
			parent *oracleSpan
			from   sg.NodeID
			key    string
		}
		at := make(map[place][]*oracleSpan)
		for _, spans := range beside {
			for _, s := range spans {
				if peer, _ := s.peer(); !s.twin && !isSpecific(peer.Type) && key(s) != "" {
					at[place{s.parent, s.node, key(s)}] = append(at[place{s.parent, s.node, key(s)}], s)
				}
			}
		}
		for _, spans := range at {
			markTwins(spans, o.reaches, true)
		}
	}
}

func isSamePeer(a, b *oracleSpan) bool {
	x, _ := a.peer()
	y, _ := b.peer()
	return x == y
}

// joinsTwins reports whether span s can stand for the same call as the spans of a group.
func joinsTwins(group []*oracleSpan, s *oracleSpan, met func(*oracleSpan) bool, compared bool) bool {
	return group[0].End >= s.End && !slices.ContainsFunc(group, func(other *oracleSpan) bool {
		alike := isSamePeer(other, s)
		_, named := other.peer()
		_, names := s.peer()
		switch {
		case isOtherHost(other, s) && !alike && s.caller:
		case compared && alike:
		case named && names && !alike:
		case other.attrs["otel.scope.name"] == s.attrs["otel.scope.name"] || met(s) && met(other):
		case isOtherPort(other, s) && s.caller:
		default:
			return false
		}
		return true
	})
}

// isOtherHost reports whether two spans name different hosts.
func isOtherHost(a, b *oracleSpan) bool {
	return a.address().host != b.address().host && a.address().host != "" && b.address().host != ""
}

// isOtherPort reports whether two spans name different ports of hosts.
func isOtherPort(a, b *oracleSpan) bool {
	p, q := a.attrs["server.port"], b.attrs["server.port"]
	return p != q && p != "" && q != "" && a.attrs["server.address"] != "" && b.attrs["server.address"] != ""
}

// markTwins marks all spans of a call except one: the span with the callee, or else the outer span.
// If compared is set, spans with the same peer have been compared before.
func markTwins(spans []*oracleSpan, met func(*oracleSpan) bool, compared bool) {
	spans = slices.DeleteFunc(slices.Clone(spans), func(s *oracleSpan) bool { return s.attrs["otel.scope.name"] == "" || s.End < s.Start })
	slices.SortFunc(spans, func(a, b *oracleSpan) int {
		return cmpOr(int(a.Start-b.Start), int(b.End-a.End), slices.Compare(a.SpanID[:], b.SpanID[:]))
	})
	var groups [][]*oracleSpan
	for _, s := range spans {
		at := len(groups) - 1
		for at >= 0 && !joinsTwins(groups[at], s, met, compared) {
			at--
		}
		if at < 0 {
			groups = append(groups, []*oracleSpan{s})
		} else {
			groups[at] = append(groups[at], s)
		}
	}
	for _, group := range groups {
		stays := max(slices.IndexFunc(group, met), 0)
		for i, s := range group {
			s.twin = i != stays
		}
	}
}

// workFor returns the first span of the request for which s works, or, if that is s, the parent of s.
func (s *oracleSpan) workFor() *oracleSpan {
	request := s
	for !request.serves() && request.parent != nil && request.parent.node == s.node {
		request = request.parent
	}
	if request == s && s.parent != nil {
		return s.parent
	}
	return request
}

// isHousekeeping reports whether c is work of a database driver around a query for the same request
// (D14).
func (o *oracle) isHousekeeping(c *oracleSpan) bool {
	queries := func(s *oracleSpan) bool { return s.attrs["db.statement"] != "" }
	isDatabase := func(s *oracleSpan) bool { peer, _ := s.peer(); return peer.Type == sg.TypeDatabase }
	if queries(c) || failed(c) || !isDatabase(c) {
		return false
	}
	peer, isName := c.peer()
	return slices.ContainsFunc(o.spans, func(s *oracleSpan) bool {
		other, _ := s.peer()
		return s.caller && s.workFor() == c.workFor() && s.node == c.node && s.attrs["otel.scope.name"] == c.attrs["otel.scope.name"] && queries(s) && isDatabase(s) &&
			(other == peer || !isName && s.attrs["db.system"] == c.attrs["db.system"])
	})
}

// isSettling reports whether s is inside a span that sends a batch of messages (M10).
func (s *oracleSpan) isSettling() bool {
	for a := s; !a.serves() && a.parent != nil && a.parent.node == s.node; a = a.parent {
		if a.parent.settles {
			return true
		}
	}
	return false
}

// publishes reports whether a PRODUCER or CLIENT span inside c names a queue: c then only
// carries the message of that span.
func (o *oracle) publishes(c *oracleSpan) bool {
	return slices.ContainsFunc(o.inner(c), func(i *oracleSpan) bool {
		peer, _ := i.peer()
		return (i.kind == sg.KindProducer || i.kind == sg.KindClient) && peer.Type == sg.TypeQueue || o.publishes(i)
	})
}

// polled reports whether c is inside a CONSUMER span that asked a queue for messages.
func (o *oracle) polled(c *oracleSpan) bool {
	r := receiver(c)
	return r != nil && r.polls
}

// virtual counts the call of c to the peer that c names, unless a consumer links to the
// message: then countLinkedMessages counts the call.
func (o *oracle) virtual(c *oracleSpan) {
	client, kind := o.outer(c), sg.EdgeRequest
	if c.kind == sg.KindProducer || client.kind == sg.KindProducer {
		kind = sg.EdgeMessage
	}
	toQueue := false
	if peer, _ := c.peer(); peer.Type == sg.TypeQueue {
		toQueue = o.cfg.QueueNodes
	}
	o.noteSender(c)
	source, inside := o.addresses(c)
	if !toQueue && slices.ContainsFunc(o.spans, func(s *oracleSpan) bool { return o.linked[s] && o.outer(s) == client }) {
		o.setOutcomes(c, client, "paired")
		for _, s := range o.spans {
			if o.outer(s) == client {
				s.dialed = source
			}
		}
		return
	}
	o.setOutcomes(c, client, "virtual")
	peer, isName := c.peer()
	met := o.metBeside(c)
	if met == nil {
		met = o.metAgain(c)
	}
	if met != nil {
		o.attempted = append(o.attempted, oracleAttempt{oracleCall{client: client, kind: kind, peer: peer, isName: isName}, *met})
		return
	}
	o.virtuals = append(o.virtuals, oracleCall{client: client, kind: kind, peer: peer, isName: isName, at: source.address(), inside: inside.address()})
}

// service returns the service that has the name of a peer, or the peer if there is no such
// service.
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

// receiver returns the innermost consumer span of the same service that encloses s, nil if
// there is none.
func receiver(s *oracleSpan) *oracleSpan {
	for a := s; a.parent != nil && a.parent.node == s.node; {
		if a = a.parent; a.receives() {
			return a
		}
	}
	return nil
}

// receives reports whether s receives messages: a CONSUMER span, a callee of a PRODUCER span, or
// the SERVER or INTERNAL root of a trace with links (M15).
func (s *oracleSpan) receives() bool {
	if s.called() {
		c := s.parent.client()
		return s.kind == sg.KindConsumer || c != nil && c.kind == sg.KindProducer
	}
	return s.kind == sg.KindConsumer || s.canReceive() && s.parent == nil && len(s.Links) > 0
}

// canReceive reports whether the links of s can be messages.
func (s *oracleSpan) canReceive() bool {
	switch s.kind {
	case sg.KindConsumer:
		return true
	case sg.KindServer:
		return !s.called() && !s.missing && s.attrs["peer.service"] == ""
	case sg.KindInternal:
		return !s.caller && !s.called() && !s.missing && !s.shares
	}
	return false
}

// messages returns the targets of the links of consumer span s. It leaves out the messages
// that s received from a parent span (M4), and those that a consumer span around s received
// (M10).
func (o *oracle) messages(s *oracleSpan) (targets []sg.Link) {
	if !s.canReceive() {
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
			known = known || delivered(r, l) || r.canReceive() && slices.Contains(r.Links, l) && !(r.takes && s.kind == sg.KindConsumer && !s.takes)
		}
		if !known {
			targets = append(targets, l)
		}
	}
	return targets
}

func id(s *oracleSpan) sg.Link { return sg.Link{TraceID: s.TraceID, SpanID: s.SpanID} }

// sender returns the span to which a link points, nil if there is none. If spans share the id, a
// PRODUCER takes precedence over a CLIENT (M5).
func (o *oracle) sender(l sg.Link) *oracleSpan {
	all := o.with(l.TraceID, l.SpanID)
	for _, s := range o.spans {
		if s.through && id(s) == l {
			all = append(all, s)
		}
	}
	slices.SortStableFunc(all, func(a, b *oracleSpan) int { return a.node.Compare(b.node) })
	for _, kind := range []sg.Kind{sg.KindProducer, sg.KindClient} {
		if i := slices.IndexFunc(all, func(s *oracleSpan) bool { return s.kind == kind }); i >= 0 {
			attempts := o.attempts(all[i]) // a link to attempts means the last attempt
			if last := attempts[len(attempts)-1]; last.kind == sg.KindProducer || last.kind == sg.KindClient {
				return last
			}
		}
	}
	return nil
}

// findLinked finds the senders that consumers link to.
func (o *oracle) findLinked() {
	for _, s := range o.spans {
		for _, l := range o.messages(s) {
			if p := o.sender(l); p != nil {
				o.linked[p] = true
			}
		}
	}
}

// noteLinked sets the outcomes of the two sides of the messages that links show.
func (o *oracle) noteLinked() {
	for _, s := range o.spans {
		for _, l := range o.deliveries(s) {
			if p := o.sender(l); p != nil {
				s.outcome = "paired"
				if client := o.outer(p); client.outcome == "unresolved" {
					client.outcome = "paired"
				}
			}
		}
	}
}

// countLinkedMessages counts one message for each link (M2, M3).
func (o *oracle) countLinkedMessages() {
	m := &linkedMessages{o, make(map[edgeSide]bool), o.messageEdges()}
	for _, s := range o.spans {
		for _, l := range o.deliveries(s) {
			if p := o.sender(l); p != nil {
				m.count(s, l, p)
			}
		}
	}
}

// messageEdges returns, by receiver, the services whose messages a service received below their
// producers.
func (o *oracle) messageEdges() map[sg.NodeID]map[sg.NodeID]bool {
	byParent := make(map[sg.NodeID]map[sg.NodeID]bool)
	for id := range o.edges {
		if id.Kind == sg.EdgeMessage {
			if byParent[id.To] == nil {
				byParent[id.To] = make(map[sg.NodeID]bool)
			}
			byParent[id.To][id.From] = true
		}
	}
	return byParent
}

type edgeSide struct {
	edge *oracleEdge
	span *oracleSpan
}

// linkedMessages counts the messages of links.
type linkedMessages struct {
	*oracle
	seen     map[edgeSide]bool
	byParent map[sg.NodeID]map[sg.NodeID]bool
}

// count counts the message of the link l of span s, which leads to span p.
func (m *linkedMessages) count(s *oracleSpan, l sg.Link, p *oracleSpan) {
	client := m.outer(p)
	from := p.node
	if peer, _ := p.peer(); m.cfg.QueueNodes && peer.Type == sg.TypeQueue {
		from = peer
	}
	if s.takes && p.kind == sg.KindProducer && (m.reaches(client) || m.reaches(p) || m.guessed[client]) && m.byParent[s.node][from] {
		return // a batch whose messages are known
	}
	handled := slices.ContainsFunc(m.spans, func(other *oracleSpan) bool {
		return other.kind == sg.KindConsumer && !other.takes && other.node == s.node && slices.Contains(m.deliveries(other), l)
	})
	if handled && (s.kind != sg.KindConsumer || s.takes) {
		return
	}
	kind := m.kind(s, p, client)
	queue := m.queueOfLink(p, s)
	if kind == sg.EdgeMessage {
		m.received[reception{queue, s.node}] = true
	}
	if m.cfg.QueueNodes && queue != (sg.NodeID{}) {
		m.countThroughQueue(s, p, client, queue)
		return
	}
	e := m.edge(p.node, s.node, kind)
	e.count(client, s, &e.both)
	e.gap(kind, client, s)
	if !m.seen[edgeSide{e, client}] {
		e.addCaller(client)
	}
	if !m.seen[edgeSide{e, s}] {
		e.addCallee(s)
	}
	m.seen[edgeSide{e, client}], m.seen[edgeSide{e, s}] = true, true
}

// kind returns the kind of the call from span p to span s, and notes the address of a request.
func (m *linkedMessages) kind(s, p, client *oracleSpan) sg.EdgeKind {
	if peer, _ := p.peer(); s.kind != sg.KindServer || p.kind != sg.KindClient || peer.Type == sg.TypeQueue {
		return sg.EdgeMessage
	}
	if !p.callsOwnHost() {
		dialed := p
		if p.dialed != nil {
			dialed = p.dialed
		}
		m.meetings = append(m.meetings, oracleMeeting{p.node, s.node, dialed.address(), client.Start})
	}
	return sg.EdgeRequest
}

// countThroughQueue counts a message on the edges to and from the node of its queue.
func (m *linkedMessages) countThroughQueue(s, p, client *oracleSpan, queue sg.NodeID) {
	if m.sentTo(p).Type != sg.TypeQueue { // otherwise the call is counted already
		if e := m.edge(p.node, queue, sg.EdgeMessage); !m.seen[edgeSide{e, client}] {
			e.count(client, nil, &e.caller)
			e.addCaller(client)
			m.seen[edgeSide{e, client}] = true
		}
	}
	if e := m.edge(queue, s.node, sg.EdgeMessage); !m.seen[edgeSide{e, s}] {
		e.count(nil, s, &e.callee)
		e.addCallee(s)
		m.seen[edgeSide{e, s}] = true
	}
}

// sentTo returns the peer that a sender names.
func (o *oracle) sentTo(p *oracleSpan) sg.NodeID {
	peer, _ := p.peer()
	return peer
}

// queueOfLink returns the queue of a message from p to s. The name that s gives takes precedence.
func (o *oracle) queueOfLink(p, s *oracleSpan) sg.NodeID {
	if q := s.receivedFrom(); q != (sg.NodeID{}) {
		return q
	}
	if peer := o.sentTo(p); peer.Type == sg.TypeQueue {
		return peer
	}
	return sg.NodeID{}
}

// receivedFrom returns the queue that consumer span s names, or else the queue that the span names for
// whose delivery s stands.
func (s *oracleSpan) receivedFrom() (queue sg.NodeID) {
	if s.kind != sg.KindConsumer || s.of != nil && s.of.kind != sg.KindConsumer {
		return queue
	}
	if queue = s.queue(); queue == (sg.NodeID{}) && s.of != nil {
		queue = s.of.receivedFrom()
	}
	return queue
}

// countEntries counts the requests without a known caller (P5 to P7, M9).
func (o *oracle) countEntries() {
	for _, s := range o.spans {
		messages := len(o.messages(s)) > 0 // s itself handles messages, not the span around s (M10)
		outside := s.parent == nil || s.kind == sg.KindConsumer && receiver(s) == nil
		if s.kind == sg.KindUnset && !s.caller && s.parent == nil && !s.missing { // an entry of a tracer without kinds (P19)
			o.requests[s.node] += s.Weight
			if !s.behind || s.isEntry {
				o.entry(s, sg.EdgeRequest)
			}
		}
		stands := s // for the delivery
		if s.by != nil {
			stands = s.by
		}
		if s.kind == sg.KindInternal && messages && s.parent == nil {
			o.requests[s.node] += stands.Weight
		}
		if s.kind == sg.KindInternal && messages && stands.outcome != "paired" && stands.receivedFrom() != (sg.NodeID{}) { // of the span that handles the message
			o.countEntry(s, stands, messages)
		}
		if !s.serves() || s.called() || !outside && !messages {
			continue
		}
		delegates := o.delegates(s)
		if messages || !delegates { // a span that delegates is no request: the spans inside are
			o.requests[s.node] += stands.Weight
		}
		if stands.outcome != "paired" && (messages || !delegates) {
			o.countEntry(s, stands, messages)
		}
	}
}

// countEntry counts a request without a known caller. The span stands is s, or the span that stands for
// the delivery of s; messages says whether s received messages by links.
func (o *oracle) countEntry(s, stands *oracleSpan, messages bool) {
	peer, kind := o.cfg.name(sg.NodeID{Name: s.attrs["peer.service"], Type: sg.TypeExternal}), sg.EdgeRequest
	if s.kind == sg.KindConsumer || messages && stands.kind == sg.KindConsumer {
		kind = sg.EdgeMessage
		q := s.queue()
		if messages {
			q = stands.receivedFrom()
		}
		if q != (sg.NodeID{}) {
			peer = q
		}
	}
	isRoot := s.parent == nil && !s.missing
	switch {
	case !messages && s.behind && !s.isEntry:
	case messages && isRoot && o.isDetached(s) && peer.Type != sg.TypeQueue:
		s.stands("detached")
	case messages && s.kind == sg.KindConsumer && peer.Type != sg.TypeQueue:
	case peer.Name != "" && (!s.isEntry || messages) && (isRoot || peer.Type == sg.TypeQueue || s.missing && !o.hasService(s, peer)):
		from := peer
		if peer.Type == sg.TypeExternal {
			from = o.service(peer)
		}
		if messages {
			stands.outcome = "virtual"
		} else {
			s.stands("virtual")
		}
		if stands.takes && peer.Type == sg.TypeQueue {
			o.taken = append(o.taken, stands)
			break
		}
		o.entered = append(o.entered, oracleEntry{from, stands, kind})
	case isRoot && o.isDetached(s):
		s.stands("detached")
	case messages && isRoot: // not from the user: the link can lead to a caller in another graph
		o.entries[s.node] += s.Weight
	case isRoot:
		o.entry(s, kind)
	}
}

// hasService reports whether the trace of a span has spans of a service with the name of a peer.
func (o *oracle) hasService(of *oracleSpan, peer sg.NodeID) bool {
	return slices.ContainsFunc(o.spans, func(s *oracleSpan) bool { return s.TraceID == of.TraceID && s.whole == peer.Name })
}

// delegates reports whether spans inside s handle the messages that s received (M10).
func (o *oracle) delegates(s *oracleSpan) bool {
	return slices.ContainsFunc(o.spans, func(i *oracleSpan) bool {
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
}

// countEntered counts the calls from callers that the callees name (P6, M9).
func (o *oracle) countEntered() {
	for _, c := range o.entered {
		if c.kind == sg.EdgeMessage {
			o.received[reception{c.from, c.callee.node}] = true
		}
		e := o.edge(c.from, c.callee.node, c.kind)
		e.count(nil, c.callee, &e.callee)
		e.addCallee(c.callee)
	}
}

// entry counts a request from outside (P5).
func (o *oracle) entry(s *oracleSpan, kind sg.EdgeKind) {
	stands := s
	if s.by != nil {
		stands = s.by
	}
	o.entries[s.node] += stands.Weight
	if o.cfg.UserNode {
		stands = s.stands("virtual")
		e := o.edge(sg.NodeID{Name: "user", Type: sg.TypeExternal}, s.node, kind)
		e.count(nil, stands, &e.callee)
		e.addCallee(stands)
	}
}

// isDetached reports whether root s is within the time of another root of the trace (P20).
func (o *oracle) isDetached(s *oracleSpan) bool {
	if s.End < s.Start || s.behind {
		return false
	}
	leaf := func(s *oracleSpan) int {
		if slices.ContainsFunc(o.spans, func(c *oracleSpan) bool { return c.parent == s }) {
			return 0
		}
		return 1
	}
	for _, r := range o.gone { // a root of a hidden service
		if r.TraceID == s.TraceID && r.parent == nil && !r.missing && r.Start <= s.Start && s.End <= r.End {
			return true
		}
	}
	return slices.ContainsFunc(o.spans, func(r *oracleSpan) bool {
		return r != s && r.TraceID == s.TraceID && r.parent == nil && !r.missing && !r.behind && r.Start <= s.Start && s.End <= r.End && r.End >= r.Start &&
			cmpOr(int(r.Start-s.Start), int(s.End-r.End), leaf(r)-leaf(s), slices.Compare(r.SpanID[:], s.SpanID[:]), r.node.Compare(s.node), int(r.kind)-int(s.kind)) < 0
	})
}

// lines returns the graph as lines of text in a fixed order.
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
	if o.hiddenCalls > 0 {
		lines = append(lines, fmt.Sprintf("hidden calls %v, errors %v", o.hiddenCalls, o.hiddenErrors))
	}
	for outcome, n := range o.outcomes {
		lines = append(lines, fmt.Sprintf("%s %d", outcome, n))
	}
	slices.Sort(lines)
	return lines
}

// graphLines returns the builder's graph in the format of oracle.lines.
func graphLines(g *sg.Graph) []string {
	o := &oracle{
		edges: make(map[sg.EdgeID]*oracleEdge), requests: make(map[sg.NodeID]float64), entries: make(map[sg.NodeID]float64), outcomes: make(map[string]int),
	}
	for e := range g.Edges() {
		*o.edge(e.ID.From, e.ID.To, e.ID.Kind) = oracleEdge{
			calls: e.Calls, errors: e.Errors, both: e.Evidence.Both, caller: e.Evidence.Caller, callee: e.Evidence.Callee, address: e.Evidence.Address, name: e.Evidence.Name,
			inferred:    e.Evidence.Inferred,
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
	o.hiddenCalls, o.hiddenErrors = r.HiddenCalls, r.HiddenErrors
	for outcome, n := range map[string]uint64{
		"paired": r.Paired, "virtual": r.Virtual, "nested": r.Nested, "root": r.Root, "internal": r.Internal, "orphan": r.Orphan,
		"unresolved": r.Unresolved, "detached": r.Detached, "duplicate": r.Duplicate, "invalid": r.Invalid, "hidden": r.Hidden,
	} {
		if n > 0 {
			o.outcomes[outcome] = int(n)
		}
	}
	return o.lines()
}

// damagedTraces returns traces like those of real systems, with damage like that of real
// networks, samplers and clocks: spans are lost, repeated, unfinished, shifted in time, or have
// wrong parents, kinds or ids.
func damagedTraces(rng *rand.Rand) []sg.Span {
	var out []sg.Span
	spans := wholeTraces(rng)
	for _, s := range spans {
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
			s.ParentID = spans[rng.IntN(len(spans))].SpanID
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

// wholeTraces generates traces as real systems send them, in random detail and without damage.
func wholeTraces(rng *rand.Rand) []sg.Span {
	w := &traceGenerator{rng: rng}
	for i := range 1 + rng.IntN(4) {
		w.trace = sg.TraceID{byte(i + 1), 15: byte(i + 1)}
		w.request(sg.SpanID{}, w.service(), epoch+rng.Int64N(20)*60e9, 0)
	}
	for len(w.later) > 0 && len(w.spans) < 60 {
		next := w.later[0]
		w.later = w.later[1:]
		next()
	}
	return w.spans
}

// A traceGenerator generates traces whose spans refer to each other as in real systems.
type traceGenerator struct {
	rng   *rand.Rand
	trace sg.TraceID
	spans []sg.Span
	later []func() // generate consumers, each in a trace of its own
}

func (w *traceGenerator) service() string { return string(rune('A' + w.rng.IntN(5))) }

// span adds a span with a parent and returns the id of the new span.
func (w *traceGenerator) span(kind sg.Kind, service string, parent sg.SpanID, start int64, attrs ...string) sg.SpanID {
	n := len(w.spans) + 1
	s := sg.Span{
		TraceID: w.trace, SpanID: sg.SpanID{2, byte(n >> 8), byte(n)}, ParentID: parent,
		Service: service, Kind: kind, Start: start, End: start + w.rng.Int64N(1e9),
		Weight: []float64{0, 0, 1, 4}[w.rng.IntN(4)],
	}
	if service == "E" {
		s.Namespace = "ns"
	}
	if namespace := map[string]string{"A": "shop", "B": "shop", "C": "ns"}[service]; namespace != "" {
		s.Resource = []sg.Attr{{Key: "k8s.namespace.name", Value: namespace}}
	}
	if pod := map[string]string{"B": "10.0.0.1", "D": "10.0.0.2"}[service]; pod != "" && w.rng.IntN(4) == 0 {
		s.Resource = append(s.Resource, sg.Attr{Key: "k8s.pod.ip", Value: pod})
	}
	if version := map[string]string{"B": "1", "C": "1", "E": "1"}[service]; version != "" {
		if (n+int(w.trace[0]))%3 == 0 {
			version = "2"
		}
		s.Resource = append(s.Resource, sg.Attr{Key: "service.version", Value: version})
	}
	if w.rng.IntN(5) == 0 {
		s.Status = sg.StatusError
	}
	if w.rng.IntN(2) == 0 {
		attrs = append(slices.Clone(attrs), "otel.scope.name", []string{"http", "framework", "agent"}[w.rng.IntN(3)])
	}
	for i := 0; i < len(attrs); i += 2 {
		s.Attrs = append(s.Attrs, sg.Attr{Key: attrs[i], Value: attrs[i+1]})
	}
	w.spans = append(w.spans, s)
	return s.SpanID
}

// within moves a recent span into the time of another span.
func (w *traceGenerator) within(outer, inner sg.SpanID) {
	var around sg.Span
	for _, s := range w.spans {
		if s.SpanID == outer {
			around = s
		}
	}
	for i := range w.spans {
		if s := &w.spans[i]; s.SpanID == inner {
			s.Start, s.End = around.Start+(around.End-around.Start)/4, around.End
		}
	}
}

// address returns attributes with the address of a service, in one of the ways in which callers
// know it, or none.
func (w *traceGenerator) address(service string) []string {
	host := func(name string) []string { return []string{"server.address", name, "server.port", "80"} }
	rpc := []string{"rpc.service", "rpc." + service}
	switch w.rng.IntN(16) {
	case 0, 1:
		return host("host-" + service) // a separate host for each service
	case 2:
		return host("balancer") // a host that all services share
	case 3:
		return []string{"server.address", "host-" + service}
	case 4:
		return host([]string{"localhost", "127.0.0.1"}[w.rng.IntN(2)])
	case 5:
		return []string{"server.address", "localhost", "server.port", []string{"80", "81"}[w.rng.IntN(2)]}
	case 6, 7:
		return host(fmt.Sprintf("10.0.0.%d", w.rng.IntN(3)))
	case 8:
		return rpc
	case 9:
		return append(host("balancer"), rpc...)
	case 10:
		return []string{"rpc.service", "grpc.health.v1.Health"}
	case 11:
		return host("host-" + service + ".shop") // a name in Kubernetes
	case 12:
		return host(strings.ToLower(service)) // the name of the service
	case 13:
		return host(strings.ToLower(service) + []string{".shop", ".ns"}[w.rng.IntN(2)])
	}
	return nil
}

// request adds a request to a service: the server span and the spans below.
func (w *traceGenerator) request(parent sg.SpanID, service string, start int64, depth int) {
	var attrs []string
	if w.rng.IntN(4) == 0 { // the address to which the client sent the request
		attrs = w.address(service)
	}
	w.work(w.span(sg.KindServer, service, parent, start, attrs...), service, start, depth)
}

// work adds spans below the span at: up to three calls, some of them below internal spans.
func (w *traceGenerator) work(at sg.SpanID, service string, start int64, depth int) {
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

// call adds one call, recorded in one of the ways in which instrumentations record calls.
func (w *traceGenerator) call(at sg.SpanID, service string, start int64, depth int) {
	other := w.service()
	client := func(attrs ...string) sg.SpanID { return w.span(sg.KindClient, service, at, start, attrs...) }
	switch w.rng.IntN(19) {
	case 17: // attempts beside each other, of which the first know no address
		for n := range 1 + w.rng.IntN(3) {
			client("http.request.resend_count", strconv.Itoa(n))
			w.spans[len(w.spans)-1].Status = sg.StatusError
			start += 1e6
		}
		w.request(client(append(w.address(other), "http.request.resend_count", "3")...), other, start, depth)
	case 18: // a span that takes a message, around those that handle it
		queue := []string{"messaging.system", "kafka", "messaging.destination.name", "orders"}
		p := w.span(sg.KindProducer, service, at, start, queue...)
		r := w.span(sg.KindConsumer, other, p, start+2e8, append(queue, "messaging.operation.type", "receive")...)
		for range w.rng.IntN(3) {
			w.work(w.span(sg.KindConsumer, other, r, start+3e8), other, start, depth)
		}
	case 14: // two libraries record one call
		attrs := w.address(other)
		outer, inner := client(attrs...), client(attrs...)
		w.within(outer, inner)
		if w.rng.IntN(3) > 0 {
			w.request([]sg.SpanID{outer, inner}[w.rng.IntN(2)], other, start, depth)
		}
	case 15: // two agents record one request
		c := client(w.address(other)...)
		w.within(w.span(sg.KindServer, other, c, start), w.span(sg.KindServer, other, c, start))
	case 16: // a query and what the driver does around it
		for range 1 + w.rng.IntN(3) {
			client("db.system", []string{"redis", "mysql"}[w.rng.IntN(2)])
		}
		client("db.system", "redis", "db.statement", "GET")
	case 0, 1, 2:
		w.request(client(w.address(other)...), other, start, depth)
	case 3: // the client is not instrumented
		w.request(at, other, start, depth)
	case 4: // an outage, or a peer without spans
		client(w.address(other)...)
	case 5:
		client("peer.service", []string{other, "stripe"}[w.rng.IntN(2)])
	case 6:
		client(append([]string{"db.system", "redis"}, [][]string{nil, {"server.address", "redis-1"}, {"server.address", "redis-2"}, {"server.address", "cache"}, {"server.address", "10.0.0.1"}}[w.rng.IntN(5)]...)...)
	case 7: // a library around an HTTP client
		sdk := client("db.system", "elasticsearch")
		inner := w.span(sg.KindClient, service, sdk, start, w.address(other)...)
		if w.rng.IntN(2) == 0 {
			w.request(inner, other, start, depth)
		}
	case 8: // a load balancer that tries several backends
		c := client(w.address(other)...)
		for range 1 + w.rng.IntN(3) {
			w.request(c, []string{other, w.service()}[w.rng.IntN(2)], start, depth)
		}
	case 9: // the two sides of the call share a span id
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
	case 10: // a library's span between the client and the server span
		w.request(w.span(sg.KindInternal, service, client(), start), other, start, depth)
	case 11: // consumers that are children of the producer
		p := w.span(sg.KindProducer, service, at, start, "messaging.system", "kafka", "messaging.destination.name", "orders")
		for range w.rng.IntN(3) {
			to := w.service()
			w.work(w.span(sg.KindConsumer, to, p, start+2e8), to, start, depth)
		}
	case 12: // consumers in traces of their own, with links to the producer
		p := w.span(sg.KindProducer, service, at, start, "messaging.system", "kafka", "messaging.destination.name", "orders")
		w.consume(sg.Link{TraceID: w.trace, SpanID: p}, start)
	case 13: // an HTTP client span around the producer span of the message that it carries
		c := client("server.address", "broker")
		p := w.span(sg.KindProducer, service, c, start, "messaging.destination.name", "jobs")
		w.consume(sg.Link{TraceID: w.trace, SpanID: p}, start)
	}
}

// consume adds consumers with a link to a message, each in a trace of its own. Some have links
// to other messages as well.
func (w *traceGenerator) consume(message sg.Link, start int64) {
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
