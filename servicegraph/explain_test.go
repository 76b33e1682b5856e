package servicegraph_test

import (
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	sg "github.com/tempograph/tempograph/servicegraph"
)

// TestExplain runs every file of testdata/explain: spans, and a section "FROM to TO" with
// the explanation of the two nodes.
func TestExplain(t *testing.T) {
	runScenarios(t, "explain", func(t *testing.T, given []txtar.File, last string) string {
		from, to, ok := strings.Cut(last, " to ")
		if !ok {
			t.Fatalf("section %q, want FROM to TO", last)
		}
		text := section(t, given, 0, "spans")
		b := sg.NewBuilder(sg.Config{})
		for _, s := range mustParse(t, text) {
			b.Add(s)
		}
		return strings.NewReplacer(hexNames(text)...).Replace(b.Explain(service(from), service(to)).String())
	})
}

// hexNames pairs the ids of the spans, as hexadecimal digits, with their names in
// the scenario.
func hexNames(spans string) (pairs []string) {
	for line := range strings.Lines(spans) {
		if words := strings.Fields(line); len(words) > 2 {
			name, _, _ := strings.Cut(words[2], "<")
			trace, span := parseID(name)
			traceName, spanName, found := strings.Cut(name, ":")
			if !found {
				traceName, spanName = "trace", name
			}
			pairs = append(pairs, trace.String(), traceName, span.String(), spanName)
		}
	}
	return pairs
}
