package servicegraph

import (
	"cmp"
	"slices"
)

// A detail is what a caller says of a call beyond whom it called. Details are no
// part of the identity of an edge: they are noted on it.
type detail struct {
	host, port  string // where it dialled (semantics.md F7, D12)
	dbNamespace string // the database (D4, D6)
	dbSystem    string // and the product (D1)
	destination string // of messages to a broker that is named otherwise (M8)
	rpcMethod   string // R1
	model       string // of a generative AI provider (G1)
}

func (d detail) compare(o detail) int {
	return slices.CompareFunc(d.attrs(), o.attrs(), compareAttrs)
}

// attrs returns the details that are there, as the attributes they come from.
func (d detail) attrs() (attrs []Attr) {
	for _, a := range [...]Attr{
		{"db.namespace", d.dbNamespace},
		{"db.system.name", d.dbSystem},
		{"gen_ai.request.model", d.model},
		{"messaging.destination.name", d.destination},
		{"rpc.method", d.rpcMethod},
		{"server.address", d.host},
		{"server.port", d.port},
	} {
		if a.Value != "" {
			attrs = append(attrs, a)
		}
	}
	return attrs
}

// detail returns what the span says of its call.
func (f *peerFacts) detail() detail {
	at := f.address()
	var destination string
	if _, named := f.service(); named {
		destination = f.destination()
	}
	return detail{
		host: at.host, port: at.port,
		dbNamespace: cmp.Or(f.dbNamespace, f.dbName),
		dbSystem:    databaseSystem(cmp.Or(f.dbSystem, f.dbSystemOld)),
		destination: destination,
		rpcMethod:   f.rpcMethod,
		model:       f.genaiModel,
	}
}

// addDetail notes a detail of a call on the edge. Most calls of an edge have the
// same as the one before.
func (e *tally) addDetail(names *names, i detailIndex) {
	if i == 0 || i == e.detail {
		return
	}
	e.detail = i
	for _, a := range names.detailOf(i).attrs() {
		if a.Value == e.ID.To.Name {
			continue // the callee is named after it
		}
		set, cut := attrSet(e.Attrs).with(a)
		e.Attrs, e.AttrsTruncated = set, e.AttrsTruncated || cut
	}
}
