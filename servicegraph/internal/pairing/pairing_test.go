package pairing

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"github.com/tempograph/tempograph/servicegraph/internal/trace"
)

type byNumber struct{}

func (byNumber) CompareNodes(a, b trace.Node) int        { return cmp.Compare(a, b) }
func (byNumber) CompareAddresses(a, b trace.Address) int { return cmp.Compare(a, b) }
func (byNumber) CompareDetails(a, b trace.Detail) int    { return cmp.Compare(a, b) }

// span returns a span of a service, with the id and the id of the parent as numbers.
func span(id, parent byte, node trace.Node, kind trace.Kind) trace.Span {
	return trace.Span{
		ID: [8]byte{id}, Parent: [8]byte{parent}, Node: node, Kind: kind, Weight32: 1,
		Start: 100 + int64(id), End: 1000 - int64(id), Flags: trace.IsCaller.When(kind.Calls()),
	}
}

func names(s trace.Span, peer trace.Node, t trace.PeerType) trace.Span {
	s.Peer, s.PeerType = peer, t
	return s
}

func pair(cfg Config, spans ...trace.Span) *Pairer {
	cfg.IsNameOf = func(peer, service trace.Node) bool { return peer == service }
	cfg.IsAddress = func(trace.Node) bool { return false }
	cfg.IsOtherServer = func(trace.Node, trace.Node) bool { return false }
	cfg.CanBeSame = func(trace.Node, trace.Node) bool { return false }
	cfg.CompareNodes = byNumber{}.CompareNodes
	var t trace.Tree
	t.Clear(byNumber{})
	t.Append(spans)
	t.Build()
	p := New(cfg)
	p.Pair([16]byte{1}, &t, Links{})
	return p
}

// describe returns the calls, with the ids of their spans, and the outcomes in the order of
// the spans.
func describe(p *Pairer) string {
	id := func(i int32) string {
		if i < 0 {
			return "-"
		}
		return fmt.Sprint(p.spans[i].ID[0])
	}
	var lines []string
	for _, c := range p.Calls() {
		lines = append(lines, fmt.Sprintf("%d->%d %s:%s", c.From, c.To, id(c.Caller), id(c.Callee)))
	}
	slices.Sort(lines)
	for i := range int32(len(p.spans)) {
		lines = append(lines, [...]string{
			"none", "paired", "virtual", "nested", "root", "internal", "orphan", "unresolved", "open", "detached",
		}[p.Outcome(i)])
	}
	return strings.Join(lines, " ")
}

// TestPair checks the calls of single traces. The scenarios of servicegraph test the other
// rules.
func TestPair(t *testing.T) {
	const a, b, c = 1, 2, 3 // services
	const db = 9
	for _, test := range []struct {
		name  string
		cfg   Config
		spans []trace.Span
		want  string
	}{
		{"nothing", Config{}, nil, ""},
		{"client and server", Config{}, []trace.Span{span(1, 0, a, trace.Client), span(2, 1, b, trace.Server)}, "1->2 1:2 paired paired"},
		{"server below a server", Config{}, []trace.Span{span(1, 0, a, trace.Server), span(2, 1, b, trace.Server)}, "1->2 -:2 root paired"},
		{"one client, two servers", Config{}, []trace.Span{span(1, 0, a, trace.Client), span(2, 1, b, trace.Server), span(3, 1, c, trace.Server)}, "1->2 1:2 1->3 1:3 paired paired paired"},
		{"a client inside a client", Config{}, []trace.Span{span(1, 0, a, trace.Client), span(2, 1, a, trace.Client), span(3, 2, b, trace.Server)}, "1->2 1:3 paired nested paired"},
		{"a database", Config{}, []trace.Span{names(span(1, 0, a, trace.Client), db, trace.Specific)}, "1->9 1:- virtual"},
		{"a client that names nobody", Config{}, []trace.Span{span(1, 0, a, trace.Client)}, "unresolved"},
		{"a producer", Config{}, []trace.Span{names(span(1, 0, a, trace.Producer), db, trace.Queue)}, "open"},
		{"a lost parent", Config{}, []trace.Span{span(1, 7, a, trace.Server), span(2, 1, a, trace.Internal)}, "orphan internal"},
		{"a user", Config{UserNode: true}, []trace.Span{span(1, 0, a, trace.Server)}, "0->1 -:1 virtual"},
		{"nothing to infer", Config{}, []trace.Span{span(1, 0, a, trace.Client), span(2, 7, b, trace.Server)}, "unresolved orphan"},
		{"an inferred call", Config{InferCalls: true}, []trace.Span{span(1, 0, a, trace.Client), span(2, 7, b, trace.Server)}, "1->2 1:2 paired paired"},
		{"a cycle of parents", Config{}, []trace.Span{span(1, 2, a, trace.Internal), span(2, 1, a, trace.Internal)}, "root internal"},
	} {
		if got := describe(pair(test.cfg, test.spans...)); got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}

// TestPairAgain pairs two traces with the same Pairer. The results of the second trace must contain
// nothing of the first trace.
func TestPairAgain(t *testing.T) {
	p := pair(Config{}, span(1, 0, 1, trace.Client), span(2, 1, 2, trace.Server), names(span(3, 1, 1, trace.Producer), 9, trace.Queue))
	if len(p.Calls()) == 0 || len(p.Sends()) == 0 {
		t.Fatalf("%d calls and %d sends: the first trace must have both", len(p.Calls()), len(p.Sends()))
	}
	var tree trace.Tree
	tree.Clear(byNumber{})
	tree.Append([]trace.Span{span(1, 0, 1, trace.Internal)})
	tree.Build()
	p.Pair([16]byte{2}, &tree, Links{})
	if got := describe(p); got != "root" || len(p.Sends())+len(p.Receives()) > 0 {
		t.Errorf("%q, %d sends and %d receives, want a root alone", got, len(p.Sends()), len(p.Receives()))
	}
}

// TestCallSize checks the size of a Call, because all calls of a trace are held at once.
func TestCallSize(t *testing.T) {
	if size := unsafe.Sizeof(Call{}); size != 28 {
		t.Errorf("a call takes %d bytes, want 28", size)
	}
}
