package directory

import (
	"iter"
	"slices"

	"github.com/tempograph/tempograph/servicegraph/internal/trace"
)

// Statements are the addresses that services state of themselves: see [Statement]. The addresses of
// a service are sorted. Beyond maxStatements, only the first in their order stay, so that requests
// with invented hosts cannot fill the memory.
type Statements map[trace.Node][]numbered

const maxStatements = 64 // of a service

// numbered is a statement whose address is a number.
type numbered struct {
	at     trace.Address
	during *Interval // of the spans; nil if the address does not age
}

// Numbers know the addresses for which numbers stand.
type Numbers interface {
	AddressOf(trace.Address) Address
	CompareAddresses(a, b trace.Address) int
}

// Add notes that a service states an address, which is a host or an RPC service.
func (s Statements) Add(numbers Numbers, service trace.Node, at trace.Address, during Interval) {
	of := s[service]
	i, found := slices.BinarySearchFunc(of, at, func(o numbered, at trace.Address) int { return numbers.CompareAddresses(o.at, at) })
	switch {
	case found:
		if known := of[i].during; known != nil {
			known.Widen(during)
		}
		return
	case i >= maxStatements:
		return
	}
	n := numbered{at: at}
	if numbers.AddressOf(at).Ages() {
		stated := during
		n.during = &stated
	}
	of = slices.Insert(of, i, n)
	s[service] = of[:min(len(of), maxStatements)]
}

// Merge adds other statements, whose services and addresses can have other numbers.
func (s Statements) Merge(numbers Numbers, o Statements, node func(trace.Node) trace.Node, address func(trace.Address) trace.Address) {
	for service := range o {
		for at, during := range o.Of(service) {
			s.Add(numbers, node(service), address(at), during)
		}
	}
}

// Of returns the addresses that a service states, each with the interval of the spans that state
// it. The interval is zero if the address does not age.
func (s Statements) Of(service trace.Node) iter.Seq2[trace.Address, Interval] {
	return func(yield func(trace.Address, Interval) bool) {
		for _, n := range s[service] {
			var during Interval
			if n.during != nil {
				during = *n.during
			}
			if !yield(n.at, during) {
				return
			}
		}
	}
}

// Find returns the interval of the spans of a service that state an address. It returns nil if the
// address does not age, or if the statement was not kept.
func (s Statements) Find(service trace.Node, at trace.Address) *Interval {
	for _, n := range s[service] {
		if n.at == at {
			return n.during
		}
	}
	return nil
}
