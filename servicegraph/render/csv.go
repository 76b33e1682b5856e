package render

import (
	"encoding/csv"
	"fmt"
	"io"
	"strings"

	"github.com/tempograph/tempograph/servicegraph"
)

// CSV writes the edges as comma-separated values (RFC 4180, but lines end in a line
// feed): a header line, and a line for each edge in the order of the graph. Nodes
// without edges, entries and the report are only in [JSON].
//
// Numbers have no unit and no separators. Calls and errors are weighted counts, the error rate is a
// ratio from 0 to 1, and latencies are those of [DOT], in milliseconds. The field of a value that
// was not measured is empty.
//
// Names are complete; characters without a glyph are escaped. A name that begins with
// =, +, -, @ or an apostrophe gets an apostrophe in front, because a spreadsheet would
// take the name for a formula. Removing one leading apostrophe restores the name.
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
		m := edgeMeasures(g, e)
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

// csvName returns a name that no spreadsheet takes for a formula.
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
