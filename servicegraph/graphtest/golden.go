package graphtest

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/tempograph/tempograph/internal/suggest"
	"github.com/tempograph/tempograph/servicegraph"
)

// A Topology is what a golden file holds: edges, each with bounds if somebody wrote
// them there, and nodes without edges. Its zero value is empty.
//
// The file has one of them a line, sorted; what follows # is a comment:
//
//	# Money is taken once.
//	checkout -> payments: calls 1, errors at most 0%
//	checkout -> shipping: async
//	web -> checkout
//	web -> products[database]: per-trace at most 1
//
// Names are identities, not patterns: a service without a namespace in the file has
// none, and what is not a service has its type in brackets. The word async marks
// messages, the word bridged an edge through nodes that a view has hidden.
type Topology struct {
	Name  string // of the file
	edges map[servicegraph.EdgeID]goldenLine
	nodes map[servicegraph.NodeID]goldenLine

	begin []string // comments up to the first empty line, if that is before the first edge
	end   []string // comments behind the last line
}

// A goldenLine is what people wrote about an edge or a node.
type goldenLine struct {
	before []string // lines of comments and empty ones
	bounds []bound
	behind string // comment on the same line
}

// ParseTopology reads the text of a golden file. All its errors are reported, each a
// [*SyntaxError].
func ParseTopology(name, text string) (Topology, error) {
	top := Topology{
		Name:  name,
		edges: make(map[servicegraph.EdgeID]goldenLine),
		nodes: make(map[servicegraph.NodeID]goldenLine),
	}
	var errs []error
	var before []string
	for n, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		if trimmed := strings.TrimSpace(line); trimmed == "" || trimmed[0] == '#' {
			before = append(before, trimmed)
			continue
		}
		if len(top.edges)+len(top.nodes) == 0 {
			header := 0
			for i, c := range before {
				if c == "" {
					header = i + 1
				}
			}
			top.begin, before = append(top.begin, before[:header]...), before[header:]
		}
		if err := top.parseLine(line, before); err != nil {
			err.File, err.Line = name, n+1
			errs = append(errs, err)
		}
		before = nil
	}
	if text != "" {
		top.end = before
	}
	return top, errors.Join(errs...)
}

func (top *Topology) parseLine(line string, before []string) *SyntaxError {
	s := newScanner("", line)
	l := goldenLine{before: before}
	from, err := s.identity()
	if err != nil {
		return err
	}
	if s.atEnd() {
		l.behind = s.comment
		if _, twice := top.nodes[from]; twice {
			return s.errorf(token{}, "%s is there twice", nodeText(from))
		}
		top.nodes[from] = l
		return nil
	}
	id := servicegraph.EdgeID{From: from, Kind: servicegraph.EdgeRequest}
	if err := s.expect("->"); err != nil {
		return err
	}
	if id.To, err = s.identity(); err != nil {
		return err
	}
	if s.accept(":") {
		for {
			switch word := s.tok; {
			case s.accept("async"):
				id.Kind = servicegraph.EdgeMessage
			case s.accept("bridged"):
				id.Kind = servicegraph.EdgeBridged
			case slices.Contains(boundWords, word.text):
				s.next()
				b, err := s.boundHead(word)
				if err == nil {
					err = s.boundTail(&b)
				}
				if err != nil {
					return err
				}
				l.bounds = append(l.bounds, b)
			default:
				return s.errorf(word, "unknown bound %s%s", s.shown(), suggest.DidYouMean(word.text, append([]string{"bridged"}, boundWords...)))
			}
			if !s.accept(",") {
				break
			}
		}
	}
	if !s.atEnd() {
		return s.errorf(s.tok, "the line is over here, but %s follows", s.shown())
	}
	if _, twice := top.edges[id]; twice {
		return s.errorf(token{}, "%s is there twice", edgeText(id))
	}
	l.behind = s.comment
	top.edges[id] = l
	return nil
}

// identity reads the identity of a node.
func (s *scanner) identity() (servicegraph.NodeID, *SyntaxError) {
	at := s.tok
	p, err := s.pattern()
	if err != nil {
		return servicegraph.NodeID{}, err
	}
	id, ok := p.node()
	if !ok {
		return id, s.errorf(at, "%s is a pattern, and a topology has names: quote * and ? in a name", at.text)
	}
	return id, nil
}

// kindWords are the words of an edge's kind.
var kindWords = map[servicegraph.EdgeKind]string{
	servicegraph.EdgeMessage: "async",
	servicegraph.EdgeBridged: "bridged",
}

