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
	"strconv"
	"strings"

	"github.com/tempograph/tempograph/internal/suggest"
	"github.com/tempograph/tempograph/servicegraph"
)

// A Topology is the content of a golden file: edges, which may have bounds, and nodes
// without edges. The zero value is an empty topology.
//
// The file has one edge or node per line, sorted. A comment begins with #:
//
//	# Money is taken once.
//	checkout -> payments: calls 1, errors at most 0%
//	checkout -> shipping: async
//	web -> checkout
//	web -> products[database]: per-trace at most 1
//
// Names are not patterns: a service without a namespace in the file has none. Every node
// that is not a service has its type in brackets. The word async marks messages; the word
// bridged marks an edge that leads through nodes which a view has hidden.
type Topology struct {
	Name  string // of the file
	edges map[servicegraph.EdgeID]goldenLine
	nodes map[servicegraph.NodeID]goldenLine

	begin []string // comments before the last empty line that precedes the first edge
	end   []string // comments after the last edge or node
}

// A goldenLine has the bounds and comments that people added to an edge or a node.
type goldenLine struct {
	before  []string // lines with comments, and empty lines
	bounds  []bound
	comment string // on the same line
}

// ParseTopology parses the text of a golden file. The error joins one [*SyntaxError] for
// each mistake.
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
		l.comment = s.comment
		if _, twice := top.nodes[from]; twice {
			return s.errorf(token{}, "%s is listed twice", nodeText(from))
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
		if l.bounds, err = s.bounds(&id); err != nil {
			return err
		}
	}
	if !s.atEnd() {
		return s.errorf(s.tok, "want the end of the line here, not %s", s.shown())
	}
	if _, twice := top.edges[id]; twice {
		return s.errorf(token{}, "%s is listed twice", edgeText(id))
	}
	l.comment = s.comment
	top.edges[id] = l
	return nil
}

// bounds parses the bounds of an edge, and words that set the kind of its id.
func (s *scanner) bounds(id *servicegraph.EdgeID) (bounds []bound, err *SyntaxError) {
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
				return nil, err
			}
			bounds = append(bounds, b)
		default:
			return nil, s.errorf(word, "unknown bound %s%s", s.shown(), suggest.DidYouMean(word.text, append([]string{"bridged"}, boundWords...)))
		}
		if !s.accept(",") {
			return bounds, nil
		}
	}
}

// identity parses the identity of a node.
func (s *scanner) identity() (servicegraph.NodeID, *SyntaxError) {
	at := s.tok
	p, err := s.pattern()
	if err != nil {
		return servicegraph.NodeID{}, err
	}
	id, ok := p.node()
	if !ok {
		return id, s.errorf(at, "%s is a pattern, but a topology has only names: quote a name that contains * or ?", at.text)
	}
	return id, nil
}

// kindWords are the words for kinds of edges.
var kindWords = map[servicegraph.EdgeKind]string{
	servicegraph.EdgeMessage: "async",
	servicegraph.EdgeBridged: "bridged",
}

// goldenText returns the line of an edge with its bounds.
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
		if l.comment != "" {
			b.WriteString(" " + l.comment)
		}
		b.WriteByte('\n')
	}
	for _, c := range top.end {
		b.WriteString(c + "\n")
	}
	return b.String()
}

// update returns the topology of a graph, with the bounds and comments of top for the
// edges and nodes that still exist.
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

// rule returns the rule that a graph has exactly this topology.
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
				"\nif the change is intended, GRAPHTEST_UPDATE=1 go test writes the file"
			violations = append([]Violation{differ}, violations...)
		}
		return violations
	}}
}

// brokenBounds returns a violation for each bound that an edge breaks.
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

