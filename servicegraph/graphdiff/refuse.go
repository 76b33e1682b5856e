package graphdiff

import (
	"errors"
	"fmt"
	"strings"

	"github.com/tempograph/tempograph/internal/quantity"
	"github.com/tempograph/tempograph/servicegraph"
)

// refuse returns an error if a comparison of two graphs would mislead.
func refuse(base, head *servicegraph.Graph) error {
	switch {
	case base.NumNodes() == 0 && head.NumNodes() == 0:
		return errors.New("both graphs are empty: there is nothing to compare; check the input and the filters")
	case base.NumNodes() == 0:
		return errors.New("the base graph is empty: everything would be new; check the input and the filters of the base")
	case head.NumNodes() == 0:
		return errors.New("the head graph is empty: everything would be gone; check the input and the filters of the head")
	}
	common := 0
	for n := range base.Nodes() {
		if _, ok := head.Node(n.ID); ok {
			common++
		}
	}
	if common == 0 {
		return fmt.Errorf("the graphs have no node in common: they are graphs of different systems, or one of them was made with other options, such as those that split or rename services (base: %s; head: %s)",
			someNodes(base), someNodes(head))
	}
	for _, option := range []struct {
		name string
		used func(g, other *servicegraph.Graph) bool
	}{
		{"queue nodes", queuesBetween},
		{"a node for the user", hasUser},
		{"services that are split by an attribute, such as web@1.4", isSplit},
		{"hidden nodes that are bridged", isBridged},
		{"groups of nodes", isGrouped},
	} {
		b, h := option.used(base, head), option.used(head, base)
		if b != h {
			with := "base"
			if h {
				with = "head"
			}
			return fmt.Errorf("the graphs were made with different options: only the %s graph has %s; make both with the same options", with, option.name)
		}
	}
	return nil
}

// someNodes returns the names of the first nodes of a graph.
func someNodes(g *servicegraph.Graph) (text string) {
	i := 0
	for n := range g.Nodes() {
		if i == 3 {
			return text + fmt.Sprintf(" and %s", quantity.Of(g.NumNodes()-3, "more node"))
		}
		if i > 0 {
			text += ", "
		}
		text += n.ID.String()
		i++
	}
	return text
}

// queuesBetween reports whether a message goes from a service through a queue to a service, while
// the other graph has a message edge between the same services.
func queuesBetween(g, other *servicegraph.Graph) bool {
	for to := range g.Edges() {
		if to.ID.Kind != servicegraph.EdgeMessage || to.ID.To.Type != servicegraph.TypeQueue {
			continue
		}
		for from := range g.Out(to.ID.To) {
			direct := servicegraph.EdgeID{From: to.ID.From, To: from.ID.To, Kind: servicegraph.EdgeMessage}
			if _, here := g.Edge(direct); here {
				continue
			}
			if _, there := other.Edge(direct); there {
				return true
			}
		}
	}
	return false
}

// hasUser reports whether a graph has calls of the node "user" where the other graph has entry
// requests.
func hasUser(g, other *servicegraph.Graph) bool {
	for e := range g.Edges() {
		if e.ID.From.Name != "user" || e.ID.From.Type == servicegraph.TypeService {
			continue
		}
		if _, there := other.Node(e.ID.From); !there {
			if n, ok := other.Node(e.ID.To); ok && n.Entries > 0 {
				return true
			}
		}
	}
	return false
}

// isSplit reports whether a graph has several parts of a service in place of one node of the other
// graph.
func isSplit(g, other *servicegraph.Graph) bool {
	split := make(map[servicegraph.NodeID]bool) // services of the other graph
	for n := range other.Nodes() {
		if whole, ok := wholeOf(n.ID); ok {
			split[whole] = true
		}
	}
	for n := range g.Nodes() {
		whole, ok := wholeOf(n.ID)
		if !ok || split[whole] {
			continue
		}
		_, here := g.Node(whole)
		if _, there := other.Node(whole); there && !here {
			return true
		}
	}
	return false
}

