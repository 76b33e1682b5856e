package graphtest

import (
	"fmt"
	"strconv"
	"time"

	"github.com/tempograph/tempograph/internal/quantity"
	"github.com/tempograph/tempograph/servicegraph"
)

// A bound limits a number of one edge. A rule has it around the edge, a golden file
// behind it.
type bound struct {
	word        string
	side        Side    // of latency
	percentile  float64 // of latency
	least, most float64 // most is negative for none; of errors a percentage
	duration    time.Duration
}

// head returns what stands before the edge in a rule.
func (b bound) head() string {
	if b.word == "latency" {
		return fmt.Sprintf("latency %s p%s", b.side, quantity.Plain(b.percentile))
	}
	return b.word
}

// tail returns what stands behind it, with a space before it.
func (b bound) tail() string {
	switch b.word {
	case "async":
		return ""
	case "calls":
		switch {
		case b.most < 0:
			return fmt.Sprintf(" %v..", b.least)
		case b.most == b.least:
			return fmt.Sprintf(" %v", b.least)
		}
		return fmt.Sprintf(" %v..%v", b.least, b.most)
	case "errors":
		return " at most " + quantity.Plain(b.most) + "%"
	case "latency":
		return " at most " + b.duration.String()
	}
	return fmt.Sprintf(" at most %v", b.most)
}

// String returns the bound as a golden file has it.
func (b bound) String() string { return b.head() + b.tail() }

// broken says what of an edge breaks the bound, "" if nothing does.
func (b bound) broken(e servicegraph.Edge) string {
	switch b.word {
	case "async":
		if e.ID.Kind != servicegraph.EdgeMessage {
			return fmt.Sprintf("is a %s: the caller waits for it", e.ID.Kind)
		}
	case "calls":
		if e.Calls < b.least || (b.most >= 0 && e.Calls > b.most) {
			return "was called " + times(e.Calls)
		}
	case "per-trace":
		if float64(e.MaxPerTrace) > b.most {
			return fmt.Sprintf("was called %s in one trace: a call for each element of a list?", times(float64(e.MaxPerTrace)))
		}
	case "retries":
		if e.Retries > b.most {
			return fmt.Sprintf("was called again %s", times(e.Retries))
		}
	case "errors":
		if e.Calls > 0 && e.Errors*100 > b.most*e.Calls {
			return fmt.Sprintf("failed in %s of %s: %s", quantity.Number(e.Errors), quantity.Of(e.Calls, "call"), strconv.FormatFloat(100*e.ErrorRate(), 'g', 3, 64)+"%")
		}
	case "latency":
		seen := e.Caller.Latency
		if b.side == Callee {
			seen = e.Callee.Latency
		}
		if seen.Count() == 0 {
			return fmt.Sprintf("has no latency that the %s measured: there is no span of it that has ended", b.side)
		}
		if got := seen.Quantile(b.percentile / 100); got > b.duration {
			return fmt.Sprintf("took %v in percentile %s, as the %s saw it: %v too long", got, quantity.Plain(b.percentile), b.side, got-b.duration)
		}
	}
	return ""
}

// boundRule checks the bound on every edge that matches.
func boundRule(a arrow, b bound) rule {
	return rule{text: b.head() + " " + a.String() + b.tail(), check: func(g *servicegraph.Graph) []Violation {
		var violations []Violation
		found := false
		is := newAsserter(g)
		asks := b.word == "calls" || b.word == "async" // for something to be there
		for e := range g.Edges() {
			if !a.matches(e) || (asks && !is.matchesEdge(a, e)) {
				continue
			}
			found = found || is.matchesEdge(a, e)
			if why := b.broken(e); why != "" {
				violations = append(violations, Violation{
					Message: edgeText(e.ID) + " " + why,
					Edges:   []servicegraph.Edge{e},
					failed:  b.word == "errors",
				})
			}
		}
		if found || (b.word == "calls" && b.least == 0 && len(matching(g, a.from)) > 0) {
			return violations
		}
		return append(violations, missing(g, a, "so there is nothing to measure"))
	}}
}

// times returns "once", "2 times".
func times(n float64) string {
	if n == 1 {
		return "once"
	}
	return quantity.Number(n) + " times"
}
