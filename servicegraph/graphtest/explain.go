package graphtest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tempograph/tempograph/internal/quantity"
	"github.com/tempograph/tempograph/servicegraph"
)

// explain sets the explanation of a violation. o is nil if the spans are not known.
func (v *Violation) explain(g *servicegraph.Graph, o *Observed) {
	x := explainer{g: g, o: o}
	for _, e := range v.Edges[:min(len(v.Edges), maxExamples)] {
		x.example(e, v.failed)
	}
	for _, id := range v.Missing[:min(len(v.Missing), maxMissing)] {
		x.missing(id)
	}
	if more := len(v.Missing) - maxMissing; more > 0 {
		x.linef("and %s more that were not observed", quantity.Number(more))
	}
	if v.seek != "" {
		x.everywhere(v.seek)
	}
	v.Explanation = x.lines
}

const (
	maxExamples = 4         // how many edges get an example
	maxMissing  = 10        // how many missing edges are explained: explaining one reads all spans
	maxLooks    = 4_000_000 // how many spans are read in all to find near misses between any two nodes
)

// An explainer collects the lines of an explanation.
type explainer struct {
	g     *servicegraph.Graph
	o     *Observed
	lines []string
	told  map[servicegraph.MissReason]bool // reasons whose advice was given
}

func (x *explainer) linef(format string, args ...any) {
	line := fmt.Sprintf(format, args...)
	if !slices.Contains(x.lines, line) {
		x.lines = append(x.lines, line)
	}
}

// example adds an example of a call of an edge.
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

// span returns the ids of a span, and its name and service if they are known.
func (x *explainer) span(l servicegraph.Link) string {
	s := fmt.Sprintf("trace %s span %s", l.TraceID, l.SpanID)
	if x.o != nil {
		if n, known := x.o.names[l]; known {
			s += fmt.Sprintf(" %q of %s", n.name, nodeText(n.node))
		}
	}
	return s
}

// missing adds what was observed instead of an edge.
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
		misses = slices.DeleteFunc(misses, func(m servicegraph.Miss) bool { // these are the same client spans
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

// byWeight lists the reasons of near misses, the most informative ones first.
var byWeight = []servicegraph.MissReason{
	servicegraph.MissOtherTrace, servicegraph.MissParent, servicegraph.MissLink, servicegraph.MissNoClient,
	servicegraph.MissNoSpans, servicegraph.MissThrough, servicegraph.MissNoPeer, servicegraph.MissOtherPeer,
}

// unended adds the open spans of both nodes, and reports whether there are any.
func (x *explainer) unended(id servicegraph.EdgeID) (found bool) {
	for _, s := range x.o.open {
		if node := nodeOf(s); node == id.From || node == id.To {
			x.linef("%s", openText(s))
			x.linef("  so it is not in the graph: end it with defer span.End() after the line that starts it")
			found = true
		}
	}
	return found
}

// openText describes a span that has not ended.
func openText(s servicegraph.Span) string {
	return fmt.Sprintf("%s span %q of %s has not ended: trace %s span %s", s.Kind, s.Name, nodeText(nodeOf(s)), s.TraceID, s.SpanID)
}

// miss adds a near miss, and what to do about it.
func (x *explainer) miss(id servicegraph.EdgeID, m servicegraph.Miss) {
	from, to, node := nodeText(id.From), nodeText(id.To), nodeText(m.Node)
	n := times(float64(m.Count)) + ": "
	var advice string
	switch m.Reason {
	case servicegraph.MissOtherTrace:
		x.linef("%sa request to %s began a trace of its own, while a client or producer span of %s without a callee was open", n, to, from)
		advice = "the trace context was lost between them:\n" +
			"- " + from + " must inject it into the headers: otelhttp.NewTransport, otelgrpc.NewClientHandler, or Propagator.Inject\n" +
			"- " + to + " must extract it: otelhttp.NewHandler, otelgrpc.NewServerHandler, or Propagator.Extract\n" +
			"- both need a propagator: if there is no global one, pass WithPropagators to each"
	case servicegraph.MissParent:
		x.linef("%sthe parent of a span of %s was not received", n, to)
		advice = "the parent was not ended (defer span.End()), not sampled, or recorded elsewhere"
	case servicegraph.MissLink:
		x.linef("%sa message that %s received links to a span that was not received", n, to)
		advice = "the span that sent it was not ended, not sampled, or recorded elsewhere"
	case servicegraph.MissNoClient:
		x.linef("%s%s has a server span inside another, without a client span between them", n, from)
		advice = "if the service calls itself over the network, it needs a client span"
	case servicegraph.MissNoSpans:
		x.linef("no span of %s was received", node)
		advice = "did a request reach it? a service must be instrumented, with a provider that has this service.name;\n" +
			"an uninstrumented dependency, such as a database, must be named by the client span that calls it"
	case servicegraph.MissThrough:
		x.linef("%s%s was called by %s, on behalf of %s", n, to, node, from)
		advice = fmt.Sprintf("if that is intended, write %s -> %s -> %s in the rule", from, node, to)
	case servicegraph.MissNoPeer:
		x.linef("%sa client span of %s has no callee, and no attribute that names one", n, from)
		advice = "set server.address, peer.service, db.system.name or messaging.destination.name on the span, or instrument the callee"
	case servicegraph.MissOtherPeer:
		x.linef("%sa client span of %s without a callee names %s", n, from, node)
		advice = "if that is " + to + ", its span of this request is missing or has lost the trace context"
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

// kinds adds a line if a service has no client or producer span.
func (x *explainer) kinds(from servicegraph.NodeID) {
	of := x.o.kinds[from]
	if len(of) == 0 || of[servicegraph.KindClient]+of[servicegraph.KindProducer] > 0 {
		return
	}
	var counts []string
	for k := servicegraph.KindUnset; k <= servicegraph.KindConsumer; k++ {
		if of[k] > 0 {
			counts = append(counts, fmt.Sprintf("%s %s", quantity.Number(of[k]), k))
		}
	}
	x.linef("%s has no span of kind client or producer (%s)", nodeText(from), strings.Join(counts, ", "))
	x.linef("  if the service makes the call, use an instrumented client (otelhttp.NewTransport, otelgrpc.NewClientHandler),")
	x.linef("  or start a span with trace.WithSpanKind(trace.SpanKindClient) and an attribute that names the callee:")
	x.linef("  peer.service, server.address or db.system.name")
}

// everywhere adds the near misses of one reason between any two nodes.
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
				continue // a span without a peer is a miss between a service and itself, any other is not
			}
			for _, m := range x.o.Explain(from, to).Misses {
				if m.Reason == reason {
					x.miss(servicegraph.EdgeID{From: from, To: to}, m)
				}
			}
		}
	}
}
