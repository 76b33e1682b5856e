package graphtest

import (
	"fmt"
	"strconv"
	"time"

	"github.com/tempograph/tempograph/internal/quantity"
	"github.com/tempograph/tempograph/servicegraph"
)

// A bound limits a measurement of one edge. In a rule, the text of the edge stands inside the text
// of the bound; in a golden file, it stands before the bound.
type bound struct {
	word        string
	side        servicegraph.Side // for latency
	percentile  float64           // for latency
	least, most float64           // a negative most is no limit; for errors most is a percentage
	duration    time.Duration     // for latency
}

// head returns the text before the edge in a rule.
func (b bound) head() string {
	if b.word == "latency" {
		return fmt.Sprintf("latency %s p%s", b.side, quantity.Plain(b.percentile))
	}
	return b.word
}

// tail returns the text after the edge in a rule, with a leading space.
func (b bound) tail() string {
	switch b.word {
	case "async":
		return ""
	case "calls":
		switch {
		case b.most < 0:
			return " " + whole(b.least) + ".."
		case b.most == b.least:
			return " " + whole(b.least)
		}
		return " " + whole(b.least) + ".." + whole(b.most)
	case "errors":
		return " at most " + quantity.Plain(b.most) + "%"
	case "latency":
		return " at most " + b.duration.String()
	}
	return " at most " + whole(b.most)
}

// whole returns a number without a fraction as [parseCount] reads it: never with an exponent.
func whole(n float64) string { return strconv.FormatFloat(n, 'f', 0, 64) }

// String returns the bound as it is written in a golden file.
func (b bound) String() string { return b.head() + b.tail() }

// broken says how an edge breaks the bound, "" if it does not.
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
			return fmt.Sprintf("was called %s in one trace: is there a call for each element of a list?", times(float64(e.MaxPerTrace)))
		}
	case "retries":
		if e.Retries > b.most {
			return fmt.Sprintf("was retried %s", times(e.Retries))
		}
	case "errors":
		if e.Calls > 0 && e.Errors*100 > b.most*e.Calls {
			return fmt.Sprintf("failed in %s of %s: %s", quantity.Number(e.Errors), quantity.Of(e.Calls, "call"), strconv.FormatFloat(100*e.ErrorRate(), 'g', 3, 64)+"%")
		}
	case "latency":
		seen := e.Caller.Latency
		if b.side == servicegraph.CalleeSide {
			seen = e.Callee.Latency
		}
		if seen.Count() == 0 {
			return fmt.Sprintf("has no latency measured by the %s: no span of the %s has ended", b.side, b.side)
		}
		if got := seen.Quantile(b.percentile / 100); got > b.duration {
			return fmt.Sprintf("took %v in percentile %s, measured by the %s: %v too long", got, quantity.Plain(b.percentile), b.side, got-b.duration)
		}
	}
	return ""
}

// boundRule returns the rule that every edge that matches keeps the bound.
func boundRule(a arrow, b bound) rule {
	return rule{text: b.head() + " " + a.String() + b.tail(), check: func(g *servicegraph.Graph) []Violation {
		var violations []Violation
		found := false
		is := newAsserter(g)
		requires := b.word == "calls" || b.word == "async" // the edge must exist
		for e := range g.Edges() {
			if !a.matches(e) || (requires && !is.matchesEdge(a, e)) {
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

// times returns "once" or "2 times".
func times(n float64) string {
	if n == 1 {
		return "once"
	}
	return quantity.Number(n) + " times"
}
