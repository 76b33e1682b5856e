package servicegraph

import (
	"maps"
	"slices"
)

// A linkage is what the span links of consumers have to do with one trace, which is
// nothing for most.
type linkage struct {
	links  []spanLink
	linked map[SpanID]bool // its spans that consumers of forgotten traces point to
}

// A spanLink is a link of a consumer span.
type spanLink struct {
	span   SpanID
	node   nodeIndex
	target Link
}

// with returns two linkages in one, and changes neither.
func (l linkage) with(o linkage) linkage {
	linked := maps.Clone(l.linked)
	if linked == nil {
		linked = make(map[SpanID]bool)
	}
	maps.Copy(linked, o.linked)
	return linkage{slices.Concat(l.links, o.links), linked}
}

// linkageOf returns the linkage of a held trace for reading.
func (w *window) linkageOf(n traceIndex) linkage {
	if !w.traces.At(n).isLinked {
		return linkage{}
	}
	return *w.linkages[n]
}

// linkage returns that of a held trace for writing.
func (w *window) linkage(n traceIndex) *linkage {
	set := w.traces.At(n)
	if !set.isLinked {
		set.isLinked = true
		w.linkages[n] = new(linkage)
	}
	return w.linkages[n]
}

// noteLinks notes the links of a consumer span of the trace that a span came for last.
func (b *Builder) noteLinks(r *record, links []Link) {
	if len(links) == 0 {
		return
	}
	its := b.linkage(b.last)
	for _, l := range links {
		its.links = append(its.links, spanLink{r.id, r.node, l})
		b.linked[l]++
	}
}

// dropLinks forgets the links of a trace, but for what traces that are held still
// have to know of them: that a consumer points to a span of theirs.
func (b *Builder) dropLinks(n traceIndex) {
	if !b.traces.At(n).isLinked {
		return
	}
	for _, l := range b.linkageOf(n).links {
		if b.linked[l.target]--; b.linked[l.target] > 0 {
			continue
		}
		delete(b.linked, l.target)
		if held := b.traces.Find(&l.target.TraceID); held != 0 {
			its := b.linkage(held)
			if its.linked == nil {
				its.linked = make(map[SpanID]bool)
			}
			its.linked[l.target.SpanID] = true
		}
	}
	delete(b.linkages, n)
}
