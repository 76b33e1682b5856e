package servicegraph

import (
	"github.com/tempograph/tempograph/servicegraph/internal/semconv"
	"github.com/tempograph/tempograph/servicegraph/internal/trace"
)

// hides reports whether the configuration hides services.
func (b *Builder) hides() bool { return b.cfg.Hide != nil || b.cfg.Gateways != nil }

// noteVisibility finds out whether a node is hidden, once for each node. It is called when names
// are interned, so that goroutines which add traces only read the result.
func (b *Builder) noteVisibility(i nodeIndex) {
	for next := len(b.visibility); next < int(i); next++ {
		id, v := b.names.nodes.items[next], trace.Visible
		switch {
		case b.cfg.Gateways != nil && b.cfg.Gateways(id):
			v = trace.Gateway
		case b.cfg.Hide != nil && b.cfg.Hide(id):
			v = trace.Hidden
		}
		b.visibility = append(b.visibility, v)
	}
}

// hiddenNames are the names of a builder as [trace.HiddenNames].
type hiddenNames struct{ *Builder }

// Visibility tells whether a node is hidden. The node "user" of Config.UserNode has no spans.
func (b hiddenNames) Visibility(i nodeIndex) trace.Visibility {
	if i == 0 || int(i) > len(b.visibility) {
		return trace.Visible
	}
	return b.visibility[i-1]
}

// Better reports whether the caller span of a hidden service, inside a visible caller span, names
// the callee better. A name that a person chose is best, unless it is that of a hidden service. An
// IP address or the host of the proxy itself tells less than the name that the visible span gives.
func (b hiddenNames) Better(inner, outer *trace.Span) bool {
	if b.Visibility(outer.Peer) != trace.Visible {
		return true
	}
	if outer.Is(trace.PeerIsName) && !inner.Is(trace.PeerIsName) {
		return false
	}
	return b.names.typeOf(inner.Peer) != TypeIP && !b.IsLocal(inner.Peer)
}

// IsLocal reports whether a peer is the host of the span that names it.
func (b hiddenNames) IsLocal(peer nodeIndex) bool { return semconv.IsLocal(b.names.nodeID(peer).Name) }
