package servicegraph

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/tempograph/tempograph/servicegraph/internal/trace"
)

// A Rename gives the services and the uninstrumented dependencies that match a regular
// expression another name. [ParseRename] makes one. The zero value matches nothing.
type Rename struct {
	pattern *regexp.Regexp
	name    string // with references to groups of the pattern
}

// ParseRename parses a rule RE=NAME, such as ^(.*)-v[0-9]+$=$1. The last equal sign separates the
// two.
//
// RE is a regular expression in the syntax of package regexp (RE2). It is matched against the name
// of a node, and if it does not match, against the namespace and the name: shop/cart. It matches
// anywhere unless ^ and $ bind it. NAME replaces the whole name; $1 or ${1} stands for the text
// that the first group matched, ${name} for that of a named group, and $$ for a dollar sign. The
// namespace stays.
//
// The error says what is wrong with the rule and how to write it.
func ParseRename(rule string) (Rename, error) {
	at := strings.LastIndexByte(rule, '=')
	if at < 0 {
		return Rename{}, errors.New("want RE=NAME, such as '^(.*)-v[0-9]+$=$1'")
	}
	expression, name := rule[:at], rule[at+1:]
	switch {
	case expression == "":
		return Rename{}, errors.New("no expression before the equal sign: want RE=NAME; .* matches every name")
	case name == "":
		return Rename{}, errors.New("no name after the equal sign: to drop a part of a name, keep the rest with a group, such as '^(.*)-canary$=$1'")
	}
	pattern, err := regexp.Compile(expression)
	if err != nil {
		return Rename{}, fmt.Errorf("%w: want RE=NAME with an expression in RE2 syntax", err)
	}
	r := Rename{pattern, name}
	return r, r.checkGroups()
}

// checkGroups checks that the pattern has the groups to which the name refers. The regexp package
// would replace a reference to another group by nothing.
func (r Rename) checkGroups() error {
	for _, m := range groupReference.FindAllStringSubmatch(r.name, -1) {
		group := strings.Trim(m[1], "{}")
		n, err := strconv.Atoi(group)
		switch {
		case m[0] == "$$", err == nil && n <= r.pattern.NumSubexp(), r.pattern.SubexpIndex(group) >= 0:
		default:
			return fmt.Errorf("the name refers to %s, and the expression has no such group: write ${1} before a letter, a digit or _, and $$ for a dollar sign", m[0])
		}
	}
	return nil
}

// groupReference matches what regexp.Expand replaces: references to groups, and dollar signs.
var groupReference = regexp.MustCompile(`\$(\$|\{\w*\}|\w+)`)

// ParseRenames parses a file of rules, one rule on each line. Empty lines and lines that begin with
// # are ignored. The error names the file and the line.
func ParseRenames(file, text string) ([]Rename, error) {
	var rules []Rename
	n := 0
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		r, err := ParseRename(line)
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %q: %w", file, n, line, err)
		}
		rules = append(rules, r)
	}
	return rules, nil
}

// String returns the rule as RE=NAME.
func (r Rename) String() string {
	if r.pattern == nil {
		return ""
	}
	return r.pattern.String() + "=" + r.name
}

// apply returns the new name of a node, and false if the rule does not match the node or gives it
// no name.
func (r Rename) apply(id NodeID) (name string, ok bool) {
	if r.pattern == nil {
		return "", false
	}
	for _, text := range [...]string{id.Name, id.String()} {
		if m := r.pattern.FindStringSubmatchIndex(text); m != nil {
			name := string(r.pattern.ExpandString(nil, r.name, text, m))
			return name, name != ""
		}
	}
	return "", false
}

// A renamer applies the first rule that matches, and remembers the result for each node.
type renamer struct {
	rules []Rename
	known map[NodeID]NodeID
}

// maxRenamed is the number of results that a renamer remembers: about 15 MB of them. When there
// are more, it forgets all.
const maxRenamed = 1 << 16

// rename returns the identity that the rules give a node. A renamed address becomes a name.
func (r *renamer) rename(id NodeID) NodeID {
	if len(r.rules) == 0 || id.Name == "" {
		return id
	}
	to, known := r.known[id]
	if known {
		return to
	}
	to = id
	for _, rule := range r.rules {
		if name, ok := rule.apply(id); ok {
			to.Name = name
			break
		}
	}
	if to.Type == TypeIP && to.Name != id.Name {
		to.Type = TypeExternal
	}
	if r.known == nil || len(r.known) >= maxRenamed {
		r.known = make(map[NodeID]NodeID)
	}
	r.known[id] = to
	return to
}

// isChosen reports whether a peer got its name from a rule. A service with this name is then the
// peer, unless the peer is a queue: queues never have the name of a service.
func (r *renamer) isChosen(from, to NodeID) bool { return from.Name != to.Name && to.Type != TypeQueue }

