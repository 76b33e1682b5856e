package servicegraph

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/tempograph/tempograph/servicegraph/internal/semconv"
)

// Limits bounds the totals of a [Builder], which are never forgotten. In each field 0 means the
// default, and a negative number sets no limit. A graph of spans within the limits does not
// depend on them. The [Report] counts what a limit changed. [Merge] sets no limits: its result
// has all nodes and edges of the graphs.
//
// Texts have a limit that is not set here: names, and other texts of spans that a graph keeps, are
// cut to 1 KiB and end in "…" ([Report].LongNames). Names with the same first 1 KiB are one name.
type Limits struct {
	// Nodes is the number of nodes that are distinguished, 10,000 by default. If a span names one
	// more node, as its service or as its peer, the node "other" of the same type replaces that
	// node, and [Report].NodesFolded counts the span. Which nodes are distinguished depends on the
	// order of arrival.
	//
	// Nodes also bounds the addresses, and the details of calls: the texts of each take at most
	// Nodes KiB. A call with one more address or detail is counted without it, and
	// [Report].NamesTruncated counts the omission.
	Nodes int

	// Edges is the number of edges that are distinguished, 100,000 by default: those that are first
	// in the order of [Graph.Edges], whatever the order of arrival. The calls of any other edge go
	// to an edge from the same caller to the node "other" with the type of the callee, and
	// [Report].FoldedCalls counts them; Edge.MaxPerTrace leaves them out. Edges to a node "other",
	// and pending calls, do not count toward Edges.
	Edges int
}

// The defaults of Limits. A node takes about 1 kB and an edge about 1.5 kB, more if the durations
// of its calls differ much.
const (
	defaultNodes = 10_000
	defaultEdges = 100_000
)

// otherName is the name of the nodes that stand for all nodes beyond a limit.
const otherName = "other"

// withDefaults returns the limits with the defaults filled in. In the result, 0 means no limit.
func (l Limits) withDefaults() Limits {
	return Limits{Nodes: max(cmp.Or(l.Nodes, defaultNodes), 0), Edges: max(cmp.Or(l.Edges, defaultEdges), 0)}
}

// A quota limits the values of an interner that spans name. Values that the graph itself adds,
// such as parts of addresses, do not count.
type quota struct {
	most, used int    // most is 0 without a limit
	has        []bool // by number: the value counts
}

// admits reports whether the value with a number counts already.
func (q *quota) admits(i uint32) bool { return int(i) < len(q.has) && q.has[i] }

// isFull reports whether there is no room for another value.
func (q *quota) isFull() bool { return q.most > 0 && q.used >= q.most }

// take counts the value with a number.
func (q *quota) take(i uint32, cost int) {
	if int(i) >= len(q.has) {
		q.has = append(q.has, make([]bool, int(i)+1-len(q.has))...)
	}
	if !q.has[i] {
		q.has[i] = true
		q.used += cost
	}
}

// quotas are the quotas of a builder. Those of addresses and details count bytes.
type quotas struct{ nodes, addresses, details quota }

// entryCost is the number of bytes for which a value counts beside its texts.
const entryCost = 64

func newQuotas(l Limits) quotas {
	return quotas{nodes: quota{most: l.Nodes}, addresses: quota{most: l.Nodes << 10}, details: quota{most: l.Nodes << 10}}
}

// limited returns a number that grows whenever a limit replaces, drops or cuts a name.
func (b *Builder) limited() uint64 {
	return b.report.NodesFolded + b.report.NamesTruncated + b.report.LongNames
}

// cut returns a text of at most semconv.MaxText bytes, and counts a longer one.
func (b *Builder) cut(s string) string {
	if len(s) > semconv.MaxText {
		b.report.LongNames++
	}
	return semconv.CutText(s)
}

// node returns the number of a node, or of the node "other" that stands for all nodes beyond
// Limits.Nodes.
func (b *Builder) node(id NodeID) nodeIndex {
	i := b.names.find(id)
	if !b.quotas.nodes.admits(uint32(i)) {
		i = b.newNode(id)
	}
	if b.hides() {
		b.noteVisibility(i)
	}
	return i
}

// newNode returns the number of a node that no span has named yet.
func (b *Builder) newNode(id NodeID) nodeIndex {
	id.Namespace, id.Name = b.cut(id.Namespace), b.cut(id.Name)
	q := &b.quotas.nodes
	if q.isFull() {
		if i := b.names.find(id); q.admits(uint32(i)) {
			return i
		}
		b.report.NodesFolded++
		return b.names.node(NodeID{Name: otherName, Type: id.Type})
	}
	i := b.names.node(id)
	q.take(uint32(i), 1)
	return i
}

// address returns the number of an address. It returns 0 for an unknown address, and for every
// address if Config.IgnoreAddresses is set.
func (b *Builder) address(a address) addressIndex {
	if b.cfg.IgnoreAddresses || a == (address{}) {
		return 0
	}
	q := &b.quotas.addresses
	i, _ := b.names.addresses.find(a)
	if q.admits(i) {
		return addressIndex(i)
	}
	a = address{Host: b.cut(a.Host), Port: b.cut(a.Port), Name: b.cut(a.Name), RPC: b.cut(a.RPC)}
	if q.isFull() {
		if i, _ := b.names.addresses.find(a); q.admits(i) {
			return addressIndex(i)
		}
		b.report.NamesTruncated++
		return 0
	}
	at := b.names.address(a)
	q.take(uint32(at), len(a.Host)+len(a.Port)+len(a.Name)+len(a.RPC)+entryCost)
	return at
}

