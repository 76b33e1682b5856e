package rulereport

import (
	"encoding/json"
	"io"
	"slices"
)

// A report in JSON.
type (
	jsonReport struct {
		Holds         bool       `json:"holds"`
		Traces        uint64     `json:"traces"`
		LeftOutTraces uint64     `json:"leftOutTraces,omitempty"` // at least so many traces exceeded --limit
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
		Missing     []jsonEdge `json:"missing,omitempty"` // edges that the rule requires and the graph lacks
		Explanation []string   `json:"explanation,omitempty"`
	}
	jsonEdge struct {
		From   string   `json:"from"`
		To     string   `json:"to"`
		Kind   string   `json:"kind,omitempty"`
		Traces []string `json:"traces,omitempty"` // examples
	}
)

// WriteJSON writes a report for programs.
func WriteJSON(w io.Writer, r Report) error {
	report := r.Graph.Report()
	doc := jsonReport{Holds: r.Broken() == 0, Traces: report.Traces, LeftOutTraces: report.LeftOutTraces, Limited: report.Limited, Spans: report.Spans, Rules: []jsonRule{}}
	for _, rule := range r.Rules {
		j := jsonRule{Rule: rule.Text, File: rule.File, Line: rule.Line, Holds: len(rule.Violations) == 0}
		for _, v := range rule.Violations {
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
