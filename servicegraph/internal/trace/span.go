// Package trace holds the spans of traces in a compact format, and makes the tree of one
// trace: every span once, each with its parent. The tree finds the critical path of the trace.
//
// Names are numbers here. The package that assigns the numbers knows the names, and provides
// an [Order] to compare them where two spans contradict each other.
package trace

import (
	"cmp"
	"slices"
)

// A Node, an Address and a Detail are numbers that stand for a node of the graph, the address
// of a callee, and the other attributes that describe a call. 0 means none.
type (
	Node    uint32
	Address uint32
	Detail  uint32
)

// A Span holds the fields of a span that the graph needs: 56 bytes without pointers, so that
// the garbage collector does not scan the spans that are held.
type Span struct {
	ID, Parent [8]byte
	Start, End int64   // Unix nanoseconds; 0 if unknown
	Node       Node    // the service
	Peer       Node    // the other side of the call, as the attributes of the span name it
	Address    Address // of the other side
	Detail     Detail  // of the call
	Weight32   float32 // how many spans this one stands for: a positive multiple of 1/4096 with at most 24 significant bits
	Kind       Kind
	Status     Status
	Flags      Flags
	PeerType   PeerType
}

// A Kind is the role of a span in a call, with OTLP's numbers. Larger numbers than
// Consumer's are possible: such a span is neither side of a call.
type Kind uint8

const (
	KindUnset Kind = iota
	Internal
	Server
	Client
	Producer
	Consumer
)

// Calls reports whether spans of the kind are the caller side of a call.
func (k Kind) Calls() bool { return k == Client || k == Producer }

// Serves reports whether spans of the kind are the callee side of a call.
func (k Kind) Serves() bool { return k == Server || k == Consumer }

// A Status is the status of a span, with OTLP's numbers.
type Status uint8

const (
	StatusUnset Status = iota
	StatusOK
	StatusError
)

// Flags are properties of a span.
type Flags uint8

const (
	PeerIsName Flags = 1 << iota // the peer is a configured name, which can be the name of a service
	IsCaller                     // the caller side of a call: CLIENT, PRODUCER, or a database span inside the service
	IsResent                     // a client span whose attributes mark it as a retry
	Queries                      // the span has the text of a query to a database, or an operation
	Settles                      // an INTERNAL span whose links do not lead to messages that it received; with Polls, this is so only if its service created the messages
	Polls                        // a CLIENT span that asks a queue for messages, and is the receiving side of them
	Takes                        // a CONSUMER span that takes messages from a queue for other spans to process; with Settles, the span settles messages and sends none
	NamesHost                    // a caller span with the host of the callee, not only the RPC service
)

// When returns the flags if a condition holds, and otherwise none.
func (f Flags) When(is bool) Flags {
	if is {
		return f
	}
	return 0
}

// A PeerType tells how specific the name of a peer is.
type PeerType uint8

const (
	Unspecific PeerType = iota // a name or an address, or there is no peer
	Specific                   // a database, a model or a function
	Queue                      // the destination of a message, which is specific as well
)

// Is reports whether the span has a flag.
func (s *Span) Is(f Flags) bool { return s.Flags&f != 0 }

// Weight returns how many spans this one stands for.
func (s *Span) Weight() float64 { return float64(s.Weight32) }

// Duration returns the latency of the span in nanoseconds. It returns false if the start or the end
// is missing, or if the end is before the start.
func (s *Span) Duration() (int64, bool) {
	return s.End - s.Start, s.Start > 0 && s.End >= s.Start
}

// Detaches reports whether the parent of a span in the same service does not wait for the span.
// That is so if the span goes on after the end of its parent for more than a tenth of its own
// duration. A span for which the parent waits can also end a little later than the parent, because
// an instrumentation may end the span of a request before the spans of its handlers
// (docs/semantics.md M14).
func Detaches(start, end, parentEnd int64) bool { return end-parentEnd > (end-start)/10 }

// Failed reports whether the status of the span is an error.
func (s *Span) Failed() bool { return s.Status == StatusError }

// NamePeer copies the peer and the address of another span of the same service to the span.
func (s *Span) NamePeer(o *Span) {
	s.Peer, s.Address, s.PeerType = o.Peer, o.Address, o.PeerType
	s.Flags = s.Flags&^(PeerIsName|NamesHost) | o.Flags&(PeerIsName|NamesHost)
}

// An Order compares the names that numbers stand for, so that results do not depend on the
// numbering. It is used only where spans share an id.
type Order interface {
	CompareNodes(a, b Node) int
	CompareAddresses(a, b Address) int
	CompareDetails(a, b Detail) int
}

// Absorb merges a second delivery of a span into the span: SDKs that report a span twice
// send the end and the status the second time (docs/semantics.md I3). The result does not depend
// on which delivery came first.
func (s *Span) Absorb(o *Span, order Order) {
	if slices.Compare(o.Parent[:], s.Parent[:]) > 0 {
		s.Parent = o.Parent
	}
	if s.Start == 0 || o.Start != 0 && o.Start < s.Start {
		s.Start = o.Start
	}
	s.End = max(s.End, o.End)
	s.Weight32 = max(s.Weight32, o.Weight32)
	s.Kind = max(s.Kind, o.Kind)
	s.Status = max(s.Status, o.Status)
	s.Flags |= o.Flags & (IsResent | Polls | Takes | Queries | Settles)
	if cmp.Or(
		order.CompareNodes(o.Peer, s.Peer),
		order.CompareAddresses(o.Address, s.Address),
		cmp.Compare(o.Flags&PeerIsName, s.Flags&PeerIsName),
		order.CompareDetails(o.Detail, s.Detail),
	) > 0 {
		s.NamePeer(o)
		s.Detail = o.Detail
	}
}

// A Link names a span of any trace.
type Link struct {
	Trace [16]byte
	Span  [8]byte
}
