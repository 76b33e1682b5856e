package render

import (
	"fmt"
	"strings"

	"github.com/tempograph/tempograph/servicegraph"
)

// idents gives nodes the names that formats with narrow rules for names need:
// ASCII letters, digits and underscores, beginning with a letter and never a
// keyword, as "service_shop_cart". Nodes whose names come out alike are told
// apart by a number, in the order in which they are first named.
type idents struct {
	nodes map[servicegraph.NodeID]string
	taken map[string]bool
}

func newIdents() *idents {
	return &idents{nodes: make(map[servicegraph.NodeID]string), taken: make(map[string]bool)}
}

// node returns the name of a node, the same whenever it is asked for.
func (d *idents) node(id servicegraph.NodeID) string {
	name, ok := d.nodes[id]
	if !ok {
		kind := "node"
		if isKnown(id.Type) {
			kind = string(id.Type)
		}
		name = d.unique(kind, id.Namespace, id.Name)
		d.nodes[id] = name
	}
	return name
}

// unique returns a name made of words, of which the first is ours.
func (d *idents) unique(kind string, words ...string) string {
	name := kind
	for _, w := range words {
		if s := slug(w); s != "" {
			name += "_" + s
		}
	}
	base := name
	for n := 2; d.taken[name]; n++ {
		name = fmt.Sprintf("%s_%d", base, n)
	}
	d.taken[name] = true
	return name
}

// slug returns the letters and digits of ASCII in s, not too many of them, with
// an underscore for what is between them.
func slug(s string) string {
	words := strings.FieldsFunc(s[:min(len(s), 40)], func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9')
	})
	return strings.Join(words, "_")
}

// isKnown reports whether t is one of the types that servicegraph knows. A graph
// read from JSON may have others.
func isKnown(t servicegraph.NodeType) bool {
	switch t {
	case servicegraph.TypeService, servicegraph.TypeDatabase, servicegraph.TypeQueue, servicegraph.TypeExternal,
		servicegraph.TypeFunction, servicegraph.TypeModel, servicegraph.TypeRPC, servicegraph.TypeIP, servicegraph.TypeGroup:
		return true
	}
	return false
}
