// Package pairing reads the calls out of the tree of one trace. It decides which spans are the two
// sides of a call, and the outcome of every span. It adds up nothing, and knows nodes as numbers,
// not by name. The rules are the rows of docs/semantics.md.
//
// Terms:
//
// A caller span is a CLIENT or PRODUCER span. It encloses the spans below it in its own
// service, down to the next SERVER or CONSUMER span. A span is a callee span if its parent
// is in another service, whatever the kinds, or if it is a SERVER or CONSUMER span that a
// caller span of its own service encloses. The caller of a callee span is the caller span
// that encloses the parent of the callee span most closely, so that spans of libraries in
// between do not hide the call.
//
// A caller span inside another is nested, for example that of an HTTP client inside that of an
// SDK. If the inner span is the only route out of the outer span, both stand for one call, and
// the latency is that of the outer span.
package pairing

import (
	"github.com/tempograph/tempograph/servicegraph/internal/trace"
)

// A Config chooses among rules. The zero value is the default of the specification.
type Config struct {
	QueueNodes bool // a queue is a node between producer and consumer
	InferCalls bool // infer calls through services without spans (P9)
	UserNode   bool // a request from outside is a call from the user

	// IsNameOf reports whether a peer has the name of a service, alone or followed by the namespace of
	// the service. Upper and lower case do not matter. It is called only for callee spans that are
	// caller spans as well or name their caller, and for spans between which a call may be inferred.
	IsNameOf func(peer, service trace.Node) bool

	// CanBeSame reports whether the different peers of two attempts of one call can be one service:
	// both are IP addresses, or the first is not a host. It is called only if the other attempt was
	// answered.
	CanBeSame func(peer, other trace.Node) bool

	// IsOtherServer reports whether a peer is the provider of a model, while a host belongs to
	// another server. It is called only for caller spans to models and the like that name no host
	// and contain a caller span that names one.
	IsOtherServer func(peer, host trace.Node) bool

	// IsSameHost reports whether two addresses have the same host, the same port and the same
	// chosen name, if any. It is called only for caller spans below SERVER spans with an address.
	IsSameHost func(a, b trace.Address) bool

	// AddressOf returns the host and the RPC service of an address, empty if unknown. It is called
	// only for caller spans with a sibling.
	AddressOf func(trace.Address) (host, rpc string)

	// IsAddress reports whether a peer is only an IP address or an RPC service. It is called
	// only if InferCalls is set.
	IsAddress func(peer trace.Node) bool

	// IsRemoteIP reports whether a peer is only an IP address, and not one of the caller's own machine.
	// It is called only for spans of libraries that record how connections are made.
	IsRemoteIP func(peer trace.Node) bool

	// Describe returns what the detail of a span tells about its library, its database and the
	// request. The detail is not 0. Describe is called only for siblings that may show one call,
	// and for spans between which a call may be inferred.
	Describe func(trace.Detail) Description

	// MatchPaths reports whether two paths, which are not empty, can belong to one request. It is
	// called only if InferCalls is set.
	MatchPaths func(a, b string) bool

	// CompareNodes is the order of nodes. It is called only where consumers disagree on the
	// name of a queue.
	CompareNodes func(a, b trace.Node) int
}

// A Description is what the detail of a span tells about its library, its database and the request.
type Description struct {
	Scope            string // the instrumentation scope that recorded the span; empty if unknown
	Port             string // of the callee; empty if unknown
	System, Database string // the product and the name of the database; empty if unknown
	Connects         bool   // the library records how connections are made, and no calls
	Asked            Asked  // the zero value unless InferCalls is set
}

// Asked is what a span tells about the request that it sent or received, and about the address to
// which the request was sent. Empty fields are unknown.
type Asked struct {
	Host, Port            string
	RPCService, RPCMethod string
	HTTPMethod            string
	Path                  string // of the URL; MatchPaths compares two
}

// Links are the span links that concern a trace.
type Links struct {
	Consumers []ConsumerLink // the links of the CONSUMER, SERVER and INTERNAL spans of the trace

	// Linked is the number of held consumers that link to a span, of any trace. LinkedHere
	// has the ids of the spans of this trace to which consumers of forgotten traces link.
	Linked     map[trace.Link]int
	LinkedHere map[[8]byte]bool
}

// A ConsumerLink is one span link of a span that may receive messages.
type ConsumerLink struct {
	Span   [8]byte
	Node   trace.Node
	Kind   trace.Kind
	Target trace.Link
}

// A Call is one call in a trace.
type Call struct {
	From, To       trace.Node // services, or the peer that the other side names; a From of 0 is the user
	Caller, Callee int32      // the spans of the two sides; -1 for a side without a span
	Source         int32      // the caller span that gives the address, the details and the number of resends; -1 if there is none
	Queue          trace.Node // the destination of a message; 0 if unknown
	Kind           Kind
	Evidence       Evidence
	Flags          Flags
}

// A Kind tells whether the caller waits for the callee.
type Kind uint8

const (
	Request Kind = iota
	Message
)

// Evidence tells which spans show a call.
type Evidence uint8

const (
	Both     Evidence = iota // a span of each side
	ByCaller                 // a caller span alone
	ByCallee                 // a callee span alone
	Inferred                 // two spans that only their times connect
)

// Flags are properties of a call.
type Flags uint16

const (
	Again     Flags = 1 << iota // the caller span has a call on the same edge already
	PerTrace                    // the call counts for Edge.MaxPerTrace
	HasGap                      // the network time or queue time is known
	Skewed                      // the callee span is not within the time of the caller span
	Recovered                   // the call failed, and the request that made it did not (E7)
	FromName                    // From is a name that can be the name of a service
	ToName                      // To is a name that can be the name of a service
	Pending                     // other traces can show which node the named side is
	HasInside                   // a pending call with a Source, inside which a caller span names another host: see Pairer.Inside
	Ended                       // a pending call that reached a hidden service and went no further: it goes to the service that other traces show at the address, and without such a service it is on no edge
)

// Is reports whether a call has a flag.
func (c *Call) Is(f Flags) bool { return c.Flags&f != 0 }

// A Send is a caller span that the link of a consumer can point to.
type Send struct {
	Span    int32      // the caller span
	Client  trace.Span // the span that stands for the call and times it, with the kind and the peer that the caller span names
	Called  bool       // the call is among Pairer.Calls already
	Counted bool       // the caller span has an outcome already
}

// A Receive is a consumer span with links that may be messages.
type Receive struct {
	Span    int32
	Outcome Outcome // the outcome of the span if no link is found; None if the span has an outcome already
	Targets []trace.Link
}

// An Outcome tells what became of a span. Every span has exactly one.
type Outcome uint8

const (
	None Outcome = iota
	Paired
	Virtual
	Nested
	Root
	Internal
	Orphan
	Unresolved
	PendingCall  // decided when a graph is made, because other traces can show a call of the span
	Concealed    // a span of a hidden service, or a caller span whose call ended in one
	Detached     // a request whose parent id is lost
	PendingTrace // a later span of the trace, which is still open, may decide: see Pairer.Withhold

	Outcomes // the number of outcomes
)
