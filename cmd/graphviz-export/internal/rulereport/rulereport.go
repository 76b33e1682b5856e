// Package rulereport writes the results of checked rules: for people, as JSON, as JUnit XML, and as
// workflow commands of GitHub.
package rulereport

import (
	"fmt"
	"io"
	"strings"

	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/graphtext"
	"github.com/tempograph/tempograph/internal/quantity"
	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/graphtest"
)

// A Report has the results of checked rules.
type Report struct {
	Graph *servicegraph.Graph
	Rules []Result
}

// A Result is a rule with its violations.
type Result struct {
	Text       string
	File       string // empty: the rule does not come from a single file
	Line       int
	Violations []graphtest.Violation
}

// Check checks each rule.
func Check(o *graphtest.Observed, rules []graphtest.Rule) Report {
	r := Report{Graph: o.Graph}
	for _, rule := range rules {
		result := Result{Text: rule.String(), Violations: graphtest.Violations(o, rule)}
		if has, ok := rule.(interface{ Position() (string, int) }); ok {
			result.File, result.Line = has.Position()
		}
		r.Rules = append(r.Rules, result)
	}
	return r
}

// Broken returns the number of broken rules.
func (r Report) Broken() (n int) {
	for _, rule := range r.Rules {
		if len(rule.Violations) > 0 {
			n++
		}
	}
	return n
}

// Writers are the functions that write a report, by format.
var Writers = map[string]func(io.Writer, Report) error{
	"text":   WriteText,
	"json":   WriteJSON,
	"junit":  WriteJUnit,
	"github": WriteGitHub,
}

// Formats are the formats of a report. The first is the default.
var Formats = []string{"text", "json", "junit", "github"}

// WriteText writes a report for people.
func WriteText(w io.Writer, r Report) error {
	if r.Broken() == 0 {
		_, err := fmt.Fprintf(w, "%s: all hold in %s\n", quantity.Of(len(r.Rules), "rule"), graphtext.Summary(r.Graph))
		return err
	}
	var all []graphtest.Violation
	for _, rule := range r.Rules {
		all = append(all, rule.Violations...)
	}
	_, err := io.WriteString(w, graphtest.Message(r.Graph, all, len(r.Rules)))
	return err
}

// details describes the violations of the rule.
func (r Result) details() string {
	var lines []string
	for _, v := range r.Violations {
		lines = append(lines, strings.Split(v.Message, "\n")...)
		for _, l := range v.Explanation {
			lines = append(lines, "  "+l)
		}
	}
	return strings.Join(lines, "\n")
}

// summary returns the first line of the first violation.
func (r Result) summary() string {
	first, _, _ := strings.Cut(r.Violations[0].Message, "\n")
	return first
}
