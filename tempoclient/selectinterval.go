package tempoclient

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// If one search for all spans of a group of traces would be too large, each search is for an
// interval: for the spans whose durations, and the durations of whose traces, have bounds. Every
// span that Tempo holds lies in exactly one of the intervals. An answer repeats a span of each of its
// traces, so that intervals of whole traces are the better ones; spans are divided where too many
// traces last equally long. Time ranges would divide neither: a search must reach past the range,
// for traces that arrived late, and so would show all later traces again.

// Bounds hold the durations from lo to before hi, in nanoseconds.
type bounds struct{ lo, hi int64 }

// unbounded are the bounds of all durations.
var unbounded = bounds{0, math.MaxInt64}

// An interval selects spans.
type interval struct{ traces, spans bounds }

// everything is the interval of all spans.
var everything = interval{unbounded, unbounded}

// filter returns the interval in TraceQL.
func (i interval) filter() string {
	conditions := append(i.traces.conditions("traceDuration"), i.spans.conditions("duration")...)
	return "{" + strings.Join(conditions, " && ") + "}"
}

func (b bounds) conditions(name string) (list []string) {
	if b.lo > 0 {
		list = append(list, fmt.Sprintf("%s >= %dns", name, b.lo))
	}
	if b.hi < math.MaxInt64 {
		list = append(list, fmt.Sprintf("%s < %dns", name, b.hi))
	}
	return list
}

// part returns those of the durations that are within bounds. The durations are in order.
func (b bounds) part(durations []int64) []int64 {
	lo, _ := slices.BinarySearch(durations, b.lo)
	hi, _ := slices.BinarySearch(durations, b.hi)
	return durations[lo:max(lo, hi)]
}

// cuts returns n-1 durations that divide the given ones, which are in order, into parts of about the same
// size. It returns nil if too many of them are equal.
func cuts(durations []int64, n int) (at []int64) {
	begin := 0
	for k := 1; k < n; k++ {
		middle := k * len(durations) / n
		if middle >= len(durations) {
			return nil
		}
		first, _ := slices.BinarySearch(durations, durations[middle])
		next, _ := slices.BinarySearch(durations, durations[middle]+1)
		end := first
		if next-middle < middle-first {
			end = next
		}
		if end <= begin || end >= len(durations) || 2*n*(end-begin) > 3*len(durations)+2*n {
			return nil
		}
		at = append(at, durations[end])
		begin = end
	}
	if 2*n*(len(durations)-begin) > 3*len(durations)+2*n {
		return nil
	}
	return at
}

// divided returns the parts of the bounds between the cuts.
func (b bounds) divided(cuts []int64) []bounds {
	var parts []bounds
	for _, at := range cuts {
		if b.lo < at && at < b.hi {
			parts = append(parts, bounds{b.lo, at})
			b.lo = at
		}
	}
	return append(parts, b)
}

// halves divides an interval: between known durations of traces, or else between known durations
// of spans, or where the durations of spans usually are.
func (i interval) halves(traces, spans []int64) (low, high interval, ok bool) {
	low, high = i, i
	if parts := i.traces.divided(cuts(i.traces.part(traces), 2)); len(parts) == 2 {
		low.traces, high.traces = parts[0], parts[1]
		return low, high, true
	}
	b := i.spans
	at := b.lo
	if known := b.part(spans); len(known) > 0 {
		at = known[len(known)/2]
	}
	switch {
	case at > b.lo:
	case b.hi == math.MaxInt64:
		at = 4 * max(min(b.lo, math.MaxInt64/8), int64(time.Microsecond))
	default:
		at = int64(math.Sqrt(float64(max(b.lo, 1)) * float64(b.hi)))
	}
	low.spans.hi, high.spans.lo = at, at
	return low, high, b.lo < at && at < b.hi
}

// intervals divides all spans so that each answer has about the same size.
func (r *reading) intervals() (list []interval) {
	most := float64(r.s.client.maxAnswer)
	if r.bytes+r.overhead <= most {
		return []interval{everything}
	}
	n := int(math.Ceil((r.bytes + r.overhead) / most))
	if at := cuts(r.traceDurations, n); at != nil {
		for _, b := range unbounded.divided(at) {
			list = append(list, interval{b, unbounded})
		}
		return list
	}
	if r.overhead > most {
		return nil // too many traces: each search would fail
	}
	n = int(math.Ceil(r.bytes / max(most-r.overhead, most/4)))
	var at []int64
	for k := 1; k < n && len(r.durations) > 0; k++ {
		at = append(at, r.durations[k*len(r.durations)/n])
	}
	for _, b := range unbounded.divided(at) {
		list = append(list, interval{unbounded, b})
	}
	return list
}
