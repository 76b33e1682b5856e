package servicegraph

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/tempograph/tempograph/internal/quantity"
	"github.com/tempograph/tempograph/servicegraph/internal/pairing"
	"github.com/tempograph/tempograph/servicegraph/internal/trace"
)

// An Explanation tells why there is an edge from one node to another, or why there is none.
type Explanation struct {
	From, To NodeID

	Edges []ExplainedEdge // from From to To, in the order of their kind

	// Misses are the spans that came closest to being a call and were none: one Miss for
	// each reason and node, the most frequent first, and then by the wording of the reason.
	Misses []Miss
}

// An ExplainedEdge is an edge, with its evidence and exemplars.
type ExplainedEdge struct {
	Edge
	FanOut float64 // calls of the edge for each request into its caller: see [Graph.FanOut]
}

// A Miss is one reason why spans of two nodes were not a call.
type Miss struct {
	Reason   MissReason
	Node     NodeID // the node that the reason is about; zero if there is none
	Count    uint64 // spans; 0 for [MissNoSpans]
	Examples []Link // at most 3 of the spans
}

// A MissReason is the reason why spans were not a call. The value is an identifier; String
// returns a text for readers.
type MissReason string

const (
	// MissNoSpans: Node, a service, sent no spans, or none that the builder still holds.
	MissNoSpans MissReason = "no-spans"
	// MissOtherTrace: a request entered To as the root of its own trace while, in another
	// trace, a client span of From waited and had no callee. Probably the trace context
	// was not sent with the request.
	MissOtherTrace MissReason = "other-trace"
	// MissParent: a request entered To in a trace of From, and its parent span never
	// arrived: it was lost, not sampled, or of a service that sends no spans.
	MissParent MissReason = "missing-parent"
	// MissThrough: To was called on behalf of From, by Node.
	MissThrough MissReason = "through"
	// MissOtherPeer: a client span of From without a callee names Node as its peer.
	MissOtherPeer MissReason = "other-peer"
	// MissNoPeer: a client span of From has no callee and names no peer.
	MissNoPeer MissReason = "no-peer"
	// MissLink: a consumer span of To links to a span that never arrived.
	MissLink MissReason = "missing-link"
	// MissNoClient: From and To are one service, and a SERVER or CONSUMER span of the service
	// has a parent in it without a client span between them, so the service does not call
	// itself.
	MissNoClient MissReason = "no-client"
)

// String returns the reason as text. If the reason has a node, the name of the node completes
// the text: "called through" and then the name.
func (r MissReason) String() string {
	switch r {
	case MissNoSpans:
		return "no spans of"
	case MissOtherTrace:
		return "entered in another trace, while the caller waited"
	case MissParent:
		return "in the same trace, but the parent span never arrived"
	case MissThrough:
		return "called through"
	case MissOtherPeer:
		return "client span without a callee names"
	case MissNoPeer:
		return "client span without a callee and without a peer attribute"
	case MissLink:
		return "message linked to a span that never arrived"
	case MissNoClient:
		return "same service, without a client span between caller and callee"
	}
	return string(r)
}

// String returns one line for each edge and each miss, and one for each of their
// examples.
func (x Explanation) String() string {
	var b strings.Builder
	for _, e := range x.Edges {
		fmt.Fprintf(&b, "%s: %s: %v seen from both sides, %v by the caller alone, %v by the callee alone, %v by address",
			e.ID, quantity.Of(e.Calls, "call"), e.Evidence.Both, e.Evidence.Caller, e.Evidence.Callee, e.Evidence.Address)
		if e.Evidence.Name > 0 {
			fmt.Fprintf(&b, ", %v by name", e.Evidence.Name)
		}
		if e.Evidence.Inferred > 0 {
			fmt.Fprintf(&b, ", %v inferred", e.Evidence.Inferred)
		}
		if e.FanOut > 0 {
			fmt.Fprintf(&b, "; %.3g for each request into %s", e.FanOut, e.ID.From)
		}
		b.WriteByte('\n')
		for _, s := range e.Slowest {
			fmt.Fprintf(&b, "  for example trace %s span %s\n", s.TraceID, s.SpanID)
		}
	}
	if len(x.Edges) == 0 {
		fmt.Fprintf(&b, "no call from %s to %s\n", x.From, x.To)
	}
	for _, m := range x.Misses {
		if m.Count > 0 {
			fmt.Fprintf(&b, "%s: ", quantity.Of(m.Count, "span"))
		}
		b.WriteString(m.Reason.String())
		if m.Node != (NodeID{}) {
			fmt.Fprintf(&b, " %s", m.Node)
		}
		b.WriteByte('\n')
		for _, l := range m.Examples {
			fmt.Fprintf(&b, "  for example trace %s span %s\n", l.TraceID, l.SpanID)
		}
	}
	return b.String()
}

