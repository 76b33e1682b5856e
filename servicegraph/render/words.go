package render

import (
	"time"

	"github.com/tempograph/tempograph/servicegraph"
)

// How numbers and names read in every format, for formats of other packages.

// CountText returns a number of calls with separators, or three digits and a unit
// from a million on: "18,240", "1.24M".
func CountText(n float64) string { return count(n) }

// RateText returns so many calls of g per second, minute or hour, "–" where their rate
// is unknown.
func RateText(g *servicegraph.Graph, calls float64) string { return rate(g, calls) }

// PercentText returns the share of n in total in percent, "–" where total is 0.
func PercentText(n, total float64) string { return percent(n, total) }

// DurationText returns a duration in the unit that suits it.
func DurationText(d time.Duration) string { return duration(d) }

// Remarks says what makes a graph less than the truth, the gravest first, as "2
// hidden nodes: left out of this view".
func Remarks(g *servicegraph.Graph) []string {
	var out []string
	for _, m := range remarks(g.Report()) {
		out = append(out, plural(float64(m.n), m.what)+": "+m.why)
	}
	return out
}

// NameText returns a name, which is not to be trusted, as people may read it: what
// has no glyph is shown as an escape, and what is wider than max columns is
// shortened in the middle.
func NameText(name string, max int) string { return shorten(visible(name), max) }
