package servicegraph

import (
	"slices"

	"github.com/tempograph/tempograph/servicegraph/internal/directory"
	"github.com/tempograph/tempograph/servicegraph/internal/semconv"
	"github.com/tempograph/tempograph/servicegraph/internal/trace"
)

// statements are the addresses that services state of themselves: see [directory.Statement]. The
// addresses of a service are sorted. Of more than maxValues, the first in their order stay, so that
// requests with invented hosts cannot fill the memory.
type statements map[nodeIndex][]statement

type statement struct {
	at     addressIndex
	during *directory.Interval // of the spans; nil if the address does not age
}

// add notes that a service states an address, which is a host or an RPC service.
func (s statements) add(names *symbols, service nodeIndex, at addressIndex, during directory.Interval) {
	of := s[service]
	i, found := slices.BinarySearchFunc(of, at, func(o statement, at addressIndex) int { return names.CompareAddresses(o.at, at) })
	switch {
	case found:
		if known := of[i].during; known != nil {
			known.Widen(during)
		}
		return
	case i >= maxValues:
		return
	}
	n := statement{at: at}
	if names.addressOf(at).Ages() {
		n.during = &during
	}
	of = slices.Insert(of, i, n)
	s[service] = of[:min(len(of), maxValues)]
}

// merge adds other statements, whose services and addresses can have other numbers.
func (s statements) merge(names *symbols, o statements, node func(nodeIndex) nodeIndex, address func(addressIndex) addressIndex) {
	for service, of := range o {
		for _, n := range of {
			s.add(names, node(service), address(n.at), n.interval())
		}
	}
}

// interval returns the time of the spans, the zero value if the address does not age.
func (n *statement) interval() directory.Interval {
	if n.during == nil {
		return directory.Interval{}
	}
	return *n.during
}

// of returns what a service states.
func (s statements) of(names *symbols, service nodeIndex) []directory.Statement {
	var list []directory.Statement
	for _, n := range s[service] {
		list = append(list, directory.Statement{At: names.addressOf(n.at), During: n.interval()})
	}
	return list
}

// recentStatements find the statements of spans that repeat without asking the map. It is a
// direct-mapped cache of 256 entries.
type recentStatements []recentStatement // made when first needed

type recentStatement struct {
	service nodeIndex
	address addressIndex
	ages    *directory.Interval // of the host; nil if it does not age
}

// slot returns the slot of a statement.
func (r *recentStatements) slot(service nodeIndex, at addressIndex) *recentStatement {
	if *r == nil {
		*r = make(recentStatements, 256)
	}
	return &(*r)[(uint32(service)*31+uint32(at))*0x9E3779B1>>24]
}

// state notes the address that a SERVER span states.
func (b *Builder) state(s *trace.Span) {
	recent := b.stated.slot(s.Node, s.Address)
	if recent.service == s.Node && recent.address == s.Address {
		if recent.ages != nil {
			recent.ages.Widen(directory.At(s.Start))
		}
		return
	}
	*recent = recentStatement{service: s.Node, address: s.Address}
	host, rpc := b.names.addressOf(s.Address).Parts()
	for _, part := range [...]address{host, rpc} {
		if during := b.stateAt(s.Node, part, s.Start); during != nil {
			recent.ages = during
		}
	}
}

// stateAt notes that a service states a host or an RPC service, if the address is not empty and means
// the same for all callers. It returns the time of such spans if the address ages, else nil.
func (b *Builder) stateAt(service nodeIndex, at address, start int64) *directory.Interval {
	if at == (address{}) || semconv.IsLocal(at.Host) {
		return nil
	}
	i := b.address(at)
	if i == 0 {
		return nil
	}
	b.statements.add(&b.names, service, i, directory.At(start))
	return b.statements.find(service, i)
}

// find returns the time of the spans of a service that state an address, nil if it does not age or is
// not among those that are kept.
func (s statements) find(service nodeIndex, at addressIndex) *directory.Interval {
	for _, n := range s[service] {
		if n.at == at {
			return n.during
		}
	}
	return nil
}
