package pairing

import (
	"encoding/binary"
	"testing"

	"github.com/tempograph/tempograph/servicegraph/internal/trace"
)

// TestInferenceIsBounded: nothing is inferred in a trace with too many pairs of spans that could be
// calls, but calls are inferred in the next trace.
func TestInferenceIsBounded(t *testing.T) {
	const spans = 2050 // of each side: more than maxGuesses pairs
	build := func(n int) *trace.Tree {
		var tree trace.Tree
		tree.Clear(byNumber{})
		for i := range 2 * n {
			s := trace.Span{Start: 1000, End: 9000, Kind: trace.Client, Node: 1, Weight32: 1, Flags: trace.IsCaller}
			binary.BigEndian.PutUint64(s.ID[:], uint64(i)+1)
			s.Parent = [8]byte{255} // an id that no span has
			if i%2 == 1 {
				s.Kind, s.Node, s.Flags, s.Start, s.End = trace.Server, 2, 0, 2000, 3000
			}
			tree.Append([]trace.Span{s})
		}
		tree.Build()
		return &tree
	}
	p := New(Config{InferCalls: true, CompareNodes: byNumber{}.CompareNodes})
	for _, test := range []struct {
		n          int
		uncompared bool
		calls      int
	}{{spans, true, 0}, {1, false, 1}} {
		p.Pair([16]byte{1}, build(test.n), Links{})
		if p.IsUncompared() != test.uncompared || len(p.Calls()) != test.calls {
			t.Errorf("%d spans of each side: uncompared %v, %d calls", test.n, p.IsUncompared(), len(p.Calls()))
		}
	}
}
