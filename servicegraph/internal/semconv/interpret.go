package semconv

import (
	"cmp"
	"iter"
	"strings"
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

// KindNames are the lower-case names of the kinds.
var KindNames = [...]string{"unset", "internal", "server", "client", "producer", "consumer"}

// Calls reports whether spans of this kind are the caller side of a call.
func (k Kind) Calls() bool { return k == Client || k == Producer }

// Serves reports whether spans of this kind are the callee side of a call.
func (k Kind) Serves() bool { return k == Server || k == Consumer }

// Options change the interpretation of spans. They have the meaning of the fields of
// servicegraph.Config with the same names.
type Options struct {
	HTTPErrors              bool
	IgnoreInternalDatabases bool
	InferCalls              bool
	NotErrors               *Outcomes
}

// An Interpretation is the meaning of a span's kind and attributes for the graph: the role of
// the span, the peer, and the address of the peer. Spans of one kind with equal attributes have
// the same interpretation, so each distinct set of attributes is interpreted only once.
type Interpretation struct {
	Kind    Kind // the kind that fits the role of the span; it can differ from the span's own kind
	Caller  bool // the caller side of a call: CLIENT, PRODUCER, or a database span inside the service
	Resent  bool // the call repeats an earlier one
	Polls   bool // a CLIENT span that asks a queue for messages, which makes it the receiving side of the messages
	Takes   bool // a CONSUMER span that takes messages from a queue for other spans to process; with Settles, the span settles messages and sends none
	Queries bool // the span has the text of a query to a database, or an operation
	Settles bool // a CLIENT span that settles messages, or sends a batch whose messages have spans: its links do not lead to received messages; with Polls, the span asks for messages, unless its links lead to messages that its service created
	Excused bool // the outcome is no error: the status error does not count
	Failed  bool // the HTTP status or the tag error is an error; it counts only if the span has no status

	HasPeer bool
	Peer    Peer
	Address Address // where the peer listens; for a SERVER span, the address to which the request was sent
	RPC     string  // the RPC service of the request; it identifies a callee as an address does
	Detail  Detail

	LastingQueue string // the name of the queue if the library wrongly marks every queue as temporary, and otherwise empty

	Trigger string // what triggers the function that the span runs
}

// A Detail holds further attributes of a call, as the caller reports them. They are not part of
// the identity of an edge; edges list them as attributes.
type Detail struct {
	Host, Port  string // the address that the caller dialed [F7, D12]
	DBNamespace string // the database [D4, D6]
	DBSystem    string // the database product [D1]
	Destination string // the queue or topic, if another attribute names the peer [M8]
	RPCMethod   string // [R1]
	Model       string // the requested generative AI model [G1]

	// Scope is the instrumentation scope that recorded the span. Spans of the callee have it as
	// well. It distinguishes twins from parallel calls [F14]. Edges do not list it.
	Scope string

	// Asked is set only if Options.InferCalls is set. Spans of the callee have it as well. Edges do
	// not list it.
	Asked Asked
}

// Asked is what a span tells about the request that it sent or received, and about the address to
// which the request was sent. The two sides of a call agree on all fields that both know.
type Asked struct {
	Host, Port            string // canonical
	RPCService, RPCMethod string
	HTTPMethod            string
	Path                  string // of the URL: the actual path, or a template with variables if only the template is known
}

// IsEmpty reports whether All returns nothing.
func (d Detail) IsEmpty() bool { return d == Detail{Scope: d.Scope, Asked: d.Asked} }

// Texts returns all fields.
func (d *Detail) Texts() [8]*string {
	return [...]*string{&d.Host, &d.Port, &d.DBNamespace, &d.DBSystem, &d.Destination, &d.RPCMethod, &d.Model, &d.Scope}
}

// All returns the known details as attributes, sorted by key. Each has the key of the attribute
// that it comes from.
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

// Interpret returns the interpretation of a span with the given kind and attributes. hasLinks tells
// whether the span has links.
func Interpret(kind Kind, attrs *Attrs, hasLinks bool, o Options) Interpretation {
	if !kind.Calls() && !kind.Serves() {
		kind = attrs.kind(kind)
	}
	of := Interpretation{Kind: kind, Caller: kind.Calls(), Excused: o.NotErrors.has(attrs)}
	of.Failed = !of.Excused && (attrs.errorTag == "true" || o.HTTPErrors && attrs.failedWithHTTP())
	switch {
	case kind == Client && attrs.receives():
		of.Kind, of.Caller, of.Polls = Consumer, false, true
	case kind == Client && attrs.transfers(hasLinks):
		of.Kind, of.Caller, of.Polls, of.Settles = Consumer, false, true, true
	case kind == Client && attrs.carriesNothing(hasLinks):
		of.Kind, of.Caller, of.Settles = Internal, false, true
		of.Takes = attrs.operation() == "settle"
		return of
	case kind == Client && attrs.publishes():
		of.Kind = Producer
	}
	switch {
	case of.Kind.Serves():
		of.Trigger = attrs.faasTrigger
		of.Peer, of.HasPeer = attrs.caller(of.Kind)
		of.Takes = kind == Consumer && attrs.receives()
		if of.Kind == Server {
			of.Address, of.RPC = attrs.ownAddress(), attrs.rpcServiceName()
			if o.InferCalls {
				of.Detail.Asked = attrs.asked(of.Address, attrs.servedPath())
			}
		}
	case of.Caller || attrs.hasDatabase() && !o.IgnoreInternalDatabases:
		of.Caller = true // a database inside the process has no client span [D10]
		of.Resent = attrs.resendCount != "" && attrs.resendCount != "0"
		of.Address, of.RPC = attrs.logicalAddress(), attrs.rpcServiceName()
		named := of.Address.Host != ""
		if !named {
			of.Address = attrs.networkAddress()
		}
		of.Peer, of.HasPeer = attrs.callee(kind, of.Address.Host, named, of.RPC)
		of.Queries = cmp.Or(attrs.dbQueryText, attrs.dbStatement, attrs.dbQuerySummary, attrs.dbOperation, attrs.dbOperationOld) != ""
		of.Detail = attrs.detail(of.Address)
		if o.InferCalls {
			of.Detail.Asked = attrs.asked(of.Address, attrs.dialedPath())
		}
		if of.HasPeer && attrs.isAgentStep() {
			of.Kind = Internal // the client spans inside, if any, are the calls [G2]
		}
	}
	if of.HasPeer && of.Peer.Type == Queue && !of.Peer.IsName {
		of.LastingQueue = attrs.lastingQueue(of.Kind)
	}
	return of.In(attrs.scopeName())
}

// In returns the interpretation of a span with the same attributes that a library recorded, given
// the name of the library's instrumentation scope. An attribute of the span that names a scope
// comes first.
func (of *Interpretation) In(scope string) Interpretation {
	switch {
	case !of.DependsOnScope() || scope == "":
		return *of
	case (of.Kind == Client || of.Kind == Server) && connects(scope):
		return Interpretation{Kind: Internal, Failed: of.Failed, Excused: of.Excused}
	}
	scoped := *of
	scoped.Detail.Scope = scope
	if of.LastingQueue != "" && marksEveryQueue(scope) {
		scoped.Peer.Name = of.LastingQueue
	}
	return scoped
}

// DependsOnScope reports whether the scope matters: whether the span is a side of a call, and no
// attribute names a scope.
func (of *Interpretation) DependsOnScope() bool {
	return (of.Kind.Serves() || of.Caller) && of.Detail.Scope == ""
}

// kind returns the kind in OpenTracing's tag span.kind, if that kind is a side of a call, and
// otherwise the given kind. The tag is an attribute if a bridge from OpenTracing passes on a tag
// that was set late.
func (a *Attrs) kind(otherwise Kind) Kind {
	if kind := KindNamed(a.spanKind); kind.Calls() || kind.Serves() {
		return kind
	}
	return otherwise
}

// KindNamed returns the kind with a name of KindNames, Unset if there is none. Upper and lower case are
// equal, and the name may have the prefix of OTLP: SPAN_KIND_CLIENT is client.
func KindNamed(name string) Kind {
	const prefix = "SPAN_KIND_"
	if name = strings.TrimSpace(name); len(name) > len(prefix) && strings.EqualFold(name[:len(prefix)], prefix) {
		name = name[len(prefix):]
	}
	for k := Internal; k <= Consumer; k++ {
		if strings.EqualFold(name, KindNames[k]) {
			return k
		}
	}
	return Unset
}

// detail returns the details of a call to an address.
func (a *Attrs) detail(at Address) Detail {
	d := Detail{
		Host: at.Host, Port: at.Port,
		DBNamespace: cmp.Or(a.dbNamespace, a.dbName),
		DBSystem:    a.databaseSystem(),
		RPCMethod:   a.rpcMethod,
		Model:       a.genaiModel,
	}
	if _, named := a.service(); named {
		d.Destination = a.destination(Unset)
	}
	return d
}

// asked returns what a span tells about a request for a path that was sent to an address.
func (a *Attrs) asked(at Address, path string) Asked {
	method := strings.ToUpper(a.httpMethod)
	if method == "_OTHER" {
		method = ""
	}
	return Asked{
		Host: Loopback(at.Host), Port: at.Port,
		RPCService: a.rpcServiceName(), RPCMethod: a.rpcMethod[strings.LastIndexByte(a.rpcMethod, '/')+1:],
		HTTPMethod: method, Path: path,
	}
}

func (a *Attrs) scopeName() string { return cmp.Or(a.scope, a.scopeOld) }
