package trace

import (
	"cmp"
	"slices"
)

// A Visibility tells whether the spans of a service are part of the graph.
type Visibility uint8

const (
	Visible Visibility = iota
	Hidden             // the spans are walked through
	Gateway            // like Hidden, but requests from outside to the service become requests from outside to the services that it calls
)

// A Passage tells how a span of a tree relates to hidden services.
type Passage uint8

const (
	Outside    Passage = iota // a visible span to which nothing below applies
	Through                   // a span of a hidden service, which stands for work of the service that called it
	Ends                      // a visible caller span whose call reached a hidden service; no attribute names where the call went from there
	Behind                    // a visible span that a hidden service called, while no visible span had called the hidden service
	Entered                   // like Behind, but the hidden service is a gateway: the span is a request from outside
	EndsBehind                // like Ends, and like Behind or Entered
)

// Ends reports whether the call of a visible caller span reached a hidden service, while no attribute
// names where the call went from there.
func (p Passage) Ends() bool { return p == Ends || p == EndsBehind }

// IsBehind reports whether a hidden service called a visible span, while no visible span had called the
// hidden service.
func (p Passage) IsBehind() bool { return p == Behind || p == Entered || p == EndsBehind }

// Hide removes the spans of hidden services from the tree and connects what they connected. A
// hidden span below a visible span becomes a span of the visible service: a server span becomes an
// internal span, and a caller span is nested in the caller span that reached the hidden service. A
// hidden span below no visible span is dropped; Hide returns the number of those.
//
// The outer caller span, which called a hidden service, names this service or the service behind
// it. The inner caller span, of the hidden service, knows the host that it calls. The peer of the
// inner span counts if names.Better(inner, outer) is true. The outer span keeps its address,
// because the callee is known at that address as well.
func (t *Tree) Hide(names HiddenNames) (dropped uint64) {
	t.Passages, t.HiddenRoots = nil, nil
	if !slices.ContainsFunc(t.Spans, func(s Span) bool { return names.Visibility(s.Node) != Visible }) {
		return 0
	}
	n := len(t.Spans)
	t.Passages = make([]Passage, n)
	h := hider{
		Tree: t, names: names, gone: make([]bool, n), entered: make([]bool, n),
		caller: make([]int32, n), reached: make([]bool, n), named: make([]bool, n),
	}
	for _, i := range t.Order {
		switch visibility := names.Visibility(t.Spans[i].Node); {
		case visibility == Visible:
			h.visible(i)
		case t.Parent[i] < 0 || h.gone[t.Parent[i]]:
			h.gone[i] = true
			if _, timed := t.Spans[i].Duration(); timed && t.Parent[i] == NoParent {
				t.HiddenRoots = append(t.HiddenRoots, t.Spans[i])
			}
			h.entered[i] = visibility == Gateway && (t.Parent[i] == NoParent || t.Parent[i] >= 0 && h.entered[t.Parent[i]])
			if p := t.Parent[i]; p >= 0 {
				t.Parent[i] = t.Parent[p] // of the first span of the hidden services
			}
			dropped++
		default:
			h.adopt(i)
		}
	}
	for i := range t.Spans {
		s := &t.Spans[i]
		named := h.named[i] || s.PeerType != Unspecific || s.Is(PeerIsName) && names.Visibility(s.Peer) == Visible
		if h.reached[i] && !named {
			if t.Passages[i].IsBehind() {
				t.Passages[i] = EndsBehind
			} else {
				t.Passages[i] = Ends
			}
		}
	}
	slices.SortFunc(t.HiddenRoots, func(a, b Span) int { return cmp.Compare(a.Start, b.Start) })
	h.compact()
	return dropped
}

// HiddenNames decides questions about names for Hide.
type HiddenNames interface {
	Visibility(Node) Visibility
	Better(inner, outer *Span) bool // the caller span of a hidden service names the callee better than the one around it
	IsLocal(peer Node) bool         // the peer is the host of the span that names it
}

