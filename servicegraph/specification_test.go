package servicegraph_test

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestSpecification reads the rows of docs/semantics.md whose spans are written completely in the
// notation of the rows. The graph of these spans must have exactly the edges that the first sentence
// of the result names.
func TestSpecification(t *testing.T) {
	page, err := os.ReadFile("../docs/semantics.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rows, _ := strings.Cut(string(page), "\n## OTel edge cases")
	rows, _, _ = strings.Cut(rows, "\n## Series in Prometheus")
	checked := 0
	for line := range strings.Lines(rows) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), " | ")
		if len(cells) != 4 {
			continue
		}
		spans, ok := spansOfRow(cells[1])
		if !ok {
			continue
		}
		want, ok := edgesOfRow(cells[2])
		if !ok {
			continue
		}
		checked++
		parsed, err := parseSpans(spans)
		if err != nil {
			t.Errorf("%s: %v", cells[0], err)
			continue
		}
		got := []string{}
		for e := range build(parsed).Edges() {
			got = append(got, edgeOfRow(e.ID.From.Name, e.ID.To.Name, fmt.Sprint(e.Calls), fmt.Sprint(e.Errors)))
		}
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s (-row +graph):\n%s", cells[0], cells[1], diff)
		}
	}
	if checked < 60 {
		t.Errorf("checked %d rows, want 60 or more", checked)
	}
}

var (
	spanOfRow  = regexp.MustCompile("`([SCPNI-] [^`]+)`")
	idOfRow    = regexp.MustCompile(`^[a-z]\w*(<\w+)?$`)
	linksOfRow = regexp.MustCompile(`\[links? ([^\]]*)\]`)
	arrowOfRow = regexp.MustCompile(`([\w./@-]+)→([\w./@-]+)(?: n(\d+))?(?: e(\d+))?`)
)

// spansOfRow returns the spans of a row in the notation of the scenarios. It returns false if the
// row describes some of its spans in words. Each span "elsewhere" is in a trace of its own, and so is a
// span "in another trace"; "with" adds a span to the trace of the span before.
func spansOfRow(cell string) (spans string, ok bool) {
	words := strings.Fields(spanOfRow.ReplaceAllString(cell, ""))
	if slices.ContainsFunc(words, func(w string) bool {
		return !slices.Contains([]string{";", ".", "Elsewhere:", "in", "another", "trace:", "with"}, w)
	}) {
		return "", false
	}
	at, elsewhere, traces := 0, false, 0
	for i, m := range spanOfRow.FindAllStringSubmatchIndex(cell, -1) {
		between := cell[at:m[0]]
		at = m[1]
		elsewhere = elsewhere || strings.Contains(between, "Elsewhere:")
		if elsewhere && !strings.Contains(between, "with") || strings.Contains(between, "in another trace:") {
			traces++
		}
		text := linksOfRow.ReplaceAllStringFunc(cell[m[2]:m[3]], func(links string) string {
			targets := linksOfRow.FindStringSubmatch(links)[1]
			return "link=" + strings.ReplaceAll(targets, ", ", " link=")
		})
		span := strings.Fields(strings.NewReplacer("[", "", "]", "", " err", " !").Replace(text))
		if len(span) == 2 || !idOfRow.MatchString(span[2]) {
			span = slices.Insert(span, 2, fmt.Sprintf("x%d", i))
		}
		if traces > 0 {
			span[2] = fmt.Sprintf("t%d:%s", traces, span[2])
		}
		spans += strings.Join(span, " ") + "\n"
	}
	return spans, spans != ""
}

// edgesOfRow returns the edges that the first sentence of a result names, sorted. It returns false
// if the sentence names none and does not say that there is none.
func edgesOfRow(cell string) (edges []string, ok bool) {
	sentence, _, _ := strings.Cut(strings.NewReplacer("*", "", "`", "").Replace(cell)+" ", ". ")
	lower := strings.ToLower(sentence)
	if strings.HasPrefix(lower, "no edge") || strings.HasPrefix(lower, "no self edge") || strings.HasPrefix(lower, "there is no edge") {
		return []string{}, true
	}
	for _, m := range arrowOfRow.FindAllStringSubmatch(sentence, -1) {
		if m[3] == "" {
			m[3] = "1"
		}
		if m[4] == "" {
			m[4] = "0"
		}
		edges = append(edges, edgeOfRow(m[1], m[2], m[3], m[4]))
	}
	slices.Sort(edges)
	return slices.Compact(edges), len(edges) > 0
}

func edgeOfRow(from, to, calls, errors string) string {
	return fmt.Sprintf("%s→%s n%s e%s", from, to, calls, errors)
}
