package render

import (
	"fmt"
	"strings"

	"github.com/tempograph/tempograph/servicegraph"
)

// idents makes names for formats with strict rules for identifiers, such as "service_shop_cart":
// ASCII letters, digits and underscores, beginning with a letter, and never a keyword. If two names
// would be equal, the later one gets a number.
type idents struct {
	nodes map[servicegraph.NodeID]string
	taken map[string]bool
}

func newIdents() *idents {
	return &idents{nodes: make(map[servicegraph.NodeID]string), taken: make(map[string]bool)}
}

// node returns the name of a node, the same in every call.
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

// unique returns a new name made of words. The kind, the first word, is a constant of
// this package and so never a keyword of the format.
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

// slug returns the ASCII letters and digits among the first 40 bytes of s, with an
// underscore in place of each sequence of other characters.
func slug(s string) string {
	words := strings.FieldsFunc(s[:min(len(s), 40)], func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9')
	})
	return strings.Join(words, "_")
}

// isKnown reports whether t is a type that package servicegraph defines. A graph read
// from JSON may have other types.
func isKnown(t servicegraph.NodeType) bool {
	switch t {
	case servicegraph.TypeService, servicegraph.TypeDatabase, servicegraph.TypeQueue, servicegraph.TypeExternal,
		servicegraph.TypeFunction, servicegraph.TypeModel, servicegraph.TypeRPC, servicegraph.TypeIP, servicegraph.TypeGroup:
		return true
	}
	return false
}