// wholeOf returns the service of which a service may be a part: web of web@1.4.
func wholeOf(id servicegraph.NodeID) (servicegraph.NodeID, bool) {
	name, _, ok := strings.Cut(id.Name, "@")
	if !ok || name == "" || id.Type != servicegraph.TypeService {
		return id, false
	}
	id.Name = name
	return id, true
}

// hasInferred reports whether calls of a graph are inferred from time.
func hasInferred(g *servicegraph.Graph) bool {
	for e := range g.Edges() {
		if e.Evidence.Inferred > 0 {
			return true
		}
	}
	return false
}

func isBridged(g, _ *servicegraph.Graph) bool {
	for e := range g.Edges() {
		if e.ID.Kind == servicegraph.EdgeBridged {
			return true
		}
	}
	return false
}

func isGrouped(g, _ *servicegraph.Graph) bool {
	for n := range g.Nodes() {
		if n.ID.Type == servicegraph.TypeGroup {
			return true
		}
	}
	return false
}

// notes returns sentences about what makes the comparison less exact.
func notes(base, head *servicegraph.Graph) (list []string) {
	each := func(text func(name string, r servicegraph.Report) string) {
		for _, s := range []struct {
			name  string
			graph *servicegraph.Graph
		}{{"base", base}, {"head", head}} {
			if t := text(s.name, s.graph.Report()); t != "" {
				list = append(list, t)
			}
		}
	}
	each(func(name string, r servicegraph.Report) string {
		if n := r.LeftOutTraces; n > 0 {
			return fmt.Sprintf("%s: a limit left out at least %s, so the graph is a sample of the newest traces", name, quantity.Of(n, "trace"))
		}
		return ""
	})
	each(func(name string, r servicegraph.Report) string {
		if n := r.LeftOutNodes + r.LeftOutEdges; n > 0 {
			return fmt.Sprintf("%s: a filter left out %s and %s, which count as gone unless the other graph was filtered in the same way", name, quantity.Of(r.LeftOutNodes, "node"), quantity.Of(r.LeftOutEdges, "edge"))
		}
		return ""
	})
	for _, s := range []measured{sideOf(base), sideOf(head)} {
		if s.Entries == 0 {
			list = append(list, "a graph counts no requests from outside: calls are divided by traces instead")
			break
		}
	}
	name := func(isBase bool) string { return map[bool]string{true: "base", false: "head"}[isBase] }
	kind := func(onlyInBase bool) string { return map[bool]string{true: "gone", false: "new"}[onlyInBase] }
	if b, h := base.Report().Hidden > 0, head.Report().Hidden > 0; b != h {
		list = append(list, fmt.Sprintf("%s: services were hidden in this graph and none in the other; unless both graphs were made with the same options, those services count as %s", name(b), kind(!b)))
	}
	if b, h := hasInferred(base), hasInferred(head); b != h {
		list = append(list, fmt.Sprintf("%s: some calls are inferred in this graph and none in the other; unless both graphs were made with the same options, inferred edges count as %s", name(b), kind(b)))
	}
	each(func(name string, r servicegraph.Report) string {
		if n := r.Skipped; n > 0 {
			return fmt.Sprintf("%s: %s could not be read", name, quantity.Of(n, "record"))
		}
		return ""
	})
	each(func(name string, r servicegraph.Report) string {
		if n := r.Sampled; n > 0 {
			return fmt.Sprintf("%s: %s stand for several spans each because of sampling; numbers of calls are estimates, and a sampled call counts as one sample", name, quantity.Of(n, "span"))
		}
		return ""
	})
	each(func(name string, r servicegraph.Report) string {
		if n := r.NodesFolded; n > 0 {
			return fmt.Sprintf("%s: the node \"other\" stands for the nodes beyond a limit", name)
		}
		return ""
	})
	return list
}
