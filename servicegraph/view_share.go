package servicegraph

import (
	"math"
	"math/bits"
)

// A share is the part that some requests are of all. Shares of numbers are rounded
// down to the units of sampling weights, 1/4096, and computed in integers: so sums
// are exact in any order, the shares of all requests are no more than the whole,
// and what is not larger than another has no larger share.
type share struct{ of, all uint64 } // in units; of is not more than all

const unit = 1.0 / 4096

// units returns a weighted count in units.
func units(n float64) uint64 { return uint64(min(max(n, 0), 1<<47) / unit) }

func (s share) isWhole() bool { return s.of == s.all && s.all > 0 }

// calls returns the share of a weighted count.
func (s share) calls(n float64) float64 {
	if s.isWhole() {
		return n
	}
	return float64(s.count(units(n))) * unit
}

// count returns the share of a whole number.
func (s share) count(n uint64) uint64 {
	if s.of == 0 {
		return 0
	}
	hi, lo := bits.Mul64(n, s.of)
	quotient, _ := bits.Div64(hi, lo, s.all)
	return quotient
}

// edge returns the share of an edge that a cause has, without an ID. It shares
// memory with the edge.
func (s share) edge(e *Edge) Edge {
	part := Edge{
		Calls:     max(s.calls(e.Calls), unit),
		Errors:    s.calls(e.Errors),
		Recovered: s.calls(e.Recovered),
		Retries:   s.calls(e.Retries),
		Caller:    s.stats(e.Caller),
		Callee:    s.stats(e.Callee),
		Queues:    e.Queues,
		First:     e.First,
		Last:      e.Last,
	}
	if s.isWhole() {
		part.MaxPerTrace, part.Slowest, part.Failed = e.MaxPerTrace, e.Slowest, e.Failed
	}
	return part
}

// stats returns the share of what one side saw. Where there are spans, it has one.
func (s share) stats(all Stats) Stats {
	if s.isWhole() || all.Observed == 0 {
		return all
	}
	return Stats{
		Calls:    s.calls(all.Calls),
		Errors:   s.calls(all.Errors),
		Observed: max(s.count(all.Observed), 1),
		Latency:  s.latency(all.Latency),
	}
}

// latency returns a distribution of the same shape and mean with a share of the
// samples.
func (s share) latency(all Latency) Latency {
	l := Latency{min: all.min, max: all.max}
	for b, weight := range all.counts.All() {
		if part := s.calls(weight); part > 0 {
			l.counts.Add(b, part)
			l.count += part
		}
	}
	if l.count == 0 {
		return Latency{}
	}
	l.sum = uint64(math.Round(float64(all.sum) * (l.count / all.count)))
	return l
}
