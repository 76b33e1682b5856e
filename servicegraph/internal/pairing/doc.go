// Package pairing reads the calls out of the tree of one trace. It decides which spans are
// the two sides of a call and what becomes of every other span; it counts nothing and knows
// no names. The rules are the rows of docs/semantics.md.
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
// A caller span inside another is nested: an SDK that uses an HTTP client. If it is the only
// route out of the outer span, both stand for one call, which the outer span times.
package pairing

import (
	"github.com/tempograph/tempograph/servicegraph/internal/trace"
)

// A Config chooses among rules. The zero value is the default of the specification.
type Config struct {
	QueueNodes bool // a queue is a node between producer and consumer
	InferCalls bool // infer calls through services without spans (P9)
	UserNode   bool // a request from outside is a call from the user

	// IsNameOf reports whether a peer has the name of a service. It is asked only where a
	// callee span is a caller span as well.
	IsNameOf func(peer, service trace.Node) bool

	// CompareNodes is the order of nodes. It is asked only where consumers disagree on the
	// name of a queue.
	CompareNodes func(a, b trace.Node) int
}

// Links are the span links that concern a trace.
type Links struct {
	Consumers []ConsumerLink // the links of the consumer spans of the trace

	// The spans that consumers link to: of traces that are held, by how many consumers, and
	// of the trace itself those that consumers of forgotten traces link to.
	Linked     map[trace.Link]int
	LinkedHere map[[8]byte]bool
}

// A ConsumerLink is one span link of a consumer span.
type ConsumerLink struct {
	Span   [8]byte
	Node   trace.Node
	Target trace.Link
}

// A Call is one call that a trace shows.
type Call struct {
	From, To       trace.Node // To can be a peer that the caller names, and From one that the callee names, or 0: the user
	Caller, Callee int32      // the spans of the two sides; -1 for a side without a span
	Source         int32      // the caller span whose address, details and resends count; -1 if none does
	Queue          trace.Node // the destination of a message; 0 if unknown
	Kind           Kind
	Evidence       Evidence
	Flags          Flags
}

// A Kind says whether the caller waits for the callee.
type Kind uint8

const (
	Request Kind = iota
	Message
)

// Evidence says what shows a call.
type Evidence uint8

const (
	Both     Evidence = iota // a span of each side
	ByCaller                 // a caller span alone
	ByCallee                 // a callee span alone
	Inferred                 // the times of two spans that nothing else ties
)

// Flags are properties of a call.
type Flags uint8

const (
	Again     Flags = 1 << iota // the caller span has a call on the same edge already
	PerTrace                    // count the call among those of the trace
	HasGap                      // the time between both sides can be told
	Skewed                      // the clock of the callee puts it outside the time of the caller
	Recovered                   // the call failed, and the request that made it did not (E7)
	FromName                    // From is a name that can be the name of a service
	ToName                      // To is a name that can be the name of a service
	Pending                     // other traces can tell who the named side is
)

// Is reports whether a call has a flag.
func (c *Call) Is(f Flags) bool { return c.Flags&f != 0 }

// A Send is a caller span that the link of a consumer can point to.
type Send struct {
	Span    int32      // the caller span
	Client  trace.Span // the span that stands for the call and times it, with the kind and the peer that the caller span names
	Called  bool       // the call is among the calls already
	Counted bool       // the caller span has an outcome already
}

// A Receive is a consumer span with links that may be messages.
type Receive struct {
	Span    int32
	Outcome Outcome // of the span if no link is found; None if the span has an outcome already
	Targets []trace.Link
}

// An Outcome is what became of a span. Every span has exactly one.
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
	Open // decided when a graph is made, with what other traces tell

	Outcomes // how many there are
)