// Golden compares a graph with a golden file, whose format [Topology] describes. If nodes
// or edges differ, or if an edge breaks a bound in the file, Golden reports an error of
// the test and returns false.
//
// With GRAPHTEST_UPDATE=1 in the environment Golden writes the file instead. A value of 0 is the
// same as no value. Bounds and comments stay as long as their edge exists. An empty graph is an
// error even then, and so is GRAPHTEST_UPDATE=1 in a CI run, where the variable CI is set. To
// commit only the calls of one service, use a view:
//
//	g.FilterEdges(func(e servicegraph.Edge) bool { return e.ID.From.Name == "checkout" })
func Golden[G Graph](t T, g G, file string) bool {
	t.Helper()
	graph, _ := split(g)
	update, err := updating()
	if err != nil {
		t.Errorf("golden topology: %v", err)
		return false
	}
	text, err := os.ReadFile(file)
	if err != nil && !(update && errors.Is(err, fs.ErrNotExist)) {
		hint := ""
		if errors.Is(err, fs.ErrNotExist) {
			hint = ": GRAPHTEST_UPDATE=1 go test writes it with this content:\n" + Topology{}.update(graph).String()
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

// updating reports whether the environment asks to write golden files. In a CI run, which has a
// variable CI that is not false, golden files must not change: a test that writes them cannot
// fail.
func updating() (bool, error) {
	value := os.Getenv("GRAPHTEST_UPDATE")
	if value == "" {
		return false, nil
	}
	yes, err := strconv.ParseBool(value)
	if err != nil {
		return false, fmt.Errorf("GRAPHTEST_UPDATE=%s: want 1 or 0", value)
	}
	if ci := os.Getenv("CI"); yes && ci != "" {
		if in, err := strconv.ParseBool(ci); in || err != nil {
			return false, errors.New("GRAPHTEST_UPDATE=1 in a CI run (CI is set): run the update on your machine and commit the files")
		}
	}
	return yes, nil
}

// write writes a file, and makes its folder if there is none.
func write(file, text string) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
		return err
	}
	return os.WriteFile(file, []byte(text), 0o666)
}

// Contracts holds if services keep to their golden files. A file is the contract of each
// service that has calls in it and of each service that it lists alone. All nodes and
// edges of a file must exist, and the edges must keep their bounds. Every call of a
// service with a contract must be in one of its files. Calls of services without a
// contract are not checked: see [Unspoken].
//
// The text of the rule names the files; [Parse] does not read it.
func Contracts(files ...Topology) Rule {
	var names []string
	for _, f := range files {
		names = append(names, f.Name)
	}
	return rule{text: "contracts " + strings.Join(names, ", "), check: func(g *servicegraph.Graph) (violations []Violation) {
		for _, f := range files {
			violations = append(violations, f.brokenPromises(g)...)
		}
		return append(violations, unpromised(g, files)...)
	}}
}

// brokenPromises returns violations for the nodes and edges of the file that g lacks, and
// for the bounds that the edges of g break.
func (top Topology) brokenPromises(g *servicegraph.Graph) (violations []Violation) {
	if len(top.edges)+len(top.nodes) == 0 {
		return []Violation{{Message: top.Name + " is empty: it has no node and no edge"}}
	}
	for _, id := range slices.SortedFunc(maps.Keys(top.edges), servicegraph.EdgeID.Compare) {
		e, found := g.Edge(id)
		if !found {
			violations = append(violations, Violation{
				Message: top.brokenBy(id.From) + goldenText(id) + " is in the file and was not observed",
				Missing: []servicegraph.EdgeID{id},
			})
			continue
		}
		for _, v := range brokenBounds(e, top.edges[id].bounds) {
			v.Message = top.brokenBy(id.From) + v.Message
			violations = append(violations, v)
		}
	}
	for _, id := range slices.SortedFunc(maps.Keys(top.nodes), servicegraph.NodeID.Compare) {
		if _, found := g.Node(id); !found {
			violations = append(violations, Violation{Message: top.brokenBy(id) + "it was not observed"})
		}
	}
	return violations
}

// brokenBy returns the beginning of a message: a service breaks the contract in the file.
func (top Topology) brokenBy(id servicegraph.NodeID) string {
	return nodeText(id) + " breaks " + top.Name + ": "
}

// unpromised returns violations for the calls of services with a contract that are in none
// of their files.
func unpromised(g *servicegraph.Graph, files []Topology) (violations []Violation) {
	for e := range g.Edges() {
		var contracts []string
		promised := false
		for _, f := range files {
			if f.speaksFor(e.ID.From) {
				contracts = append(contracts, f.Name)
			}
			_, listed := f.edges[e.ID]
			promised = promised || listed
		}
		if len(contracts) > 0 && !promised {
			violations = append(violations, Violation{
				Message: fmt.Sprintf("%s breaks %s: %s is not in it", nodeText(e.ID.From), strings.Join(contracts, ", "), goldenText(e.ID)),
				Edges:   []servicegraph.Edge{e},
			})
		}
	}
	return violations
}

// speaksFor reports whether the file is a contract of a service.
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

// Unspoken returns the services of a graph that make calls and have no contract in the
// files, sorted.
func Unspoken(g *servicegraph.Graph, files ...Topology) (ids []servicegraph.NodeID) {
	for e := range g.Edges() {
		hasContract := slices.ContainsFunc(files, func(f Topology) bool { return f.speaksFor(e.ID.From) })
		if !hasContract && !slices.Contains(ids, e.ID.From) {
			ids = append(ids, e.ID.From)
		}
	}
	return ids
}
