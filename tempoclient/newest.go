package tempoclient

import (
	"context"
	"strconv"
	"strings"
)

// A query with a limit needs only the newest traces. Tempo 2.9 and later versions find the newest
// traces without reading the others. For an older Tempo, the client searches slices of the range,
// the newest slice first, until it has found enough traces.

const (
	// mostRecent is a TraceQL hint: Tempo returns the traces that started last, and not the first
	// traces that it meets.
	mostRecent = " with (most_recent=true)"

	// maxNewest is the highest limit of searches for the newest traces. Tempo sorts the found
	// traces in a time that grows with the square of their number.
	maxNewest = 50_000
)

// firstLimit returns the limit of the first request. It is higher than the limit of the query, so
// that the client can count the traces that the query's limit leaves out, if they are few.
func (s *search) firstLimit() int {
	if s.needed == 0 || s.needed > maxNewest/2 {
		return maxLimit
	}
	return s.needed + s.needed/4 + 100
}

// askNewest prepares another request for the whole range after an answer that reached the limit: a
// request for the newest traces if the server can find those. kept is how many traces of the answer
// are in the range. askNewest returns false if the range must be searched in slices.
func (s *search) askNewest(ctx context.Context, kept int) bool {
	highest := min(maxLimit, s.most)
	switch {
	case s.needed == 0 || s.limit == highest && !s.ordered:
		return false
	case s.ordered && kept > s.needed:
		s.cut, s.end = true, s.first
	case s.ordered && s.limit < min(maxNewest, highest):
		s.limit = min(4*s.limit, maxNewest, highest) // traces outside the range used up the limit
	case !s.ordered && s.findsNewest(ctx):
		s.ordered = true
		s.params.Set("q", s.params.Get("q")+mostRecent)
	default:
		s.anyOrder()
	}
	return true
}

// anyOrder lets further requests return any traces, not only the newest.
func (s *search) anyOrder() {
	s.ordered = false
	s.params.Set("q", strings.TrimSuffix(s.params.Get("q"), mostRecent))
	s.limit = min(maxLimit, s.most)
}

// hasEnough reports whether the slices down to lo, in Unix seconds, have more traces than the query
// needs. The slices before lo have only older traces.
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

// findsNewest reports whether Tempo can search for the newest traces: version 2.9 and later, and
// versions without a number, such as that of Grafana Cloud.
func (b BuildInfo) findsNewest() bool {
	if b.Version == "" {
		return false
	}
	_, rest, _ := strings.Cut(b.Version, ".")
	minor, _, _ := strings.Cut(rest, ".")
	n, _ := strconv.Atoi(minor)
	return b.Major() > 2 || b.Major() == 2 && n >= 9 || b.Major() == 0
}
