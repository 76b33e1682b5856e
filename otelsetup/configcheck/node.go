package configcheck

import (
	"strings"

	"go.yaml.in/yaml/v3"
)

// A field is a key of a mapping and its value. Both are nil if the mapping has no such key.
type field struct{ key, value *yaml.Node }

func (f field) present() bool { return f.value != nil }

// at returns the node whose line a finding about the field names: the key of the field if the field
// exists, and otherwise the key of the field around it.
func (f field) at(around field) *yaml.Node {
	if f.key != nil {
		return f.key
	}
	return around.key
}

// resolve returns the target of an alias, and any other node itself. Aliases are never copied, so
// that a file of nested aliases takes no more memory than its text.
func resolve(n *yaml.Node) *yaml.Node {
	if n != nil && n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

// get returns the field at a path of keys. It follows aliases and merge keys.
func get(n *yaml.Node, path ...string) field {
	f := field{value: n}
	for _, key := range path {
		f = lookup(resolve(f.value), key, make(map[*yaml.Node]bool))
	}
	return f
}

// lookup returns the field of a mapping with a key. It searches each merged mapping once, because
// merged mappings can contain each other.
func lookup(n *yaml.Node, key string, asked map[*yaml.Node]bool) field {
	if n == nil || n.Kind != yaml.MappingNode || asked[n] {
		return field{}
	}
	asked[n] = true
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return field{n.Content[i], n.Content[i+1]}
		}
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value != "<<" {
			continue
		}
		merged := resolve(n.Content[i+1])
		from := []*yaml.Node{merged}
		if merged != nil && merged.Kind == yaml.SequenceNode {
			from = merged.Content
		}
		for _, m := range from {
			if f := lookup(resolve(m), key, asked); f.present() {
				return f
			}
		}
	}
	return field{}
}

// has reports whether a mapping has a value at a path of keys.
func has(n *yaml.Node, path ...string) bool { return get(n, path...).present() }

// fields returns the fields of a mapping in their order, without the fields of merged mappings.
func fields(n *yaml.Node) []field {
	n = resolve(n)
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	var all []field
	for i := 0; i+1 < len(n.Content); i += 2 {
		all = append(all, field{n.Content[i], n.Content[i+1]})
	}
	return all
}

// items returns the items of a sequence. A single scalar counts as a sequence of one.
func items(n *yaml.Node) []*yaml.Node {
	n = resolve(n)
	switch {
	case n == nil || isNull(n):
		return nil
	case n.Kind == yaml.SequenceNode:
		return n.Content
	case n.Kind == yaml.ScalarNode:
		return []*yaml.Node{n}
	}
	return nil
}

// text returns the value of a scalar, or "".
func text(n *yaml.Node) string {
	if n = resolve(n); n == nil || n.Kind != yaml.ScalarNode || isNull(n) {
		return ""
	}
	return n.Value
}

// isMapping reports whether a node is a mapping.
func isMapping(n *yaml.Node) bool {
	n = resolve(n)
	return n != nil && n.Kind == yaml.MappingNode
}

// isTrue reports whether a node is the boolean true or the string "true", which Helm's --set-string
// writes, in any case.
func isTrue(n *yaml.Node) bool { return strings.EqualFold(text(n), "true") }

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

// walk calls visit for each field at any depth below a node. It does not follow aliases, so that each
// field is visited once.
func walk(n *yaml.Node, visit func(field)) {
	if n == nil || n.Kind == yaml.AliasNode {
		return
	}
	if n.Kind == yaml.MappingNode {
		for i := 0; i+1 < len(n.Content); i += 2 {
			visit(field{n.Content[i], n.Content[i+1]})
			walk(n.Content[i+1], visit)
		}
		return
	}
	for _, child := range n.Content {
		walk(child, visit)
	}
}

// nest returns YAML with one key in each line. Each line is one level deeper than the line before.
// The last element of path can be a whole field.
func nest(path ...string) string {
	var b strings.Builder
	for i, key := range path {
		b.WriteString(strings.Repeat("  ", i))
		b.WriteString(key)
		if i < len(path)-1 {
			b.WriteByte(':')
		}
		b.WriteByte('\n')
	}
	return b.String()
}