// Explain returns why the graph of the spans so far has edges from one node to another, or
// has none, and which spans came close to being such a call. Explain looks at the
// spans that the builder holds: of traces that the [Window] has forgotten, only the edges
// remain. Explain takes about as long as [Builder.Graph].
func (b *Builder) Explain(from, to NodeID) Explanation {
	g := b.Graph()
	x := explainer{
		reader: b.callReader(g),
		from:   b.names.find(from), to: b.names.find(to), fromID: from, toID: to,
		seen:  make(map[nodeIndex]bool),
		found: make(map[missKey]*Miss),
	}
	for t := range b.all() {
		x.addTrace(&t)
	}
	x.otherTraces()
	result := Explanation{From: from, To: to}
	for _, id := range []NodeID{from, to} {
		if !x.seen[b.names.find(id)] && id.Type == TypeService {
			result.Misses = append(result.Misses, Miss{Reason: MissNoSpans, Node: id})
		}
	}
	for e := range g.Out(from) {
		if e.ID.To == to {
			result.Edges = append(result.Edges, ExplainedEdge{e, g.FanOut(e)})
		}
	}
	for _, m := range x.found {
		slices.SortFunc(m.Examples, compareLinks)
		m.Examples = m.Examples[:min(len(m.Examples), maxExemplars)]
		result.Misses = append(result.Misses, *m)
	}
	slices.SortFunc(result.Misses, func(a, b Miss) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), strings.Compare(a.Reason.String(), b.Reason.String()), a.Node.Compare(b.Node))
	})
	return result
}

func compareLinks(a, b Link) int {
	return cmp.Or(slices.Compare(a.TraceID[:], b.TraceID[:]), slices.Compare(a.SpanID[:], b.SpanID[:]))
}

// An explainer looks for spans that came close to being a call, among the calls of each trace and
// the spans without a call.
type explainer struct {
	reader       *callReader // of the calls as the graph counts them
	from, to     nodeIndex   // 0 for a node that no span names
	fromID, toID NodeID
	seen         map[nodeIndex]bool
	found        map[missKey]*Miss

	waiting []timedSpan // caller spans of from without a callee
	entered []timedSpan // requests that entered to as a root
}

type missKey struct {
	reason MissReason
	node   NodeID
}

// A timedSpan is a span with its start and its end.
type timedSpan struct {
	id         Link
	start, end int64
}

func (x *explainer) miss(reason MissReason, node NodeID, example Link) {
	key := missKey{reason, node}
	m := x.found[key]
	if m == nil {
		m = &Miss{Reason: reason, Node: node}
		x.found[key] = m
	}
	m.Count++
	m.Examples = append(m.Examples, example)
}

