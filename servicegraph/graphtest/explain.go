package graphtest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tempograph/tempograph/servicegraph"
)

// explain fills in the explanation of a violation. o is nil where there is only a
// graph.
func (v *Violation) explain(g *servicegraph.Graph, o *Observed) {
	x := explainer{g: g, o: o}
	for _, e := range v.Edges[:min(len(v.Edges), maxExamples)] {
		x.example(e, v.failed)
	}
	for _, id := range v.Missing[:min(len(v.Missing), maxMissing)] {
		x.missing(id)
	}
	if more := len(v.Missing) - maxMissing; more > 0 {
		x.linef("and %d more that are not there", more)
	}
	if v.seek != "" {
		x.everywhere(v.seek)
	}
	v.Explanation = x.lines
}

const (
	maxExamples = 4         // edges of which an example is given
	maxMissing  = 10        // missing edges that are explained: each takes a look at all spans
	maxLooks    = 4_000_000 // spans that are looked at, in all, for near misses between any two nodes
)

// An explainer collects lines.
type explainer struct {
	g     *servicegraph.Graph
	o     *Observed
	lines []string
	told  map[servicegraph.MissReason]bool // advice is given once
}

func (x *explainer) linef(format string, args ...any) {
	line := fmt.Sprintf(format, args...)
	if !slices.Contains(x.lines, line) {
		x.lines = append(x.lines, line)
	}
}

// example shows one call of an edge.
func (x *explainer) example(e servicegraph.Edge, failed bool) {
	examples := e.Slowest
	if failed && len(e.Failed) > 0 {
		examples = e.Failed
	}
	if len(examples) == 0 {
		return
	}
	ex := examples[0]
	x.linef("%s for example in %s, %v", edgeText(e.ID), x.span(servicegraph.Link{TraceID: ex.TraceID, SpanID: ex.SpanID}), ex.Duration.Round(time.Microsecond))
}

// span names a span: its ids, and its name and service where they are known.
func (x *explainer) span(l servicegraph.Link) string {
	s := fmt.Sprintf("trace %s span %s", l.TraceID, l.SpanID)
	if x.o != nil {
		if n, known := x.o.names[l]; known {
			s += fmt.Sprintf(" %q of %s", n.name, nodeText(n.node))
		}
	}
	return s
}

// missing says what was seen in place of an edge.
func (x *explainer) missing(id servicegraph.EdgeID) {
	if _, there := x.g.Node(id.From); there {
		if others := slices.Compact(callees(x.g)(id.From)); len(others) > 0 {
			x.linef("%s calls only %s", nodeText(id.From), nodesText(others))
		} else {
			x.linef("%s calls nothing", nodeText(id.From))
		}
	}
	if _, there := x.g.Node(id.To); there {
		if others := slices.Compact(callers(x.g)(id.To)); len(others) > 0 {
			x.linef("%s is called by %s", nodeText(id.To), nodesText(others))
		} else {
			x.linef("%s is called by nobody", nodeText(id.To))
		}
	}
	if x.o == nil {
		return
	}
	known := x.unended(id)
	misses := x.o.Explain(id.From, id.To).Misses
	slices.SortStableFunc(misses, func(a, b servicegraph.Miss) int {
		return cmp.Compare(slices.Index(byWeight, a.Reason), slices.Index(byWeight, b.Reason))
	})
	if len(misses) > 0 && misses[0].Reason == servicegraph.MissOtherTrace {
		misses = slices.DeleteFunc(misses, func(m servicegraph.Miss) bool { // the same client spans once more
			return m.Reason == servicegraph.MissOtherPeer || m.Reason == servicegraph.MissNoPeer
		})
	}
	for _, m := range misses {
		known = known || m.Reason != servicegraph.MissNoSpans
	}
	if !known {
		x.kinds(id.From)
	}
	for _, m := range misses {
		x.miss(id, m)
	}
}

// byWeight are the reasons of near misses, those that say most first.
var byWeight = []servicegraph.MissReason{
	servicegraph.MissOtherTrace, servicegraph.MissParent, servicegraph.MissLink, servicegraph.MissNoClient,
	servicegraph.MissNoSpans, servicegraph.MissThrough, servicegraph.MissNoPeer, servicegraph.MissOtherPeer,
}

// unended names the open spans of both sides, and reports whether there are any.
func (x *explainer) unended(id servicegraph.EdgeID) (found bool) {
	for _, s := range x.o.open {
		if node := nodeOf(s); node == id.From || node == id.To {
			x.linef("%s", openText(s))
			x.linef("  so it is not in the graph: end it, with defer span.End() where it starts")
			found = true
		}
	}
	return found
}

// openText describes a span that has not ended.
func openText(s servicegraph.Span) string {
	return fmt.Sprintf("%s span %q of %s has not ended: trace %s span %s", s.Kind, s.Name, nodeText(nodeOf(s)), s.TraceID, s.SpanID)
}

