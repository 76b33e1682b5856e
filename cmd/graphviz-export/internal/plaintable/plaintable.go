// Package plaintable writes tables of aligned columns for people.
package plaintable

import (
	"fmt"
	"strings"

	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/console"
	"github.com/tempograph/tempograph/internal/quantity"
)

// First returns the first n items, or all if n is 0.
func First[T any](items []T, n int) []T {
	if n == 0 || n >= len(items) {
		return items
	}
	return items[:n]
}

// More writes a line with the number of rows that a list leaves out.
func More(b *strings.Builder, n int) {
	if n > 0 {
		fmt.Fprintf(b, "  and %s more: see --top\n", quantity.Number(n))
	}
}

// Write writes rows as a table. The first left columns are aligned to the left, the other columns
// to the right.
func Write(b *strings.Builder, rows [][]string, left int) {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i := range row {
			row[i] = console.OneLine(row[i])
			widths[i] = max(widths[i], len([]rune(row[i])))
		}
	}
	for _, row := range rows {
		var line strings.Builder
		for i, cell := range row {
			pad := strings.Repeat(" ", widths[i]-len([]rune(cell)))
			line.WriteString("  ")
			if i < left {
				line.WriteString(cell + pad)
			} else {
				line.WriteString(pad + cell)
			}
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
}
