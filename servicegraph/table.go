package servicegraph

import (
	"cmp"
	"strings"
)

// A nodeIndex stands for a NodeID, an addressIndex for an address, a detailIndex
// for a detail, within one names. 0 is none.
type (
	nodeIndex    uint32
	addressIndex uint32
	detailIndex  uint32
)

// An address is where a callee listens, as its callers dial it, and the name that
// they give it, if any. What is behind an egress proxy is told apart by name only:
// a call to stripe there is none to whoever answered another call.
type address struct{ host, port, name string }

// unnamed returns the address as it is for a caller that gives no name.
func (a address) unnamed() address { return address{host: a.host, port: a.port} }

// isLoopback reports whether the address is that of the host that dials it.
func (a address) isLoopback() bool {
	if a.host == "localhost" {
		return true
	}
	ip, ok := parseIP(a.host)
	return ok && ip.IsLoopback()
}

func (a address) compare(b address) int {
	return cmp.Or(strings.Compare(a.host, b.host), strings.Compare(a.port, b.port), strings.Compare(a.name, b.name))
}

// names numbers what spans would otherwise repeat as strings.
type names struct {
	nodes     table[NodeID]
	addresses table[address]
	details   table[detail]
}

// node returns the number of a node. Names become valid UTF-8 here, once for
// each: every output form needs it.
func (n *names) node(id NodeID) nodeIndex {
	if i, ok := n.nodes.find(id); ok {
		return nodeIndex(i)
	}
	valid := NodeID{strings.ToValidUTF8(id.Namespace, "\uFFFD"), strings.ToValidUTF8(id.Name, "\uFFFD"), NodeType(strings.ToValidUTF8(string(id.Type), "\uFFFD"))}
	i := n.nodes.index(valid)
	n.nodes.indices[id] = i
	return nodeIndex(i)
}

// find returns the number of a node, 0 if it has none.
func (n *names) find(id NodeID) nodeIndex {
	i, _ := n.nodes.find(id)
	return nodeIndex(i)
}

func (n *names) address(a address) addressIndex {
	a = address{strings.ToValidUTF8(a.host, "\uFFFD"), strings.ToValidUTF8(a.port, "\uFFFD"), strings.ToValidUTF8(a.name, "\uFFFD")}
	return addressIndex(n.addresses.index(a))
}

// nodeID returns the node with a number, the zero NodeID for 0.
func (n *names) nodeID(i nodeIndex) NodeID { return n.nodes.at(uint32(i)) }

// typeOf returns the type of the node with a number, none for 0.
func (n *names) typeOf(i nodeIndex) NodeType {
	if i == 0 {
		return ""
	}
	return n.nodes.items[i-1].Type
}

// addressOf returns the address with a number, the zero address for 0.
func (n *names) addressOf(i addressIndex) address { return n.addresses.at(uint32(i)) }

// detailOf returns the detail with a number, the empty one for 0.
func (n *names) detailOf(i detailIndex) detail { return n.details.at(uint32(i)) }

// frozen returns the names for reading by number, unmoved by what is added later.
func (n *names) frozen() *names {
	return &names{nodes: n.nodes.frozen(), addresses: n.addresses.frozen(), details: n.details.frozen()}
}

// A table numbers values from 1.
type table[T comparable] struct {
	items   []T // items[i-1] has number i
	indices map[T]uint32
}

func (t *table[T]) find(v T) (i uint32, ok bool) {
	i, ok = t.indices[v]
	return i, ok
}

func (t *table[T]) index(v T) uint32 {
	if i, ok := t.indices[v]; ok {
		return i
	}
	if t.indices == nil {
		t.indices = make(map[T]uint32)
	}
	t.items = append(t.items, v)
	i := uint32(len(t.items))
	t.indices[v] = i
	return i
}

func (t *table[T]) at(i uint32) T {
	if i == 0 {
		var none T
		return none
	}
	return t.items[i-1]
}

func (t *table[T]) frozen() table[T] {
	return table[T]{items: t.items[:len(t.items):len(t.items)]}
}