// mergeRenamed adds other totals, whose nodes get the names that the renamer gives.
func (t *totals) mergeRenamed(o *totals, r *renamer) {
	c := &translation{t.names, o.names, r}
	for i, n := range o.nodes {
		if n != nil && !c.isChosen(nodeIndex(i+1)) { // calls to a renamed peer add its node, if any remain
			t.node(t.names.node(r.rename(n.ID))).merge(n)
		}
	}
	for k, e := range o.edges {
		key := callKey{edgeKey: c.edge(k), fromName: c.isChosen(k.from), toName: c.isChosen(k.to)}
		to := t.edge // the calls are resolved, unless an end has a new name
		if key.fromName || key.toName {
			to = func(edgeKey) *edgeSum { return t.callsTo(key) }
		}
		to(key.edgeKey).merge(c.queues(&e.Edge))
	}
	for k, e := range o.calls {
		if c.isChosen(k.to) {
			k.inside = 0 // the name takes precedence over the address that a span inside the call names
		}
		k.fromName, k.toName = k.fromName || c.isChosen(k.from), k.toName || c.isChosen(k.to)
		k.edgeKey, k.address, k.inside = c.edge(k.edgeKey), c.address(k.address), c.address(k.inside)
		t.callsTo(k).merge(c.queues(&e.Edge))
	}
	for m, during := range o.met {
		t.meet(c.renamed(o.names.AddressOf(m.at)), c.node(m.caller), c.node(m.owner), *during)
	}
	for service, namespaces := range o.kubernetes {
		t.addKubernetes(c.node(service), namespaces)
	}
	t.statements.Merge(t.names, o.statements, c.node, c.address)
	for key, s := range o.sends {
		s.span, s.shown = c.span(s.span), false
		t.addSend(key.span, s)
	}
	for key, r := range o.receivers {
		r.span, r.shown = c.span(r.span), false
		t.addReceiver(key.span, r)
	}
	for k := range o.receives {
		t.receives[receiveKey{receiver{k.span, c.node(k.node)}, k.target}] = true
	}
	t.report.merge(c.report(o))
}

// A translation changes the numbers and the names in totals to those of other totals.
type translation struct {
	to, from *symbols
	*renamer
}

func (c *translation) node(i nodeIndex) nodeIndex {
	if i == 0 || c.to == c.from {
		return i
	}
	return c.to.node(c.rename(c.from.nodeID(i)))
}

func (c *translation) address(i addressIndex) addressIndex {
	if i == 0 || c.to == c.from {
		return i
	}
	return c.to.address(c.renamed(c.from.AddressOf(i)))
}

// renamed returns an address in which the callee has the name that the rules give it.
func (c *translation) renamed(at address) address {
	if at.Name == "" || len(c.rules) == 0 {
		return at
	}
	id := NodeID{Name: at.Name}
	if namespace, name, found := strings.Cut(at.Name, "/"); found {
		id = NodeID{Namespace: namespace, Name: name}
	}
	at.Name = c.rename(id).String()
	return at
}

func (c *translation) edge(k edgeKey) edgeKey { return edgeKey{c.node(k.from), c.node(k.to), k.kind} }

// isChosen reports whether a rule has given a peer its name.
func (c *translation) isChosen(i nodeIndex) bool {
	if len(c.rules) == 0 || i == 0 {
		return false
	}
	id := c.from.nodeID(i)
	return id.Type.isPeer() && c.renamer.isChosen(id, c.rename(id))
}

func (c *translation) span(s trace.Span) trace.Span {
	if c.isChosen(s.Peer) {
		s.Flags |= trace.PeerIsName
	}
	s.Node, s.Peer, s.Address = c.node(s.Node), c.node(s.Peer), c.address(s.Address)
	return s
}

// queues returns an edge with the new names of its queues.
func (c *translation) queues(e *Edge) *Edge {
	if len(c.rules) == 0 || len(e.Queues) == 0 {
		return e
	}
	renamed := *e
	renamed.Queues = nil
	for _, q := range e.Queues {
		renamed.addQueue(c.rename(q))
	}
	return &renamed
}

// report returns the report of totals with the new names of detached services. The report has only
// their names. Each is the name of a service in the totals.
func (c *translation) report(o *totals) Report {
	report := o.report
	if len(c.rules) == 0 {
		return report
	}
	report.DetachedServices = nil
	for _, name := range o.report.DetachedServices {
		for _, n := range o.nodes {
			if n != nil && n.ID.Type == TypeService && n.ID.String() == name {
				name = c.rename(n.ID).String()
				break
			}
		}
		report.addDetachedService(name)
	}
	return report
}

// Rename returns the graph with other names: those that [Config.Rename] gives when the graph is
// built. Nodes that get the same name become one, with all calls and errors. A call that waits for
// the spans of another graph, such as one to an address, is resolved again with the new names.
//
// An address at which two services answered stays ambiguous if both get one name. Building the
// graph with Config.Rename resolves such an address.
func (g *Graph) Rename(rules ...Rename) *Graph {
	sum := newTotals(&symbols{})
	sum.mergeRenamed(g.sums(), &renamer{rules: rules})
	return sum.graph()
}