// A hider hides spans of a tree. Its slices are by span.
type hider struct {
	*Tree
	names   HiddenNames
	gone    []bool  // the span is dropped
	entered []bool  // dropped span: a gateway passes a request from outside on
	caller  []int32 // the caller span of the service that encloses the span, or is the span; -1 if there is none
	reached []bool  // visible caller span: a span of a hidden service that the visible service called is inside
	named   []bool  // visible caller span: a hidden caller span inside names a host
}

// visible connects a visible span whose parent is dropped.
func (h *hider) visible(i int32) {
	p := h.Parent[i]
	if p >= 0 && h.gone[p] {
		h.Passages[i] = Behind
		if h.entered[p] {
			h.Passages[i] = Entered
		}
		p = h.Parent[p]
		h.Parent[i] = p
	}
	h.caller[i] = h.enclosing(i)
}

// enclosing returns the caller span that encloses span i in its service, or is span i.
func (h *hider) enclosing(i int32) int32 {
	s, p := &h.Spans[i], h.Parent[i]
	switch {
	case s.Is(IsCaller):
		return i
	case p >= 0 && !s.Kind.Serves() && h.Spans[p].Node == s.Node:
		return h.caller[p]
	}
	return -1
}

// adopt makes span i of a hidden service a span of the service of its parent.
func (h *hider) adopt(i int32) {
	s, p := &h.Spans[i], h.Parent[i]
	h.Passages[i] = Through
	s.Node = h.Spans[p].Node
	serves := s.Kind.Serves()
	if serves {
		s.Kind = Internal
		s.Peer, s.Address, s.PeerType, s.Flags = 0, 0, Unspecific, 0
	}
	host := s.Is(IsCaller) && s.Peer != 0 && s.PeerType == Unspecific
	for c := h.caller[p]; c >= 0; {
		outer := &h.Spans[c]
		h.reached[c] = h.reached[c] || h.Passages[c] != Through && (serves || h.Passages[p] != Through)
		h.named[c] = h.named[c] || host
		if host && outer.Peer != 0 && outer.PeerType == Unspecific && h.names.Better(s, outer) {
			if h.names.Visibility(outer.Peer) != Visible {
				outer.Address = 0 // it is the address of the hidden service
			}
			outer.Peer = 0
			outer.Flags &^= NamesHost | PeerIsName
		}
		above := h.Parent[c]
		if above < 0 || h.Spans[above].Node != outer.Node {
			break
		}
		c = h.caller[above]
	}
	if host && h.names.IsLocal(s.Peer) { // for the service of the parent, the name would mean another host
		s.Peer, s.Address, s.Detail = 0, 0, 0
		s.Flags &^= NamesHost | PeerIsName
	}
	h.caller[i] = h.enclosing(i)
}

// compact drops spans and builds a new index of the others. It leaves the spans of hidden services
// out of the index: they are not looked up, and a span of the service that they became part of can
// have the same id.
func (h *hider) compact() {
	t := h.Tree
	position := make([]int32, len(t.Spans)) // by old index: the new one
	kept := int32(0)
	for i := range t.Spans {
		if h.gone[i] {
			continue
		}
		position[i] = kept
		t.Spans[kept], t.Parent[kept], t.Passages[kept] = t.Spans[i], t.Parent[i], t.Passages[i]
		kept++
	}
	t.Spans, t.Parent, t.Passages = t.Spans[:kept], t.Parent[:kept], t.Passages[:kept]
	for i, p := range t.Parent {
		if p >= 0 {
			t.Parent[i] = position[p]
		}
	}
	t.index.reset(len(t.Spans))
	for i := range t.Spans {
		if t.Passages[i] != Through {
			t.index.add(&t.Spans[i], t.Spans[:i], t.names)
		}
	}
	for id, attempts := range t.attempts {
		attempts = slices.DeleteFunc(attempts, func(i int32) bool { return h.gone[i] })
		for n, i := range attempts {
			attempts[n] = position[i]
		}
		t.attempts[id] = attempts
	}
	t.sort()
}