// addTrace looks for misses in one trace.
func (x *explainer) addTrace(t *wholeTrace) {
	x.reader.read(t)
	spans, parents := x.reader.tree.Spans, x.reader.tree.Parent
	hasFrom := slices.ContainsFunc(spans, func(s trace.Span) bool { return s.Node == x.from })
	below := make([]bool, len(spans)) // by span: a span of from is above it
	for _, i := range x.reader.tree.Order {
		span, p := &spans[i], parents[i]
		x.seen[span.Node] = true
		if p >= 0 {
			below[i] = below[p] || spans[p].Node == x.from
		}
		if span.Node == x.from && span.Is(trace.IsCaller) {
			x.addCaller(i)
		}
		if span.Node == x.to {
			x.addCallee(i, below[i], hasFrom)
		}
	}
	x.addOtherPeers()
	x.addLostSends()
}

// addCaller notes caller span i of from if it has no callee, and why it makes no call.
func (x *explainer) addCaller(i int32) {
	if x.reader.pairer.HasCallee(i) {
		return
	}
	span, id := &x.reader.tree.Spans[i], x.reader.id(i)
	x.waiting = append(x.waiting, timedSpan{id, span.Start, span.End})
	if x.reader.pairer.Outcome(i) == pairing.Unresolved {
		x.miss(MissNoPeer, NodeID{}, id)
	}
}

// addOtherPeers notes the calls of from without a callee span that are to other nodes. The callee
// may have been the node to under another name.
func (x *explainer) addOtherPeers() {
	for k := range x.reader.calls {
		c, caller := &x.reader.calls[k], x.reader.from[k]
		if c.From == x.fromID && c.To != x.toID && caller >= 0 && c.Callee.SpanID.IsZero() && !x.reader.pairer.HasCallee(caller) {
			x.miss(MissOtherPeer, c.To, x.reader.id(caller))
		}
	}
}

// addLostSends notes the messages of from to which no consumer links, and whose spans name no
// queue.
func (x *explainer) addLostSends() {
	for _, s := range x.reader.pairer.Sends() {
		if s.Client.Node == x.from && !s.Called && s.Client.Peer == 0 && !x.reader.isLinked(&s) {
			x.miss(MissNoPeer, NodeID{}, x.reader.id(s.Span))
		}
	}
}

// addCallee notes why span i of to is not the callee of a call from from. The arguments tell
// whether a span of from is above span i, and whether the trace has any span of from.
func (x *explainer) addCallee(i int32, below, hasFrom bool) {
	span, p, id := &x.reader.tree.Spans[i], x.reader.tree.Parent[i], x.reader.id(i)
	switch call := x.reader.callOf(i); {
	case x.from == x.to:
		if p >= 0 && x.reader.tree.Spans[p].Node == x.from && !x.reader.pairer.IsCallee(i) && span.Kind.Serves() {
			x.miss(MissNoClient, NodeID{}, id)
		}
	case p == trace.MissingParent && hasFrom:
		x.miss(MissParent, NodeID{}, id)
	case p == trace.NoParent && span.Kind.Serves():
		x.entered = append(x.entered, timedSpan{id, span.Start, span.End})
	case below && call != nil && call.From != x.fromID && call.From != (NodeID{}):
		x.miss(MissThrough, call.From, id)
	}
	for _, target := range x.reader.pairer.Targets(i) {
		if _, ok := x.reader.resolver.links.senders.find(Link{target.Trace, target.Span}); !ok {
			x.miss(MissLink, NodeID{}, id)
		}
	}
}

// otherTraces finds the requests that entered as roots of traces of their own, while a caller
// waited.
func (x *explainer) otherTraces() {
	slices.SortFunc(x.waiting, func(a, b timedSpan) int { return cmp.Compare(a.start, b.start) })
	latest := make([]timedSpan, len(x.waiting)) // latest[i] is the span of waiting[:i+1] that ended last
	for i, w := range x.waiting {
		if latest[i] = w; i > 0 && latest[i-1].end > w.end {
			latest[i] = latest[i-1]
		}
	}
	for _, e := range x.entered {
		n, _ := slices.BinarySearchFunc(x.waiting, e.start+1, func(w timedSpan, t int64) int { return cmp.Compare(w.start, t) })
		if n > 0 && latest[n-1].end >= e.start {
			x.miss(MissOtherTrace, NodeID{}, e.id)
		}
	}
}
