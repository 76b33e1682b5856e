package render

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/tempograph/tempograph/internal/suggest"
	"github.com/tempograph/tempograph/servicegraph"
)

// A Column is a column of [Table] and [Markdown] with a value for each edge. All rates of
// a table have one unit, and so have all durations of a column.
type Column string

// The columns. [Style] describes which durations are shown.
const (
	ColumnCalls     Column = "calls"
	ColumnRate      Column = "rate"      // calls over the time range of the spans
	ColumnErrors    Column = "errors"    // failed calls in percent, with a mark (see [Level])
	ColumnFailed    Column = "failed"    // number of failed calls
	ColumnRecovered Column = "recovered" // number of failed calls whose caller did not fail
	ColumnRetries   Column = "retries"   // number of calls that repeat an earlier one
	ColumnP50       Column = "p50"
	ColumnP95       Column = "p95"
	ColumnP99       Column = "p99"
	ColumnMax       Column = "max"
	ColumnTime      Column = "time" // the meaning of the durations: measured by the caller, by the callee, time in the queue, …
)

// A tableColumn has the headings of a Column, and the function for its values.
type tableColumn struct {
	name     Column
	table    string // heading in a table
	markdown string // heading in Markdown
	quantile float64
}

// tableColumns are all columns, in the order of the documentation.
var tableColumns = []tableColumn{
	{ColumnCalls, "CALLS", "Calls", 0},
	{ColumnRate, "RATE", "Rate", 0},
	{ColumnErrors, "ERR", "Errors", 0},
	{ColumnFailed, "FAILED", "Failed", 0},
	{ColumnRecovered, "RECOVERED", "Recovered", 0},
	{ColumnRetries, "RETRIES", "Retries", 0},
	{ColumnP50, "P50", "p50", 0.50},
	{ColumnP95, "P95", "p95", 0.95},
	{ColumnP99, "P99", "p99", 0.99},
	{ColumnMax, "MAX", "max", 1},
	{ColumnTime, "TIME", "Time", 0},
}

// ColumnNames returns the names of all columns.
func ColumnNames() []string {
	names := make([]string, len(tableColumns))
	for i, c := range tableColumns {
		names[i] = string(c.name)
	}
	return names
}

// ParseColumn returns the column with the given name. The error lists all names.
func ParseColumn(name string) (Column, error) {
	if !slices.ContainsFunc(tableColumns, func(c tableColumn) bool { return string(c.name) == name }) {
		return "", fmt.Errorf("want %s%s", list(ColumnNames()), suggest.DidYouMean(name, ColumnNames()))
	}
	return Column(name), nil
}

// A SortKey says in which order a table has its rows.
type SortKey string

// The sort keys. Rows that are equal by a key are in the order of the graph.
const (
	SortName   SortKey = ""       // by caller and callee, the order of the graph
	SortCalls  SortKey = "calls"  // most calls first
	SortRate   SortKey = "rate"   // highest rate first: the order of SortCalls, because all rates are over one time range
	SortErrors SortKey = "errors" // highest percentage of failed calls first, and of equal ones the most failed calls
	SortP95    SortKey = "p95"    // slowest first
)

// sorted returns the edges of g in the order of the key.
func (k SortKey) sorted(g *servicegraph.Graph) []servicegraph.Edge {
	edges := slices.Collect(g.Edges())
	p95 := make(map[servicegraph.EdgeID]time.Duration)
	if k == SortP95 {
		for _, e := range edges {
			p95[e.ID] = timingOf(e).Quantile(0.95)
		}
	}
	slices.SortStableFunc(edges, func(a, b servicegraph.Edge) int {
		switch k {
		case SortCalls, SortRate:
			return cmp.Compare(b.Calls, a.Calls)
		case SortErrors:
			return cmp.Or(cmp.Compare(b.ErrorRate(), a.ErrorRate()), cmp.Compare(b.Errors, a.Errors))
		case SortP95:
			return cmp.Compare(p95[b.ID], p95[a.ID])
		}
		return 0
	})
	return edges
}

// A cell is a text in a table, and the level that colors it.
type cell struct {
	text  string
	level Level
}

// edgeTable returns the edges of g, the columns that the style shows, and the cells, one row
// for each edge.
func (s Style) edgeTable(g *servicegraph.Graph) (edges []servicegraph.Edge, shown []tableColumn, rows [][]cell) {
	edges = s.Sort.sorted(g)
	for _, name := range s.shownColumns(edges) {
		i := slices.IndexFunc(tableColumns, func(c tableColumn) bool { return c.name == name })
		if i >= 0 {
			shown = append(shown, tableColumns[i])
		}
	}
	rows = make([][]cell, len(edges))
	for _, c := range shown {
		value := s.values(g, c, edges)
		for i, e := range edges {
			rows[i] = append(rows[i], value(e))
		}
	}
	return edges, shown, rows
}

// shownColumns returns the columns to show. The column ColumnTime is shown by default if some
// durations are not measured by the caller.
func (s Style) shownColumns(edges []servicegraph.Edge) []Column {
	if len(s.Columns) > 0 {
		return s.Columns
	}
	shown := []Column{ColumnCalls, ColumnRate, ColumnErrors, ColumnP50, ColumnP95, ColumnP99}
	if slices.ContainsFunc(edges, func(e servicegraph.Edge) bool { return timingOf(e).note() != "" }) {
		shown = append(shown, ColumnTime)
	}
	return shown
}

// values returns a function that formats the values of a column, all in one unit.
func (s Style) values(g *servicegraph.Graph, c tableColumn, edges []servicegraph.Edge) func(servicegraph.Edge) cell {
	plainly := func(value func(servicegraph.Edge) string) func(servicegraph.Edge) cell {
		return func(e servicegraph.Edge) cell { return cell{text: value(e)} }
	}
	switch c.name {
	case ColumnCalls:
		return plainly(func(e servicegraph.Edge) string { return count(e.Calls) })
	case ColumnRate:
		scale := edgeRates(g)
		return plainly(func(e servicegraph.Edge) string { return scale.Rate(e.Calls) })
	case ColumnErrors:
		return func(e servicegraph.Edge) cell {
			mark, level := s.edgeErrors(e)
			return cell{mark + percent(e.Errors, e.Calls), level}
		}
	case ColumnFailed:
		return plainly(func(e servicegraph.Edge) string { return count(e.Errors) })
	case ColumnRecovered:
		return plainly(func(e servicegraph.Edge) string { return count(e.Recovered) })
	case ColumnRetries:
		return plainly(func(e servicegraph.Edge) string { return count(e.Retries) })
	case ColumnTime:
		return plainly(func(e servicegraph.Edge) string { return timingOf(e).name() })
	}
	var longest time.Duration
	for _, e := range edges {
		longest = max(longest, timingOf(e).Quantile(c.quantile))
	}
	unit := unitOf(longest)
	return func(e servicegraph.Edge) cell {
		t := timingOf(e)
		if t.Count() == 0 {
			return cell{text: unknown}
		}
		level := Healthy
		mark := ""
		if c.name == ColumnP95 && s.slowEdge(e) {
			level, mark = Warning, Warning.mark()
		}
		return cell{mark + unit.number(t.Quantile(c.quantile)) + " " + unit.name, level}
	}
}
