package mcpserver

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/diffreport"
	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/entryreach"
	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/graphtext"
	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/pathreport"
	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/graphdiff"
	"github.com/tempograph/tempograph/servicegraph/graphtest"
	"github.com/tempograph/tempograph/servicegraph/topology"
)

func (m *Server) graphTool(in limitArgs) (graphResult, error) {
	nodes, edges := slices.Collect(m.Observed.Nodes()), slices.Collect(m.Observed.Edges())
	slices.SortStableFunc(nodes, func(a, b servicegraph.Node) int { return compareFalling(a.Requests.Calls, b.Requests.Calls) })
	slices.SortStableFunc(edges, func(a, b servicegraph.Edge) int { return compareFalling(a.Calls, b.Calls) })
	return m.graphAnswer(nodes, edges, in.Limit), nil
}

func compareFalling(a, b float64) int {
	switch {
	case a > b:
		return -1
	case a < b:
		return 1
	}
	return 0
}

func (m *Server) graphAnswer(nodes []servicegraph.Node, edges []servicegraph.Edge, limit int) graphResult {
	a := graphResult{Basis: m.basis(), Nodes: []nodeResult{}, Edges: []edgeResult{}}
	for _, n := range clipped(nodes, limit, &a.LeftOut) {
		a.Nodes = append(a.Nodes, nodeAnswer(n))
	}
	for _, e := range clipped(edges, limit, &a.LeftOut) {
		a.Edges = append(a.Edges, edgeAnswer(e))
	}
	return a
}

func (m *Server) neighborsTool(in nodeArgs) (graphResult, error) {
	id, err := m.find(in.Node)
	if err != nil {
		return graphResult{}, err
	}
	n, _ := m.Observed.Node(id)
	edges := slices.Collect(m.Observed.In(id))
	for e := range m.Observed.Out(id) {
		if e.ID.From != e.ID.To {
			edges = append(edges, e)
		}
	}
	return m.graphAnswer([]servicegraph.Node{n}, edges, in.Limit), nil
}

func (m *Server) explainTool(in pairArgs) (textResult, error) {
	from, err := m.find(in.From)
	if err != nil {
		return textResult{}, err
	}
	to, err := m.find(in.To)
	if err != nil {
		return textResult{}, err
	}
	a := textResult{Basis: m.basis()}
	a.Lines = clippedTexts(strings.Split(strings.TrimSpace(m.Observed.Explain(from, to).String()), "\n"), 0, &a.LeftOut)
	return a, nil
}

func (m *Server) blastTool(in targetArgs) (blastResult, error) {
	id, err := m.find(in.Node)
	if err != nil {
		return blastResult{}, err
	}
	var call topology.Call
	impact, known := topology.Impact{}, true
	graph := topology.New(m.Observed.Graph, topology.Calls)
	if in.To == "" {
		impact, _ = graph.BlastRadius(id)
	} else {
		to, err := m.find(in.To)
		if err != nil {
			return blastResult{}, err
		}
		call = topology.Call{From: id, To: to}
		impact, known = graph.BlastRadiusOfCall(call)
	}
	if !known {
		return blastResult{}, fmt.Errorf("%s does not call %s: the tool explain tells why", graphtext.Label(call.From), graphtext.Label(call.To))
	}
	a := blastResult{
		Basis: m.basis() + "; the graph shows which nodes can be reached, not which nodes each request needs", OfEntries: impact.Of,
		OfEntryRequests: impact.Total,
	}
	if impact.Total > 0 {
		share := impact.Share()
		a.RequestsAtMost, a.ShareAtMost = &impact.Requests, &share
	}
	if m.Reach != nil && m.Reach.BlastRadius(id).Of > 0 {
		exact := m.Reach.BlastRadius(id)
		if in.To != "" {
			exact = m.Reach.BlastRadiusOfCall(call)
		}
		share := exact.Share()
		if impact.Total == 0 {
			a.OfEntries, a.OfEntryRequests = exact.Of, exact.Total
		}
		a.Requests, a.Share, a.Basis = &exact.Requests, &share, m.basis()+"; "+entryreach.Basis(m.Reach)
	}
	a.Entries = clipped(graphtext.Labels(impact.Entries), in.Limit, &a.LeftOut)
	return a, nil
}

