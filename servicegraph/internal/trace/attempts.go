package trace

import (
	"cmp"
	"slices"
)

// A tracer that keeps the id of a span when it tries again sends several spans with one identity
// and different starts: the attempts of one call (docs/semantics.md I11).

// milliseconds returns the start of a span in Unix milliseconds, which distinguishes attempts. It
// is no more precise because exporters may cut the times of some deliveries to microseconds or
// milliseconds.
func (s *Span) milliseconds() int64 { return s.Start / 1e6 }

// repeats reports whether two spans with the same identity are deliveries of one span. The result
// is preliminary if one of them has no start: see splitAttempts.
func (s *Span) repeats(o *Span) bool { return s.milliseconds() == o.milliseconds() }

// splitAttempts adds the spans that were set aside because they start at another time than the span
// with their identity. A delivery without a start belongs to the earliest attempt.
func (t *Tree) splitAttempts() {
	deliveries := make(map[identity][]Span)
	for i := range t.aside {
		key := identityOf(&t.aside[i])
		deliveries[key] = append(deliveries[key], t.aside[i])
	}
	t.attempts = make(map[identity][]int32)
	for i := range t.aside {
		key := identityOf(&t.aside[i])
		if t.attempts[key] == nil {
			t.attempts[key] = t.addAttempts(t.index.member(key, t.Spans), deliveries[key])
		}
	}
}

// addAttempts divides the span with an index, and further deliveries with its identity, into
// attempts. The earliest attempt takes the place of the span. addAttempts returns the indices of
// the attempts in the order of their starts.
func (t *Tree) addAttempts(first int32, deliveries []Span) []int32 {
	deliveries = append(deliveries, t.Spans[first])
	slices.SortFunc(deliveries, func(a, b Span) int { return cmp.Compare(a.milliseconds(), b.milliseconds()) })
	started := slices.IndexFunc(deliveries, func(s Span) bool { return s.milliseconds() != 0 })
	attempts := []int32{first}
	last := first
	t.Spans[first] = deliveries[started]
	for _, s := range deliveries[started+1:] {
		if s.repeats(&t.Spans[last]) {
			t.Spans[last].Absorb(&s, t.names)
			t.Duplicates++
			continue
		}
		last = int32(len(t.Spans))
		t.Spans = append(t.Spans, s)
		attempts = append(attempts, last)
	}
	for _, s := range deliveries[:started] {
		t.Spans[first].Absorb(&s, t.names)
		t.Duplicates++
	}
	return attempts
}

// attemptFor returns the attempt to which s belongs, where s is a child or a piece of span i. Of
// the attempts with the identity of span i, it is the last that started no later than s. If all
// started later, it is the first.
func (t *Tree) attemptFor(i int32, s *Span) int32 {
	if len(t.attempts) == 0 {
		return i
	}
	for _, attempt := range t.attempts[identityOf(&t.Spans[i])] {
		if t.Spans[attempt].milliseconds() <= s.milliseconds() {
			i = attempt
		}
	}
	return i
}

// IsRetried reports whether a later attempt has the id of span i. A span link to the id then
// means the later attempt.
func (t *Tree) IsRetried(i int32) bool {
	if len(t.attempts) == 0 {
		return false
	}
	attempts := t.attempts[identityOf(&t.Spans[i])]
	return len(attempts) > 0 && attempts[len(attempts)-1] != i
}
