package render

import (
	"encoding/csv"
	"html"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/render/internal/rendertest"
)

func readCSV(t *testing.T, g *servicegraph.Graph) (header []string, rows []map[string]string) {
	t.Helper()
	records, err := csv.NewReader(strings.NewReader(renderString(t, CSV{}, g))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range records[1:] {
		row := map[string]string{}
		for i, cell := range r {
			row[records[0][i]] = cell
		}
		rows = append(rows, row)
	}
	return records[0], rows
}

func TestCSVKeepsHostileNamesFromBeingFormulas(t *testing.T) {
	g := hostile().Graph(t)
	_, rows := readCSV(t, g)
	if len(rows) != g.NumEdges() {
		t.Fatalf("%d rows, want %d", len(rows), g.NumEdges())
	}
	i := 0
	for e := range g.Edges() {
		row := rows[i]
		i++
		for column, name := range map[string]string{
			"from_namespace": e.ID.From.Namespace, "from_name": e.ID.From.Name,
			"to_namespace": e.ID.To.Namespace, "to_name": e.ID.To.Name, "to_type": string(e.ID.To.Type),
		} {
			got := row[column]
			if want := visible(name); name != "" && got != want && got != "'"+want {
				t.Errorf("%s is %.100q, want %.100q", column, got, want)
			}
			if strings.ContainsAny(got[:min(len(got), 1)], "=+-@\t\r") || strings.ContainsFunc(got, unicode.IsControl) {
				t.Errorf("%s is %.100q", column, got)
			}
		}
	}
}

func TestCSVName(t *testing.T) {
	for in, want := range map[string]string{
		"": "", "cart": "cart", "=1+1": "'=1+1", "+1": "'+1", "-1": "'-1", "@SUM(A1)": "'@SUM(A1)", "＝1": "'＝1",
		"'=1": "''=1", "a=1": "a=1", "\t=1": `\t=1`, "a,\"b\"": "a,\"b\"",
	} {
		if got := csvName(in); got != want {
			t.Errorf("csvName(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestCSVHasPlainNumbers(t *testing.T) {
	traffic := &rendertest.Traffic{Window: time.Minute}
	traffic.Call("a", "b", rendertest.Load{Calls: 4000, Errors: 1000, Typical: time.Second})
	traffic.Call("a", "c", rendertest.Load{Calls: 2})
	_, rows := readCSV(t, traffic.Graph(t))
	row := rows[0]
	for column, want := range map[string]string{"kind": "request", "calls": "4000", "errors": "1000", "error_rate": "0.25", "recovered": "0", "retries": "0"} {
		if row[column] != want {
			t.Errorf("%s is %q, want %q", column, row[column], want)
		}
	}
	for column, about := range map[string]float64{"calls_per_second": 4000 / 61.0, "p50_ms": 900, "p95_ms": 2340, "max_ms": 2400} {
		if got, err := strconv.ParseFloat(row[column], 64); err != nil || got < 0.97*about || got > 1.03*about {
			t.Errorf("%s is %q, want about %v", column, row[column], about)
		}
	}
	for _, column := range []string{"p50_ms", "p95_ms", "p99_ms", "max_ms"} {
		if got := rows[1][column]; got != "" {
			t.Errorf("%s of calls without an end is %q, want nothing", column, got)
		}
	}
}

// cells returns the cells of a table row. A pipe ends a cell wherever the pipe is.
func cells(row string) []string {
	parts := strings.Split(strings.Trim(row, "|"), "|")
	for i := range parts {
		parts[i] = strings.TrimSpace(parts[i])
	}
	return parts
}

var (
	codeSpan = regexp.MustCompile("^`([^`|\\\\]+)`$")
	codeHTML = regexp.MustCompile(`^<code>((?:[^\x00-\x1f!-/:-@\[-\x60{-~]|&#\d+;)+)</code>$`) // no ASCII punctuation except in character references
)

// uncode returns the text of a cell, and fails if a part of the text is outside the code.
func uncode(t *testing.T, cell string) string {
	t.Helper()
	if m := codeSpan.FindStringSubmatch(cell); m != nil {
		return m[1]
	}
	if m := codeHTML.FindStringSubmatch(cell); m != nil {
		return html.UnescapeString(m[1])
	}
	t.Errorf("cell %q is not code", cell)
	return ""
}

func TestMarkdownEscapesHostileNames(t *testing.T) {
	g := hostile().Graph(t)
	blocks := strings.Split(renderString(t, Markdown{Style{Title: strings.Join(rendertest.Hostile, "")}}, g), "\n\n")
	heading, found := strings.CutPrefix(blocks[0], "Service graph of ")
	if code, _, _ := strings.Cut(heading, ": "); !found || !codeHTML.MatchString(code) {
		t.Errorf("heading %q", blocks[0])
	}
	rows := strings.Split(blocks[1], "\n")[2:]
	if len(rows) != g.NumEdges() {
		t.Fatalf("%d rows, want %d", len(rows), g.NumEdges())
	}
	i := 0
	for e := range g.Edges() {
		row := cells(rows[i])
		i++
		if len(row) != 10 { // with the column that says what the durations are
			t.Errorf("%d cells: %q", len(row), rows[i-1])
			continue
		}
		got := []string{uncode(t, row[0]), row[1], uncode(t, row[2])}
		want := []string{strings.TrimSpace(nodeName(e.ID.From, markdownWidth)), arrow(e.ID.Kind), strings.TrimSpace(nodeName(e.ID.To, markdownWidth))}
		got[0], got[2] = strings.TrimSpace(got[0]), strings.TrimSpace(got[2])
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("row %d (-want +got):\n%s", i, diff)
		}
	}
}

func TestMarkdownTablesAreAlignedInTheText(t *testing.T) {
	for _, block := range strings.Split(renderString(t, Markdown{}, rendertest.Shop().Graph(t)), "\n\n")[1:] {
		lines := strings.Split(strings.TrimSpace(block), "\n")
		if !slices.ContainsFunc(lines, func(l string) bool { return strings.HasPrefix(l, "| `") }) {
			t.Errorf("no table:\n%s", block)
		}
		for _, line := range lines {
			if width(line) != width(lines[0]) {
				t.Errorf("line is %d columns wide, the first %d:\n%s", width(line), width(lines[0]), line)
			}
		}
	}
}