func (m *Server) criticalTool(in limitArgs) (pathsResult, error) {
	if m.Paths.Traces == 0 {
		return pathsResult{}, errors.New("there is no critical path: no trace has a finished root span, or the input is a graph, which holds sums and no traces")
	}
	a := pathsResult{Basis: pathreport.Basis(m.Paths, m.Observed.Graph.Report()), Nodes: []waitResult{}, Calls: []waitResult{}}
	wait := func(what string, t time.Duration) waitResult {
		return waitResult{What: what, Share: float64(t) / max(float64(m.Paths.Time), 1), PerRequest: t.Seconds() / max(float64(m.Paths.Traces), 1)}
	}
	for _, n := range clipped(m.Paths.Nodes, in.Limit, &a.LeftOut) {
		a.Nodes = append(a.Nodes, wait(graphtext.Label(n.Node), n.Time.All))
	}
	for _, c := range clipped(m.Paths.Calls, in.Limit, &a.LeftOut) {
		w := wait(graphtext.Label(c.From)+" → "+graphtext.Label(c.To), c.Time.All)
		for _, x := range c.Slowest {
			w.SlowestTraces = append(w.SlowestTraces, x.TraceID.String())
		}
		a.Calls = append(a.Calls, w)
	}
	return a, nil
}

func (m *Server) checkTool(in rulesArgs) (checkResult, error) {
	rules, err := graphtest.Parse("rules", in.Rules)
	if err != nil {
		return checkResult{}, err
	}
	if len(rules) == 0 {
		return checkResult{}, errors.New("no rules: write one on each line, such as: never web -> db")
	}
	a := checkResult{Basis: m.basis(), Rules: len(rules)}
	var violations []string
	for _, v := range graphtest.Violations(m.Observed, rules...) {
		violations = append(violations, v.Rule+": "+v.Message)
	}
	a.Holds = len(violations) == 0
	a.Violations = clippedTexts(violations, 0, &a.LeftOut)
	return a, nil
}

func (m *Server) diffTool(in compareArgs) (diffResult, error) {
	if m.Base == nil {
		return diffResult{}, errors.New("there is no base to compare with: start graphviz-export mcp with --base FILE")
	}
	d, err := graphdiff.Compare(m.Base, m.Observed.Graph, graphdiff.Config{})
	if err != nil {
		return diffResult{}, fmt.Errorf("not compared: %w", err)
	}
	a := diffResult{Basis: d.Basis(), Base: d.Base.String(), Head: d.Head.String()}
	texts := func(list []graphdiff.Finding) (out []string) {
		for _, f := range list {
			out = append(out, f.String())
		}
		return out
	}
	a.Changes = clippedTexts(texts(d.Findings()), in.Limit, &a.LeftOut)
	a.Undecided = clippedTexts(texts(d.Undecided()), in.Limit, &a.LeftOut)
	notes := slices.Clone(d.Notes)
	for _, r := range d.Renamed {
		notes = append(notes, fmt.Sprintf("%s and %s have the same callers and callees: probably one node that was renamed", graphtext.Label(r.From), graphtext.Label(r.To)))
	}
	a.Notes = clippedTexts(notes, in.Limit, &a.LeftOut)
	var why []string
	if in.Explain != "" {
		why = diffreport.Explain(d, func(name string) bool { return strings.Contains(name, in.Explain) })
		if len(why) == 0 {
			return diffResult{}, fmt.Errorf("no node and no call has a name that contains %q%s", in.Explain, diffreport.DidYouMean(d, in.Explain))
		}
	}
	a.Why = clippedTexts(why, in.Limit, &a.LeftOut)
	return a, nil
}
