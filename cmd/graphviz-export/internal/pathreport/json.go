package pathreport

import (
	"encoding/json"
	"io"
	"time"

	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/graphtext"
	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/critpath"
)

// A report in JSON. Times are in nanoseconds. The name of a node other than a service has its type
// in brackets.
type (
	jsonCritical struct {
		Basis      string         `json:"basis"`
		Traces     uint64         `json:"traces"`
		Rootless   uint64         `json:"tracesWithoutRoot"`
		Early      uint64         `json:"tracesFinishedEarly"`
		Spans      uint64         `json:"spans"`
		Late       uint64         `json:"lateSpans"`
		Sampled    uint64         `json:"sampledSpans"`
		Folded     uint64         `json:"countedAsOther"`
		LongNames  uint64         `json:"longNames"`
		Coarse     uint64         `json:"countedRoughly"`
		Time       int64          `json:"timeNs"`
		Entries    []jsonEntry    `json:"entries"`
		Nodes      []jsonTime     `json:"nodes"`
		Calls      []jsonCallTime `json:"calls"`
		Operations []jsonTime     `json:"operations"`
		WhatIf     []jsonAnswer   `json:"whatIf"`
	}
	jsonEntry struct {
		Node      string `json:"node"`
		Operation string `json:"operation"`
		Requests  uint64 `json:"requests"`
		Time      int64  `json:"timeNs"`
		Slow      int64  `json:"slowNs"`
		P50       int64  `json:"p50Ns"`
		P95       int64  `json:"p95Ns"`
		P99       int64  `json:"p99Ns"`
	}
	jsonTime struct {
		Node      string  `json:"node"`
		Operation string  `json:"operation,omitempty"`
		Time      int64   `json:"timeNs"`
		Slow      int64   `json:"slowNs"`
		Share     float64 `json:"share"`
	}
	jsonCallTime struct {
		From           string          `json:"from"`
		To             string          `json:"to"`
		Time           int64           `json:"timeNs"`
		Slow           int64           `json:"slowNs"`
		Share          float64         `json:"share"`
		Traces         uint64          `json:"traces"`
		Network        int64           `json:"networkNs"`
		OffPath        uint64          `json:"offPath"`
		MinSlack       int64           `json:"minSlackNs"`
		MeanSlack      int64           `json:"meanSlackNs"`
		Suppressed     uint64          `json:"suppressedErrors"`
		SuppressedTime int64           `json:"suppressedNs"`
		Slowest        []jsonSlowTrace `json:"slowest"`
	}
	jsonSlowTrace struct {
		Trace string `json:"trace"`
		Time  int64  `json:"timeNs"`
	}
	jsonAnswer struct {
		Node    string       `json:"node"`
		Less    int64        `json:"lessNs"`
		Entries []jsonSaving `json:"entries"`
	}
	jsonSaving struct {
		Node      string `json:"node"`
		Operation string `json:"operation"`
		Mean      int64  `json:"meanNs"`
		P50       int64  `json:"p50Ns"`
		P95       int64  `json:"p95Ns"`
	}
)

// WriteJSON writes a report for programs.
func WriteJSON(w io.Writer, r critpath.Report, read servicegraph.Report) error {
	share := func(t time.Duration) float64 {
		if r.Time == 0 {
			return 0
		}
		return float64(t) / float64(r.Time)
	}
	doc := jsonCritical{
		Basis: Basis(r, read), Traces: r.Traces, Rootless: r.Rootless, Early: r.Early, Spans: r.Spans, Late: r.Late, Sampled: r.Sampled, Folded: r.Folded, LongNames: r.LongNames, Coarse: r.Coarse, Time: int64(r.Time),
		Entries: []jsonEntry{}, Nodes: []jsonTime{}, Calls: []jsonCallTime{}, Operations: []jsonTime{}, WhatIf: []jsonAnswer{},
	}
	for _, e := range r.Entries {
		doc.Entries = append(doc.Entries, jsonEntry{graphtext.Label(e.Node), e.Operation, e.Requests, int64(e.Time.All), int64(e.Time.Slow), int64(e.P50), int64(e.P95), int64(e.P99)})
	}
	for _, n := range r.Nodes {
		doc.Nodes = append(doc.Nodes, jsonTime{graphtext.Label(n.Node), "", int64(n.Time.All), int64(n.Time.Slow), share(n.Time.All)})
	}
	for _, o := range r.Operations {
		doc.Operations = append(doc.Operations, jsonTime{graphtext.Label(o.Node), o.Name, int64(o.Time.All), int64(o.Time.Slow), share(o.Time.All)})
	}
	for _, x := range r.Calls {
		j := jsonCallTime{
			graphtext.Label(x.From), graphtext.Label(x.To), int64(x.Time.All), int64(x.Time.Slow), share(x.Time.All), x.Traces, int64(x.Network),
			x.OffPath, int64(x.MinSlack), int64(x.MeanSlack), x.Suppressed, int64(x.SuppressedTime), []jsonSlowTrace{},
		}
		for _, s := range x.Slowest {
			j.Slowest = append(j.Slowest, jsonSlowTrace{s.TraceID.String(), int64(s.Time)})
		}
		doc.Calls = append(doc.Calls, j)
	}
	for _, a := range r.Answers {
		j := jsonAnswer{graphtext.Label(a.Node), int64(a.Less), []jsonSaving{}}
		for _, s := range a.Entries {
			j.Entries = append(j.Entries, jsonSaving{graphtext.Label(s.Node), s.Operation, int64(s.Mean), int64(s.P50), int64(s.P95)})
		}
		doc.WhatIf = append(doc.WhatIf, j)
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(doc)
}
