package main

import (
	"os"
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/exit"
	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/render"
)

// tableFlags set the rows and the columns of tables.
type tableFlags struct {
	sort    choice
	columns []string

	parsed []render.Column // set by check
}

// addTo adds the flags to a command.
func (t *tableFlags) addTo(cmd *cobra.Command) {
	group(cmd, "Style", func(f *pflag.FlagSet) {
		addChoice(f, &t.sort, "sort", "KEY", "order of the rows of tables: name, calls, errors, rate or p95", "name", "calls", "errors", "rate", "p95")
		f.StringSliceVar(&t.columns, "columns", nil, "columns of tables, any of `LIST`: "+alternatives(render.ColumnNames()))
	})
	completeChoice(cmd, "sort", &t.sort)
	complete(cmd, "columns", render.ColumnNames)
}

// check parses the names of the columns.
func (t *tableFlags) check() error {
	t.parsed = nil
	for _, name := range t.columns {
		c, err := render.ParseColumn(name)
		if err != nil {
			return exit.Usagef("--columns %q: %w", name, err)
		}
		if !slices.Contains(t.parsed, c) {
			t.parsed = append(t.parsed, c)
		}
	}
	return nil
}

// sortKey returns the order of the rows.
func (t *tableFlags) sortKey() render.SortKey {
	if t.sort.value == "name" {
		return render.SortName
	}
	return render.SortKey(t.sort.value)
}

// colored returns the variant of the format for a terminal: a table in colors, unless the user has
// turned colors off.
func colored(f render.Format) render.Format {
	if table, ok := f.Renderer.(render.Table); ok && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" {
		table.Color = true
		f.Renderer = table
	}
	return f
}

// nodeTypes are the types of nodes that --type accepts.
var nodeTypes = []string{
	string(servicegraph.TypeService), string(servicegraph.TypeDatabase), string(servicegraph.TypeQueue), string(servicegraph.TypeExternal),
	string(servicegraph.TypeFunction), string(servicegraph.TypeModel), string(servicegraph.TypeRPC), string(servicegraph.TypeIP), string(servicegraph.TypeGroup),
}
