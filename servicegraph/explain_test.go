package servicegraph_test

import (
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	sg "github.com/tempograph/tempograph/servicegraph"
)

// TestExplain runs every file of testdata/explain: spans, and a section "FROM to TO" with
// the explanation of the two nodes.
func TestExplain(t *testing.T) {
	runScenarios(t, "explain", func(t *testing.T, given []txtar.File, last string) string {
		from, to, ok := strings.Cut(last, " to ")
		if !ok {
			t.Fatalf("section %q, want FROM to TO", last)
		}
		text := section(t, given, 0, "spans")
		b := sg.NewBuilder(sg.Config{})
		for _, s := range mustParse(t, text) {
			b.Add(s)
		}
		return strings.NewReplacer(hexNames(text)...).Replace(b.Explain(service(from), service(to)).String())
	})
}

// TestExplainAgreesWithGraph checks for each two nodes of every scenario that the reasons why spans
// were no call contradict no edge: a span that makes a call is not one without a peer, the other
// node that a span called has an edge from the caller, and the node between two others has an edge
// to the callee. Each unresolved span has a reason.
func TestExplainAgreesWithGraph(t *testing.T) {
	eachScenario(t, func(file string, b *sg.Builder) {
		g := b.Graph()
		hasEdge := make(map[[2]sg.NodeID]bool)
		for e := range g.Edges() {
			hasEdge[[2]sg.NodeID{e.ID.From, e.ID.To}] = true
		}
		type spanOf struct {
			node sg.NodeID
			id   sg.Link
		}
		paired := make(map[spanOf]bool)
		for t := range b.Traces() {
			for _, c := range t.Calls {
				if c.From != (sg.NodeID{}) {
					paired[spanOf{c.To, sg.Link{TraceID: t.ID, SpanID: c.Callee.SpanID}}] = true
				}
			}
		}
		noPeer := make(map[sg.NodeID]int)
		for from := range g.Nodes() {
			for to := range g.Nodes() {
				for _, m := range b.Explain(from.ID, to.ID).Misses {
					var want [2]sg.NodeID
					switch m.Reason {
					case sg.MissNoPeer:
						// A span that another span called can be a caller span as well.
						called := slices.DeleteFunc(m.Examples, func(l sg.Link) bool { return !paired[spanOf{from.ID, l}] })
						noPeer[from.ID] = int(m.Count) - len(called)
						continue
					case sg.MissOtherPeer:
						want = [2]sg.NodeID{from.ID, m.Node}
					case sg.MissThrough:
						want = [2]sg.NodeID{m.Node, to.ID}
					default:
						continue
					}
					if !hasEdge[want] {
						t.Errorf("%s: %s to %s: %s %s, but %s does not call %s", file, from.ID, to.ID, m.Reason, m.Node, want[0], want[1])
					}
				}
			}
		}
		total := 0
		for _, n := range noPeer {
			total += n
		}
		if want := int(g.Report().Unresolved); total != want {
			t.Errorf("%s: %d spans have no callee and no peer, want the %d unresolved spans", file, total, want)
		}
	})
}

// hexNames pairs the ids of the spans, as hexadecimal digits, with their names in
// the scenario.
func hexNames(spans string) (pairs []string) {
	for line := range strings.Lines(spans) {
		if words := strings.Fields(line); len(words) > 2 {
			name, _, _ := strings.Cut(words[2], "<")
			trace, span := parseID(name)
			traceName, spanName, found := strings.Cut(name, ":")
			if !found {
				traceName, spanName = "trace", name
			}
			pairs = append(pairs, trace.String(), traceName, span.String(), spanName)
		}
	}
	return pairs
}