// detail returns the number of a detail, 0 for an empty one and for one beyond Limits.Nodes.
func (b *Builder) detail(d detail) detailIndex {
	if d == (detail{}) {
		return 0
	}
	q := &b.quotas.details
	i, _ := b.names.details.find(d)
	if q.admits(i) {
		return detailIndex(i)
	}
	cost := entryCost
	for _, text := range d.Texts() {
		*text = b.cut(*text)
		cost += len(*text)
	}
	if q.isFull() {
		if i, _ := b.names.details.find(d); q.admits(i) {
			return detailIndex(i)
		}
		b.report.NamesTruncated++
		return 0
	}
	i = b.names.details.index(d)
	q.take(i, cost)
	return detailIndex(i)
}

// newTotals returns empty totals with the limits of the builder.
func (b *Builder) newTotals() *totals {
	t := newTotals(&b.names)
	t.limits = b.cfg.Limits.withDefaults()
	return t
}

// slack returns how many edges, or pending calls, may be added before they are folded again.
// Folding sorts all of them, so it must be rare.
func (l Limits) slack() int { return l.Edges/4 + 16 }

// isOther reports whether an edge leads to a node that stands for others.
func (t *totals) isOther(key edgeKey) bool {
	id := t.names.nodeID(key.to)
	return id.Name == otherName && id.Namespace == ""
}

// foldEdges keeps the first Limits.Edges edges in their order, and adds the calls of all others to
// edges to the node "other". Which edges remain does not depend on the order in which edges were
// added, nor on when they are folded: an edge is removed only if Limits.Edges edges come before it,
// and each of these is removed only for an edge that comes even earlier.
func (t *totals) foldEdges() {
	t.nextFold.edges = math.MaxInt
	if t.limits.Edges == 0 {
		return
	}
	t.nextFold.edges = max(len(t.edges), t.limits.Edges) + t.limits.slack()
	if len(t.edges) <= t.limits.Edges {
		return
	}
	keys := make([]edgeKey, 0, len(t.edges))
	for key := range t.edges {
		if !t.isOther(key) {
			keys = append(keys, key)
		}
	}
	if len(keys) <= t.limits.Edges {
		return
	}
	slices.SortFunc(keys, t.compareEdges)
	for _, key := range keys[t.limits.Edges:] {
		e := t.edges[key]
		delete(t.edges, key)
		t.report.FoldedCalls = plus(t.report.FoldedCalls, e.Calls)
		key.to = t.names.node(NodeID{Name: otherName, Type: t.names.typeOf(key.to)})
		e.MaxPerTrace = 0 // an edge can be removed in the middle of a trace
		t.sumOf(key).merge(&e.Edge)
	}
	t.recentEdges.clear()
	t.nextFold.edges = len(t.edges) + t.limits.slack()
}

// foldCalls keeps as many pending calls as Limits.Edges allows, the first in their order. The
// others are resolved early: they are calls to the peer that the caller names.
func (t *totals) foldCalls() {
	t.nextFold.calls = math.MaxInt
	if t.limits.Edges == 0 {
		return
	}
	t.nextFold.calls = t.limits.Edges + t.limits.slack()
	if len(t.calls) <= t.limits.Edges {
		return
	}
	keys := slices.SortedFunc(maps.Keys(t.calls), t.compareCalls)
	for _, key := range keys[t.limits.Edges:] {
		e := t.calls[key]
		delete(t.calls, key)
		t.report.AddressesResolvedEarly += e.Caller.Observed + e.Callee.Observed // not 1: a key can be removed again
		if key.ended {
			t.report.conceal(&e.Edge)
			continue
		}
		t.edge(key.edgeKey).merge(&e.Edge)
	}
	t.recentCalls.clear()
}

func (t *totals) compareEdges(a, b edgeKey) int {
	return cmp.Or(t.names.CompareNodes(a.from, b.from), t.names.CompareNodes(a.to, b.to), strings.Compare(string(a.kind), string(b.kind)))
}

func (t *totals) compareCalls(a, b callKey) int {
	flags := func(k callKey) (n int) {
		if k.fromName {
			n++
		}
		if k.toName {
			n += 2
		}
		if k.taken {
			n += 4
		}
		if k.ended {
			n += 8
		}
		return n
	}
	return cmp.Or(t.compareEdges(a.edgeKey, b.edgeKey), t.names.CompareAddresses(a.address, b.address), t.names.CompareAddresses(a.inside, b.inside), cmp.Compare(a.minute, b.minute), cmp.Compare(flags(a), flags(b)))
}

// adoptNames adds the names that a resolver made to the names of the totals. It returns a function
// that maps the nodes of the resolver to those of the totals. If the totals would have more than
// about twice Limits.Nodes names, it adds only the first of them in their order. The node "other"
// replaces the rest, which are beyond.
func (t *totals) adoptNames(r *resolver) (node func(nodeIndex) nodeIndex, beyond map[nodeIndex]bool) {
	known := len(t.names.nodes.items)
	first := nodeIndex(known + 1)
	var added []nodeIndex
	for i := known; i < len(r.names.nodes.items); i++ {
		added = append(added, nodeIndex(i+1))
	}
	slices.SortFunc(added, r.names.CompareNodes)
	room := len(added)
	if t.limits.Nodes > 0 {
		room = min(room, max(2*t.limits.Nodes+len(peerTypes)+1-known, 0))
	}
	to := make([]nodeIndex, len(added))
	for n, i := range added {
		id := r.names.nodeID(i)
		if n >= room {
			if beyond == nil {
				beyond = make(map[nodeIndex]bool)
			}
			beyond[i] = true
			id = NodeID{Name: otherName, Type: id.Type}
		}
		to[i-first] = t.names.node(id)
	}
	return func(i nodeIndex) nodeIndex {
		if i < first {
			return i
		}
		return to[i-first]
	}, beyond
}