// miss says what came close to being a call, and what to do about it.
func (x *explainer) miss(id servicegraph.EdgeID, m servicegraph.Miss) {
	from, to, node := nodeText(id.From), nodeText(id.To), nodeText(m.Node)
	n := times(float64(m.Count)) + ": "
	var advice string
	switch m.Reason {
	case servicegraph.MissOtherTrace:
		x.linef("%s%s was entered in a trace of its own, while a client or producer span of %s without a callee was open", n, to, from)
		advice = "the trace context was lost between them:\n" +
			"- " + from + " must inject it into the headers: otelhttp.NewTransport, otelgrpc.NewClientHandler, or Propagator.Inject\n" +
			"- " + to + " must extract it: otelhttp.NewHandler, otelgrpc.NewServerHandler, or Propagator.Extract\n" +
			"- both need a propagator: where there is no global one, pass WithPropagators to each"
	case servicegraph.MissParent:
		x.linef("%sthe parent of a span of %s never arrived", n, to)
		advice = "its parent was not ended (defer span.End()), not sampled, or recorded elsewhere"
	case servicegraph.MissLink:
		x.linef("%sa message that %s took links to a span that never arrived", n, to)
		advice = "the span that sent it was not ended, not sampled, or recorded elsewhere"
	case servicegraph.MissNoClient:
		x.linef("%s%s works under a server span of its own, without a client span between", n, from)
		advice = "if it calls itself over the network, it needs a client span"
	case servicegraph.MissNoSpans:
		x.linef("there is no span of %s", node)
		advice = "did a request reach it? a service must be instrumented, with a provider whose service.name is this;\n" +
			"what has no spans of its own, such as a database, must be named by the client span that calls it"
	case servicegraph.MissThrough:
		x.linef("%s%s was called by %s, on behalf of %s", n, to, node, from)
		advice = fmt.Sprintf("if that is meant, the rule should say %s -> %s -> %s", from, node, to)
	case servicegraph.MissNoPeer:
		x.linef("%sa client span of %s has no callee, and no attribute says whom it called", n, from)
		advice = "set server.address, peer.service, db.system.name or messaging.destination.name on it, or instrument the callee"
	case servicegraph.MissOtherPeer:
		x.linef("%sa client span of %s without a callee names %s", n, from, node)
		advice = "if that is " + to + ", it recorded no span of this request, or one without the trace context"
	default:
		x.linef("%s%s %s", n, m.Reason, node)
	}
	if len(m.Examples) > 0 {
		x.linef("  for example %s", x.span(m.Examples[0]))
	}
	if advice != "" && !x.told[m.Reason] {
		for line := range strings.SplitSeq(advice, "\n") {
			x.linef("  %s", line)
		}
		if x.told == nil {
			x.told = make(map[servicegraph.MissReason]bool)
		}
		x.told[m.Reason] = true
	}
}

// kinds says that a service has no span that could be the caller's side.
func (x *explainer) kinds(from servicegraph.NodeID) {
	of := x.o.kinds[from]
	if len(of) == 0 || of[servicegraph.KindClient]+of[servicegraph.KindProducer] > 0 {
		return
	}
	var counts []string
	for k := servicegraph.KindUnset; k <= servicegraph.KindConsumer; k++ {
		if of[k] > 0 {
			counts = append(counts, fmt.Sprintf("%d %s", of[k], k))
		}
	}
	x.linef("none of the spans of %s is of kind client or producer (%s)", nodeText(from), strings.Join(counts, ", "))
	x.linef("  if it makes the call, make it with an instrumented client (otelhttp.NewTransport, otelgrpc.NewClientHandler),")
	x.linef("  or in a span of your own with trace.WithSpanKind(trace.SpanKindClient) and an attribute that says whom it")
	x.linef("  calls: peer.service, server.address or db.system.name")
}

// everywhere looks for near misses of one reason between any two nodes.
func (x *explainer) everywhere(reason servicegraph.MissReason) {
	if x.o == nil {
		return
	}
	var ids []servicegraph.NodeID
	for n := range x.g.Nodes() {
		if n.ID.Type == servicegraph.TypeService {
			ids = append(ids, n.ID)
		}
	}
	for _, s := range x.o.open {
		x.linef("%s", openText(s))
	}
	if float64(len(ids)*len(ids))*float64(x.g.Report().Spans) > maxLooks {
		return
	}
	for _, from := range ids {
		for _, to := range ids {
			if from == to != (reason == servicegraph.MissNoPeer) {
				continue // of its peers a service tells about itself alone
			}
			for _, m := range x.o.Explain(from, to).Misses {
				if m.Reason == reason {
					x.miss(servicegraph.EdgeID{From: from, To: to}, m)
				}
			}
		}
	}
}
