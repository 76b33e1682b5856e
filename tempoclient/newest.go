package tempoclient

import (
	"context"
	"strconv"
	"strings"
)

// A query with a limit needs only the newest traces. Tempo since 2.9 finds them without
// looking at the others. An older Tempo is asked for slices of the range, from the newest on,
// until there are enough.

const (
	// mostRecent makes Tempo find the traces that started last, in place of any.
	mostRecent = " with (most_recent=true)"

	// maxNewest is the highest limit of searches for the newest traces: Tempo keeps them in
	// order with an effort that grows with the square of their number.
	maxNewest = 50_000
)

// firstLimit returns the limit of the first request: more than the query needs, so that the
// traces beyond a limit that leaves out only some can be counted.
func (s *search) firstLimit() int {
	if s.needed == 0 || s.needed > maxNewest/2 {
		return maxLimit
	}
	return s.needed + s.needed/4 + 100
}

// askNewest prepares another request after a full answer for the whole range: one for the
// newest traces, of which kept are in the range. It returns false if the range must be searched
// in slices.
func (s *search) askNewest(ctx context.Context, kept int) bool {
	highest := min(maxLimit, s.most)
	switch {
	case s.needed == 0 || s.limit == highest && !s.ordered:
		return false
	case s.ordered && kept > s.needed:
		s.cut, s.end = true, s.first
	case s.ordered && s.limit < min(maxNewest, highest):
		s.limit = min(4*s.limit, maxNewest, highest) // traces that end after the range took the places
	case !s.ordered && s.findsNewest(ctx):
		s.ordered = true
		s.params.Set("q", s.params.Get("q")+mostRecent)
	default:
		s.anyOrder()
	}
	return true
}

// anyOrder makes further requests for any traces.
func (s *search) anyOrder() {
	s.ordered = false
	s.params.Set("q", strings.TrimSuffix(s.params.Get("q"), mostRecent))
	s.limit = min(maxLimit, s.most)
}

// hasEnough reports whether the slices down to lo, in Unix seconds, have more traces than the
// query needs. Older slices have only older traces.
func (s *search) hasEnough(lo int64) bool {
	if s.needed == 0 || len(s.found) <= s.needed || lo <= s.first {
		return false
	}
	n := 0
	for _, f := range s.found {
		if f.Start.Unix() >= lo {
			n++
		}
	}
	return n > s.needed
}

// findsNewest reports whether Tempo can search for the newest traces.
func (s *search) findsNewest(ctx context.Context) bool {
	info, requests := s.client.knownBuild(ctx)
	s.requests += requests
	return info.findsNewest()
}

// findsNewest reports whether Tempo can search for the newest traces: version 2.9 and later
// ones, and those that are known by another name than a number, such as Grafana Cloud's.
func (b BuildInfo) findsNewest() bool {
	if b.Version == "" {
		return false
	}
	_, rest, _ := strings.Cut(b.Version, ".")
	minor, _, _ := strings.Cut(rest, ".")
	n, _ := strconv.Atoi(minor)
	return b.Major() > 2 || b.Major() == 2 && n >= 9 || b.Major() == 0
}
