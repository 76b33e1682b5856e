package render

import (
	"encoding/csv"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/tempograph/tempograph/servicegraph"
)

// CSV writes the edges as comma-separated values (RFC 4180, lines end in a line
// feed), one line each in the order of the graph, below a line with the names of
// the columns. Nodes without edges, entries and the report are in [JSON] alone.
//
// Numbers are plain: calls and errors are weighted counts, the error rate is a
// fraction of one, latencies are in milliseconds as [DOT] chooses them. A field is
// empty where nothing was measured.
//
// Names are in full, characters without a glyph shown as escapes. One that
// begins with =, +, -, @ or an apostrophe gets an apostrophe in front, because a
// spreadsheet takes it for a formula otherwise; taking one leading apostrophe away
// gives the name back.
type CSV struct{}

// Render writes g to w.
func (CSV) Render(w io.Writer, g *servicegraph.Graph) error {
	out := csv.NewWriter(w)
	out.Write([]string{
		"from_namespace", "from_name", "from_type", "to_namespace", "to_name", "to_type", "kind",
		"calls", "errors", "error_rate", "calls_per_second", "p50_ms", "p95_ms", "p99_ms", "max_ms",
		"recovered", "retries",
	})
	for e := range g.Edges() {
		m := measureEdge(g, e)
		out.Write([]string{
			csvName(e.ID.From.Namespace), csvName(e.ID.From.Name), csvName(string(e.ID.From.Type)),
			csvName(e.ID.To.Namespace), csvName(e.ID.To.Name), csvName(string(e.ID.To.Type)), csvName(string(e.ID.Kind)),
			plain(e.Calls), plain(e.Errors), plain(m.errorRate), plain(m.perSecond),
			plain(m.p50), plain(m.p95), plain(m.p99), plain(m.max),
			plain(e.Recovered), plain(e.Retries),
		})
	}
	out.Flush()
	if err := out.Error(); err != nil {
		return fmt.Errorf("writing CSV: %w", err)
	}
	return nil
}

// csvName returns a name as a spreadsheet may read it.
func csvName(name string) string {
	if name == "" {
		return ""
	}
	name = visible(name)
	if strings.ContainsRune("=+-@'＝＋－＠", []rune(name)[0]) {
		return "'" + name
	}
	return name
}

// measures are numbers for programs, NaN where nothing was measured.
type measures struct {
	errorRate          float64 // fraction of one
	perSecond          float64 // calls
	p50, p95, p99, max float64 // milliseconds
}

func measureNode(g *servicegraph.Graph, n servicegraph.Node) measures {
	return measure(g, n.Requests.Calls, n.Requests.ErrorRate(), n.Requests.Latency)
}

func measureEdge(g *servicegraph.Graph, e servicegraph.Edge) measures {
	latency, _, _ := e.Latency()
	return measure(g, e.Calls, e.ErrorRate(), latency)
}

func measure(g *servicegraph.Graph, calls, errorRate float64, l servicegraph.Latency) measures {
	m := measures{errorRate, math.NaN(), math.NaN(), math.NaN(), math.NaN(), math.NaN()}
	if calls == 0 {
		m.errorRate = math.NaN() // unknown, which is not 0
	}
	if perSecond, known := g.Rate(calls); known {
		m.perSecond = perSecond
	}
	if l.Count() > 0 {
		m.p50, m.p95, m.p99, m.max = millis(l.Quantile(0.50)), millis(l.Quantile(0.95)), millis(l.Quantile(0.99)), millis(l.Max())
	}
	return m
}

func millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// plain formats a number for programs, so that it reads back the same; unknown
// ones, which are NaN, as nothing.
func plain(v float64) string {
	if math.IsNaN(v) {
		return ""
	}
	return strconv.FormatFloat(v, 'f', -1, 64)
}