// goldenText returns the line of an edge, with bounds.
func goldenText(id servicegraph.EdgeID, bounds ...bound) string {
	var words []string
	if w := kindWords[id.Kind]; w != "" {
		words = append(words, w)
	}
	for _, b := range bounds {
		words = append(words, b.String())
	}
	if len(words) == 0 {
		return edgeText(id)
	}
	return edgeText(id) + ": " + strings.Join(words, ", ")
}

// String returns the text of the golden file.
func (top Topology) String() string {
	type line struct {
		text string
		goldenLine
	}
	var lines []line
	for id, l := range top.edges {
		lines = append(lines, line{goldenText(id, l.bounds...), l})
	}
	for id, l := range top.nodes {
		lines = append(lines, line{nodeText(id), l})
	}
	slices.SortFunc(lines, func(a, b line) int { return cmp.Compare(a.text, b.text) })
	var b strings.Builder
	for _, c := range top.begin {
		b.WriteString(c + "\n")
	}
	for _, l := range lines {
		for _, c := range l.before {
			b.WriteString(c + "\n")
		}
		b.WriteString(l.text)
		if l.behind != "" {
			b.WriteString(" " + l.behind)
		}
		b.WriteByte('\n')
	}
	for _, c := range top.end {
		b.WriteString(c + "\n")
	}
	return b.String()
}

// update returns the topology of a graph, with the bounds and comments of the old one
// where they still have a line to stand at.
func (top Topology) update(g *servicegraph.Graph) Topology {
	updated := Topology{
		Name:  top.Name,
		edges: make(map[servicegraph.EdgeID]goldenLine),
		nodes: make(map[servicegraph.NodeID]goldenLine),
		begin: top.begin,
		end:   top.end,
	}
	linked := make(map[servicegraph.NodeID]bool)
	for e := range g.Edges() {
		linked[e.ID.From], linked[e.ID.To] = true, true
		updated.edges[e.ID] = top.edges[e.ID]
	}
	for n := range g.Nodes() {
		if !linked[n.ID] {
			updated.nodes[n.ID] = top.nodes[n.ID]
		}
	}
	return updated
}

// rule returns the rule that a graph has this topology and no more.
func (top Topology) rule() rule {
	return rule{text: "golden " + top.Name, check: func(g *servicegraph.Graph) []Violation {
		now := Topology{}.update(g)
		var violations []Violation
		var removed, added []string
		differ := Violation{}
		for id := range top.edges {
			if _, there := now.edges[id]; !there {
				removed = append(removed, "- "+goldenText(id))
				differ.Missing = append(differ.Missing, id)
			}
		}
		for id := range top.nodes {
			if _, there := now.nodes[id]; !there {
				removed = append(removed, "- "+nodeText(id))
			}
		}
		for e := range g.Edges() {
			want, there := top.edges[e.ID]
			if !there {
				added = append(added, "+ "+goldenText(e.ID))
				differ.Edges = append(differ.Edges, e)
			}
			violations = append(violations, brokenBounds(e, want.bounds)...)
		}
		for id := range now.nodes {
			if _, there := top.nodes[id]; !there {
				added = append(added, "+ "+nodeText(id))
			}
		}
		if len(removed)+len(added) > 0 {
			slices.SortFunc(differ.Missing, servicegraph.EdgeID.Compare)
			diff := append(removed, added...)
			slices.SortFunc(diff, func(a, b string) int { return cmp.Or(cmp.Compare(a[2:], b[2:]), cmp.Compare(b, a)) })
			differ.Message = "the calls differ (- is in the file, + was observed):\n  " + strings.Join(diff, "\n  ") +
				"\nif that is meant, GRAPHTEST_UPDATE=1 go test writes the file"
			violations = append([]Violation{differ}, violations...)
		}
		return violations
	}}
}

// brokenBounds returns the bounds that an edge breaks.
func brokenBounds(e servicegraph.Edge, bounds []bound) (violations []Violation) {
	for _, b := range bounds {
		if why := b.broken(e); why != "" {
			violations = append(violations, Violation{
				Message: fmt.Sprintf("%s %s, want %v", edgeText(e.ID), why, b),
				Edges:   []servicegraph.Edge{e},
				failed:  b.word == "errors",
			})
		}
	}
	return violations
}

