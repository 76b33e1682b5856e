package semconv

import (
	"cmp"
	"iter"
)

// A Kind is the kind of a span, with OTLP's numbers. Numbers above Consumer are possible and
// mean what Unset means.
type Kind uint8

const (
	Unset Kind = iota
	Internal
	Server
	Client
	Producer
	Consumer
)

// Calls reports whether spans of this kind are the caller side of a call.
func (k Kind) Calls() bool { return k == Client || k == Producer }

// Serves reports whether spans of this kind are the callee side of a call.
func (k Kind) Serves() bool { return k == Server || k == Consumer }

// Options change the interpretation of spans. They have the meaning of the fields of
// servicegraph.Config with the same names.
type Options struct {
	HTTPErrors              bool
	IgnoreInternalDatabases bool
}

// An Interpretation is what the kind and the attributes of a span mean for the graph: its
// role, its peer, the address of the peer. Spans of one kind with equal attributes have the
// same interpretation, so that attributes need to be interpreted only once per distinct set.
type Interpretation struct {
	Kind   Kind // by the span's role, which can differ from the kind that the span states
	Caller bool // the caller side of a call: CLIENT, PRODUCER, or a database span inside the service
	Resent bool // a client that is trying again
	Polls  bool // a CLIENT span that asks a queue for messages, and is the receiving side of them
	Failed bool // the HTTP status reports a failure; it counts if the span has no status of its own

	HasPeer bool
	Peer    Peer
	Address Address // where the peer listens
	Detail  Detail

	Trigger string // what triggers the function that the span runs
}

// A Detail is what a caller says of a call beyond whom it called. Details are no part of the
// identity of an edge; edges list them as attributes.
type Detail struct {
	Host, Port  string // where the caller dialed (F7, D12)
	DBNamespace string // the database (D4, D6)
	DBSystem    string // and the product (D1)
	Destination string // of messages to a broker that has another name (M8)
	RPCMethod   string // (R1)
	Model       string // of a provider of generative AI (G1)
}

// All returns the known details, each as the attribute that it comes from, sorted by key.
func (d Detail) All() iter.Seq2[string, string] {
	return func(yield func(key, value string) bool) {
		for _, a := range [...]struct{ key, value string }{
			{"db.namespace", d.DBNamespace},
			{"db.system.name", d.DBSystem},
			{"gen_ai.request.model", d.Model},
			{"messaging.destination.name", d.Destination},
			{"rpc.method", d.RPCMethod},
			{"server.address", d.Host},
			{"server.port", d.Port},
		} {
			if a.value != "" && !yield(a.key, a.value) {
				return
			}
		}
	}
}

// Interpret interprets the kind and the attributes of a span, and whether it has links.
func Interpret(kind Kind, attrs *Attrs, hasLinks bool, o Options) Interpretation {
	of := Interpretation{Kind: kind, Caller: kind.Calls(), Failed: o.HTTPErrors && attrs.failedWithHTTP()}
	switch {
	case kind == Client && attrs.receives():
		of.Kind, of.Caller, of.Polls = Consumer, false, true
	case kind == Client && attrs.carriesNothing(hasLinks):
		of.Kind, of.Caller = Internal, false
		return of
	case kind == Client && attrs.publishes():
		of.Kind = Producer
	}
	switch {
	case of.Kind.Serves():
		of.Trigger = attrs.faasTrigger
		of.Peer, of.HasPeer = attrs.caller(of.Kind)
	case of.Caller || attrs.hasDatabase() && !o.IgnoreInternalDatabases:
		of.Caller = true // a database inside the process has no client span (D10)
		of.Resent = attrs.resendCount != "" && attrs.resendCount != "0"
		of.Peer, of.HasPeer = attrs.callee(kind)
		of.Address = attrs.address()
		of.Detail = attrs.detail(of.Address)
	}
	return of
}

// detail returns what the span says of its call to an address.
func (a *Attrs) detail(at Address) Detail {
	d := Detail{
		Host: at.Host, Port: at.Port,
		DBNamespace: cmp.Or(a.dbNamespace, a.dbName),
		DBSystem:    a.databaseSystem(),
		RPCMethod:   a.rpcMethod,
		Model:       a.genaiModel,
	}
	if _, named := a.service(); named {
		d.Destination = a.destination()
	}
	return d
}
