package servicegraph

import (
	"maps"
	"slices"

	"github.com/tempograph/tempograph/servicegraph/internal/pairing"
	"github.com/tempograph/tempograph/servicegraph/internal/trace"
)

// A traceLinks is what the span links of consumers have to do with one trace, which is
// nothing for most.
type traceLinks struct {
	links  []pairing.ConsumerLink
	linked map[[8]byte]bool // its spans that consumers of forgotten traces point to
}

// with returns two linkages in one, and changes neither.
func (l traceLinks) with(o traceLinks) traceLinks {
	linked := maps.Clone(l.linked)
	if linked == nil {
		linked = make(map[[8]byte]bool)
	}
	maps.Copy(linked, o.linked)
	return traceLinks{slices.Concat(l.links, o.links), linked}
}

// linksFor returns the traceLinks of a held trace for reading.
func (w *window) linksFor(n traceIndex) traceLinks {
	if !w.traces.At(n).isLinked {
		return traceLinks{}
	}
	return *w.linksOf[n]
}

// traceLinks returns that of a held trace for writing.
func (w *window) writableLinks(n traceIndex) *traceLinks {
	set := w.traces.At(n)
	if !set.isLinked {
		set.isLinked = true
		w.linksOf[n] = new(traceLinks)
	}
	return w.linksOf[n]
}

// noteLinks notes the links of a consumer span of the trace that a span came for last.
func (b *Builder) noteLinks(r *trace.Span, links []Link) {
	if len(links) == 0 {
		return
	}
	its := b.writableLinks(b.last)
	for _, l := range links {
		target := trace.Link{Trace: l.TraceID, Span: l.SpanID}
		its.links = append(its.links, pairing.ConsumerLink{Span: r.ID, Node: r.Node, Target: target})
		b.linked[target]++
	}
}

// dropLinks forgets the links of a trace, but for what traces that are held still
// have to know of them: that a consumer points to a span of theirs.
func (b *Builder) dropLinks(n traceIndex) {
	if !b.traces.At(n).isLinked {
		return
	}
	for _, l := range b.linksFor(n).links {
		if b.linked[l.Target]--; b.linked[l.Target] > 0 {
			continue
		}
		delete(b.linked, l.Target)
		if held := b.traces.Find((*TraceID)(&l.Target.Trace)); held != 0 {
			its := b.writableLinks(held)
			if its.linked == nil {
				its.linked = make(map[[8]byte]bool)
			}
			its.linked[l.Target.Span] = true
		}
	}
	delete(b.linksOf, n)
}