// Golden reports it as an error of the test when the nodes and edges of the graph are
// not those of a golden file, or an edge breaks a bound that the file has for it. It
// returns whether all is well. [Topology] says what is in the file.
//
// With GRAPHTEST_UPDATE=1 in the environment the file is written instead: bounds and
// comments that it has stay where their edge does. An empty graph is an error all
// the same. To commit what one service calls and nothing else, take a view:
//
//	g.FilterEdges(func(e servicegraph.Edge) bool { return e.ID.From.Name == "checkout" })
func Golden[G Graph](t T, g G, file string) bool {
	t.Helper()
	graph, _ := split(g)
	update := os.Getenv("GRAPHTEST_UPDATE") != ""
	text, err := os.ReadFile(file)
	if err != nil && !(update && errors.Is(err, fs.ErrNotExist)) {
		hint := ""
		if errors.Is(err, fs.ErrNotExist) {
			hint = ": GRAPHTEST_UPDATE=1 go test writes it; what was observed is\n" + Topology{}.update(graph).String()
		}
		t.Errorf("golden topology: %v%s", err, hint)
		return false
	}
	top, err := ParseTopology(file, string(text))
	if err != nil {
		t.Errorf("golden topology: %v", err)
		return false
	}
	if update && graph.NumNodes() > 0 {
		if err := write(file, top.update(graph).String()); err != nil {
			t.Errorf("golden topology: %v", err)
			return false
		}
		if top, err = ParseTopology(file, top.update(graph).String()); err != nil {
			t.Errorf("golden topology, written and read again: %v", err)
			return false
		}
	}
	return Check(t, g, top.rule())
}

func write(file, text string) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
		return err
	}
	return os.WriteFile(file, []byte(text), 0o666)
}

// Contracts holds if the services that golden files speak for keep to them. A file
// speaks for the services whose calls it has, as callers, and for those it names alone:
// all that it lists must be there and within its bounds, and what these services
// call must be in one of the files that speak for them. What other services do is
// not tested: see [Unspoken].
//
// Its text names the files, and [Parse] does not read it.
func Contracts(files ...Topology) Rule {
	var names []string
	for _, f := range files {
		names = append(names, f.Name)
	}
	return rule{text: "contracts " + strings.Join(names, ", "), check: func(g *servicegraph.Graph) (violations []Violation) {
		for _, f := range files {
			if len(f.edges)+len(f.nodes) == 0 {
				violations = append(violations, Violation{Message: f.Name + " promises nothing: it is empty"})
			}
			for _, id := range slices.SortedFunc(maps.Keys(f.edges), servicegraph.EdgeID.Compare) {
				e, there := g.Edge(id)
				if !there {
					violations = append(violations, Violation{
						Message: fmt.Sprintf("%s breaks %s: %s is promised and not there", nodeText(id.From), f.Name, goldenText(id)),
						Missing: []servicegraph.EdgeID{id},
					})
				}
				for _, v := range brokenBounds(e, f.edges[id].bounds) {
					if there {
						v.Message = fmt.Sprintf("%s breaks %s: %s", nodeText(id.From), f.Name, v.Message)
						violations = append(violations, v)
					}
				}
			}
			for _, id := range slices.SortedFunc(maps.Keys(f.nodes), servicegraph.NodeID.Compare) {
				if _, there := g.Node(id); !there {
					violations = append(violations, Violation{Message: fmt.Sprintf("%s breaks %s: it is not there", nodeText(id), f.Name)})
				}
			}
		}
		for e := range g.Edges() {
			var speakers []string
			promised := false
			for _, f := range files {
				if f.speaksFor(e.ID.From) {
					speakers = append(speakers, f.Name)
				}
				_, has := f.edges[e.ID]
				promised = promised || has
			}
			if len(speakers) > 0 && !promised {
				v := forbidden(e)
				v.Message = fmt.Sprintf("%s breaks %s: %s is not in it", nodeText(e.ID.From), strings.Join(speakers, ", "), goldenText(e.ID))
				violations = append(violations, v)
			}
		}
		return violations
	}}
}

// speaksFor reports whether the file lists all that a service calls.
func (top Topology) speaksFor(id servicegraph.NodeID) bool {
	if _, alone := top.nodes[id]; alone {
		return true
	}
	for e := range top.edges {
		if e.From == id {
			return true
		}
	}
	return false
}

// Unspoken returns the services of a graph that call others and that no file speaks
// for, sorted.
func Unspoken(g *servicegraph.Graph, files ...Topology) (ids []servicegraph.NodeID) {
	for e := range g.Edges() {
		spoken := slices.ContainsFunc(files, func(f Topology) bool { return f.speaksFor(e.ID.From) })
		if !spoken && !slices.Contains(ids, e.ID.From) {
			ids = append(ids, e.ID.From)
		}
	}
	return ids
}
