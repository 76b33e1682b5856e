package main

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/graphtext"
	"github.com/tempograph/tempograph/internal/quantity"
	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/graphtest"
)

// A ruleReport is the result of a check.
type ruleReport struct {
	graph *servicegraph.Graph
	rules []ruleResult
}

// A ruleResult is a rule with its violations.
type ruleResult struct {
	text       string
	file       string // empty: the rule does not come from a single file
	line       int
	violations []graphtest.Violation
}

// reportOn checks each rule.
func reportOn(o *graphtest.Observed, rules []graphtest.Rule) ruleReport {
	r := ruleReport{graph: o.Graph}
	for _, rule := range rules {
		result := ruleResult{text: rule.String(), violations: graphtest.Violations(o, rule)}
		if has, ok := rule.(interface{ Position() (string, int) }); ok {
			result.file, result.line = has.Position()
		}
		r.rules = append(r.rules, result)
	}
	return r
}

// broken returns the number of broken rules.
func (r ruleReport) broken() (n int) {
	for _, rule := range r.rules {
		if len(rule.violations) > 0 {
			n++
		}
	}
	return n
}

// reports are the functions that write a report, by format.
var reports = map[string]func(io.Writer, ruleReport) error{
	"text":   writeText,
	"json":   writeJSON,
	"junit":  writeJUnit,
	"github": writeGitHub,
}

// reportFormats are the formats of a report. The first is the default.
var reportFormats = []string{"text", "json", "junit", "github"}

func writeText(w io.Writer, r ruleReport) error {
	if r.broken() == 0 {
		_, err := fmt.Fprintf(w, "%s: all hold in %s\n", quantity.Of(len(r.rules), "rule"), graphtext.Summary(r.graph))
		return err
	}
	var all []graphtest.Violation
	for _, rule := range r.rules {
		all = append(all, rule.violations...)
	}
	_, err := io.WriteString(w, graphtest.Message(r.graph, all, len(r.rules)))
	return err
}

// A report in JSON.
type (
	jsonReport struct {
		Holds         bool       `json:"holds"`
		Traces        uint64     `json:"traces"`
		LeftOutTraces uint64     `json:"leftOutTraces,omitempty"` // beyond --limit, at least
		Limited       string     `json:"limited,omitempty"`       // which traces --limit let through
		Spans         uint64     `json:"spans"`
		Rules         []jsonRule `json:"rules"`
	}
	jsonRule struct {
		Rule       string          `json:"rule"`
		File       string          `json:"file,omitempty"`
		Line       int             `json:"line,omitempty"`
		Holds      bool            `json:"holds"`
		Violations []jsonViolation `json:"violations,omitempty"`
	}
	jsonViolation struct {
		Message     string     `json:"message"`
		Edges       []jsonEdge `json:"edges,omitempty"`   // edges of the graph that break the rule
		Missing     []jsonEdge `json:"missing,omitempty"` // edges that the rule wants and the graph lacks
		Explanation []string   `json:"explanation,omitempty"`
	}
	jsonEdge struct {
		From   string   `json:"from"`
		To     string   `json:"to"`
		Kind   string   `json:"kind,omitempty"`
		Traces []string `json:"traces,omitempty"` // examples
	}
)

func writeJSON(w io.Writer, r ruleReport) error {
	report := r.graph.Report()
	doc := jsonReport{Holds: r.broken() == 0, Traces: report.Traces, LeftOutTraces: report.LeftOutTraces, Limited: report.Limited, Spans: report.Spans, Rules: []jsonRule{}}
	for _, rule := range r.rules {
		j := jsonRule{Rule: rule.text, File: rule.file, Line: rule.line, Holds: len(rule.violations) == 0}
		for _, v := range rule.violations {
			jv := jsonViolation{Message: v.Message, Explanation: v.Explanation}
			for _, e := range v.Edges {
				je := jsonEdge{From: e.ID.From.String(), To: e.ID.To.String(), Kind: string(e.ID.Kind)}
				for _, x := range e.Slowest {
					if id := x.TraceID.String(); !slices.Contains(je.Traces, id) {
						je.Traces = append(je.Traces, id)
					}
				}
				jv.Edges = append(jv.Edges, je)
			}
			for _, id := range v.Missing {
				jv.Missing = append(jv.Missing, jsonEdge{From: id.From.String(), To: id.To.String()})
			}
			j.Violations = append(j.Violations, jv)
		}
		doc.Rules = append(doc.Rules, j)
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(doc)
}

// details describes the violations of the rule.
func (r ruleResult) details() string {
	var lines []string
	for _, v := range r.violations {
		lines = append(lines, strings.Split(v.Message, "\n")...)
		for _, l := range v.Explanation {
			lines = append(lines, "  "+l)
		}
	}
	return strings.Join(lines, "\n")
}

// summary returns the first line of the first violation.
func (r ruleResult) summary() string {
	first, _, _ := strings.Cut(r.violations[0].Message, "\n")
	return first
}

// A report in the JUnit format of CI systems: a suite with one test case per rule.
type (
	junitSuites struct {
		XMLName xml.Name   `xml:"testsuites"`
		Suite   junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name     string      `xml:"name,attr"`
		Tests    int         `xml:"tests,attr"`
		Failures int         `xml:"failures,attr"`
		Cases    []junitCase `xml:"testcase"`
		Output   string      `xml:"system-out"`
	}
	junitCase struct {
		Name    string        `xml:"name,attr"`
		Class   string        `xml:"classname,attr"`
		File    string        `xml:"file,attr,omitempty"`
		Line    int           `xml:"line,attr,omitempty"`
		Failure *junitFailure `xml:"failure"`
	}
	junitFailure struct {
		Message string `xml:"message,attr"`
		Text    string `xml:",chardata"`
	}
)

func writeJUnit(w io.Writer, r ruleReport) error {
	suite := junitSuite{Name: "service graph", Tests: len(r.rules), Failures: r.broken(), Output: "observed in " + graphtext.Summary(r.graph)}
	for _, rule := range r.rules {
		c := junitCase{Name: rule.text, Class: "graphviz-export.check", File: rule.file, Line: rule.line}
		if len(rule.violations) > 0 {
			c.Failure = &junitFailure{Message: rule.summary(), Text: rule.details()}
		}
		suite.Cases = append(suite.Cases, c)
	}
	doc, err := xml.MarshalIndent(junitSuites{Suite: suite}, "", "  ")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s%s\n", xml.Header, doc)
	return err
}

// writeGitHub writes workflow commands: GitHub shows an error at the line of each broken
// rule, among the changes of a pull request.
func writeGitHub(w io.Writer, r ruleReport) error {
	var b strings.Builder
	for _, rule := range r.rules {
		if len(rule.violations) == 0 {
			continue
		}
		b.WriteString("::error ")
		if rule.file != "" {
			fmt.Fprintf(&b, "file=%s,line=%d,", githubProperty(rule.file), rule.line)
		}
		fmt.Fprintf(&b, "title=%s::%s\n", githubProperty(rule.text), githubData(rule.details()))
	}
	switch {
	case r.broken() == 0:
		fmt.Fprintf(&b, "::notice title=service graph::%s\n", githubData(quantity.Of(len(r.rules), "rule")+": all hold in "+graphtext.Summary(r.graph)))
	case r.graph.Report().LeftOutTraces > 0:
		fmt.Fprintf(&b, "::warning title=service graph::%s\n", githubData("observed in "+graphtext.Summary(r.graph)))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// githubData and githubProperty escape characters that would end a workflow command or one of
// its properties.
func githubData(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(s)
}

func githubProperty(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C").Replace(s)
}
