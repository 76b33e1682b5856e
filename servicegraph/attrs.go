package servicegraph

import (
	"cmp"
	"slices"
	"strings"
)

// An attrSet is a set of attributes: sorted by key and value, each once.
type attrSet []Attr

func compareAttrs(a, b Attr) int {
	return cmp.Or(strings.Compare(a.Key, b.Key), strings.Compare(a.Value, b.Value))
}

// with returns the set with one attribute more, and whether it had to leave out
// a value because there are too many. The set may be shared: it is not written to.
func (s attrSet) with(a Attr) (_ attrSet, cut bool) {
	i, found := slices.BinarySearchFunc(s, a, compareAttrs)
	if found {
		return s, false
	}
	first, _ := slices.BinarySearchFunc(s, Attr{Key: a.Key}, compareAttrs)
	end, _ := slices.BinarySearchFunc(s, Attr{Key: a.Key + "\x00"}, compareAttrs)
	switch {
	case end-first < maxValues:
		return slices.Insert(slices.Clip(s), i, a), false
	case i == end:
		return s, true
	}
	return slices.Insert(slices.Delete(slices.Clone(s), end-1, end), i, a), true
}

// isEnvironment reports whether an attribute says where a service is deployed,
// in the new or the old convention.
func isEnvironment(key string) bool {
	return key == "deployment.environment.name" || key == "deployment.environment"
}

// note keeps what the configuration wants of a node's resource, and the
// environment.
func (b *Builder) note(node nodeIndex, resource []Attr) {
	for _, a := range resource {
		if isEnvironment(a.Key) {
			b.report.addEnvironment(strings.ToValidUTF8(a.Value, "\uFFFD"))
		}
		if slices.Contains(b.cfg.NodeAttrs, a.Key) {
			b.noteAttr(node, a)
		}
	}
}

func (b *Builder) noteAttr(node nodeIndex, a Attr) {
	a.Value = strings.ToValidUTF8(a.Value, "\uFFFD")
	set, cut := b.attrs[node].with(a)
	b.attrs[node] = set
	if cut {
		b.cut[node] = true
	}
}

// describe gives the nodes of a graph in the making the attributes noted so far.
func (b *Builder) describe(sum *totals) {
	for i, n := range sum.nodes {
		if n != nil {
			n.mergeAttrs(b.attrs[nodeIndex(i+1)], b.cut[nodeIndex(i+1)])
		}
	}
}

func (n *Node) mergeAttrs(attrs []Attr, cut bool) {
	set := attrSet(n.Attrs)
	for _, a := range attrs {
		var left bool
		set, left = set.with(a)
		cut = cut || left
	}
	n.Attrs, n.AttrsTruncated = set, n.AttrsTruncated || cut
}
