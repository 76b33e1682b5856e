package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/exit"
	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/graphtext"
	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/plaintable"
	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/source"
	"github.com/tempograph/tempograph/internal/quantity"
	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/critpath"
	"github.com/tempograph/tempograph/servicegraph/graphdiff"
	"github.com/tempograph/tempograph/servicegraph/graphtest"
	"github.com/tempograph/tempograph/servicegraph/render"
	"github.com/tempograph/tempograph/servicegraph/topology"
)

// An mcpServer is one run of graphviz-export mcp: it reads the traces once, and answers questions
// about them over the Model Context Protocol.
type mcpServer struct {
	*export
	base string

	src      source.Source
	observed *graphtest.Observed
	paths    critpath.Report
	before   *servicegraph.Graph // the graph of --base; nil: none
	reached  *topology.Reach     // nil if a graph is among the input
}

func newMCPCommand(stdin io.Reader, stdout, stderr io.Writer) *cobra.Command {
	m := &mcpServer{export: newExport(stdin, stdout, stderr)}
	cmd := &cobra.Command{
		Use:               "mcp [flags] [FILE]...",
		Short:             "Answer questions of language models over the Model Context Protocol",
		Long:              section("MCP"),
		Args:              cobra.ArbitraryArgs,
		ValidArgsFunction: completeFiles,
		RunE: func(cmd *cobra.Command, args []string) error {
			m.begin(cmd, args)
			return m.run(cmd.Context())
		},
	}
	m.tempo.addTo(cmd)
	m.graph.addLimitTo(cmd)
	group(cmd, "Diff", func(f *pflag.FlagSet) {
		f.StringVar(&m.base, "base", "", "compare with the traces or the graph in `FILE`, in the tool diff")
	})
	group(cmd, "Output", func(f *pflag.FlagSet) {
		f.BoolVarP(&m.stderr.Verbose, "verbose", "v", false, "verbose output")
		f.BoolVar(&m.stderr.Quiet, "quiet", false, "print no progress")
	})
	return cmd
}

func (m *mcpServer) run(ctx context.Context) error {
	if slices.Contains(m.files, "-") || len(m.files) == 0 && !m.given("tempo") && !hasTempo() {
		return exit.Usagef("mcp answers on standard input and output: name trace files, or set --tempo URL")
	}
	if err := m.load(ctx); err != nil {
		return err
	}
	in, ok := m.stdin.(io.ReadCloser)
	if !ok {
		in = io.NopCloser(m.stdin)
	}
	err := m.server().Run(ctx, patient{&mcp.IOTransport{Reader: in, Writer: unclosed{m.stdout}}})
	if err == nil || ctx.Err() != nil || errors.Is(err, io.EOF) {
		return nil
	}
	return fmt.Errorf("the Model Context Protocol on standard input and output: %w", err)
}

// load reads the traces, and the base of diffs.
func (m *mcpServer) load(ctx context.Context) error {
	if m.base != "" {
		base := *m.export
		base.files = []string{m.base}
		base.given = func(string) bool { return false }
		g, err := base.readSide(ctx, nil)
		if err != nil {
			return fmt.Errorf("base: %w", err)
		}
		m.before = g
	}
	src, err := m.source()
	if err != nil {
		return err
	}
	defer src.Close()
	m.src = src
	collector := critpath.NewCollector(critpath.Config{Spans: m.held})
	g, err := m.read(ctx, src, func(spans iter.Seq2[servicegraph.Span, error]) (*servicegraph.Graph, error) {
		o, err := graphtest.Observe(collected(spans, collector.Add), servicegraph.Config{})
		m.observed = o
		return o.Graph, err
	})
	if err != nil {
		return err
	}
	m.warnLimit(src, g)
	m.observed.Graph, m.paths = g, collector.Report()
	if !src.HoldsGraphs() {
		m.reached = new(topology.Reach)
		for t := range m.observed.Traces() {
			m.reached.Add(t)
		}
	}
	if g.NumNodes() == 0 {
		return exit.Reason(src.Empty())
	}
	return nil
}

// mostItems is the largest number of items in a list of an answer, and defaultItems the number
// if the argument limit is absent.
const (
	mostItems    = 200
	defaultItems = 50
)

// server returns the server with its tools.
func (m *mcpServer) server() *mcp.Server {
	s := mcp.NewServer(&mcp.Implementation{Name: "graphviz-export", Version: version()}, nil)
	tool := func(name, description string) *mcp.Tool {
		return &mcp.Tool{Name: name, Description: description, Annotations: &mcp.ToolAnnotations{ReadOnlyHint: true}}
	}
	addTool(s, tool("graph", "The service graph: nodes and edges with calls, errors and latencies, the busiest first."), m.graphTool)
	addTool(s, tool("neighbors", "The calls into and out of one node."), m.neighborsTool)
	addTool(s, tool("explain", "Why one node calls another, or why no such call was found, with example traces."), m.explainTool)
	addTool(s, tool("blast_radius", "Which entries, and how many requests, need one node or the calls between two nodes: counted in the traces, and at most."), m.blastTool)
	addTool(s, tool("critical_path", "What requests wait for: time on the critical path by node and call."), m.criticalTool)
	addTool(s, tool("check", "Check rules about who may call whom, one on each line, such as: never web -> db"), m.checkTool)
	addTool(s, tool("diff", "What changed against the base that the server was started with: new, gone, slower, failing; and on request why the diff says so."), m.diffTool)
	return s
}

// addTool adds a tool whose answer is an object.
func addTool[In, Out any](s *mcp.Server, t *mcp.Tool, answer func(In) (Out, error)) {
	mcp.AddTool(s, t, func(_ context.Context, _ *mcp.CallToolRequest, in In) (*mcp.CallToolResult, Out, error) {
		out, err := answer(in)
		return nil, out, err
	})
}

// The arguments and answers of the tools. Units are in the names of the fields.
type (
	mcpLimit struct {
		Limit int `json:"limit,omitempty" jsonschema:"the largest number of items in each list: 50 by default, 200 at most"`
	}
	mcpNode struct {
		Node  string `json:"node" jsonschema:"name of a node, as in the graph: namespace/name, or the name alone"`
		Limit int    `json:"limit,omitempty" jsonschema:"the largest number of items in each list: 50 by default, 200 at most"`
	}
	mcpTarget struct {
		Node  string `json:"node" jsonschema:"name of a node, as in the graph: namespace/name, or the name alone"`
		To    string `json:"to,omitempty" jsonschema:"name of a node that it calls: the answer is then about the calls from node to it; empty: about the node"`
		Limit int    `json:"limit,omitempty" jsonschema:"the largest number of items in each list: 50 by default, 200 at most"`
	}
	mcpPair struct {
		From string `json:"from" jsonschema:"name of the caller"`
		To   string `json:"to" jsonschema:"name of the callee"`
	}
	mcpRules struct {
		Rules string `json:"rules" jsonschema:"rules of graphviz-export check, one on each line"`
	}

	mcpGraph struct {
		Basis   string         `json:"basis" jsonschema:"what the answer rests on"`
		Nodes   []mcpGraphNode `json:"nodes" jsonschema:"the busiest first"`
		Edges   []mcpGraphEdge `json:"edges" jsonschema:"the busiest first"`
		LeftOut int            `json:"leftOutItems" jsonschema:"number of nodes and edges beyond the limit"`
	}
	mcpGraphNode struct {
		Node          string   `json:"node" jsonschema:"name of the node, with its type in brackets unless it is a service"`
		Type          string   `json:"type"`
		Requests      float64  `json:"requests" jsonschema:"number of requests, an estimate if spans are sampled"`
		EntryRequests float64  `json:"entryRequests" jsonschema:"number of the requests that come from outside"`
		ErrorRatio    float64  `json:"errorRatio" jsonschema:"failed requests divided by requests, from 0 to 1"`
		P95           *float64 `json:"p95Seconds" jsonschema:"95th percentile of the latency in seconds; null if unknown"`
	}
	mcpGraphEdge struct {
		From       string   `json:"from" jsonschema:"the caller"`
		To         string   `json:"to" jsonschema:"the callee"`
		Kind       string   `json:"kind" jsonschema:"request or message"`
		Calls      float64  `json:"calls" jsonschema:"number of calls, an estimate if spans are sampled"`
		ErrorRatio float64  `json:"errorRatio" jsonschema:"failed calls divided by calls, from 0 to 1"`
		P50        *float64 `json:"p50Seconds" jsonschema:"median of the latency in seconds; null if unknown"`
		P95        *float64 `json:"p95Seconds" jsonschema:"95th percentile of the latency in seconds; null if unknown"`
		MeasuredBy string   `json:"latencyMeasuredBy" jsonschema:"caller or callee; empty if the latency is unknown"`
	}
	mcpText struct {
		Basis   string   `json:"basis" jsonschema:"what the answer rests on"`
		Lines   []string `json:"lines" jsonschema:"the explanation, with units"`
		LeftOut int      `json:"leftOutLines" jsonschema:"number of lines beyond the limit"`
	}
	mcpBlast struct {
		Basis           string   `json:"basis" jsonschema:"what the answer rests on"`
		Entries         []string `json:"entries" jsonschema:"nodes with requests from outside that a failure can reach"`
		OfEntries       int      `json:"ofEntries" jsonschema:"number of all entries"`
		RequestsAtMost  *float64 `json:"requestsAtMost" jsonschema:"upper bound of the number of requests from outside that a failure can reach; null if the graph counts none"`
		OfEntryRequests float64  `json:"ofEntryRequests" jsonschema:"number of all requests from outside"`
		ShareAtMost     *float64 `json:"shareAtMost" jsonschema:"requestsAtMost divided by ofEntryRequests, from 0 to 1; null if the graph counts none"`
		Requests        *float64 `json:"exactRequests" jsonschema:"number of requests from outside that used the node or the calls, counted in the traces; null if the traces are not held. If nothing enters from outside, jobs that services begin by themselves are counted instead, and basis says so"`
		Share           *float64 `json:"exactShare" jsonschema:"exactRequests divided by the number of all of them, from 0 to 1; null if the traces are not held"`
		LeftOut         int      `json:"leftOutItems" jsonschema:"number of entries beyond the limit"`
	}
	mcpPaths struct {
		Basis   string    `json:"basis" jsonschema:"what the answer rests on"`
		Nodes   []mcpWait `json:"nodes" jsonschema:"the node with the most time first; the shares of all nodes add up to 1"`
		Calls   []mcpWait `json:"calls" jsonschema:"the call with the most time first; a call contains the calls below it"`
		LeftOut int       `json:"leftOutItems" jsonschema:"number of nodes and calls beyond the limit"`
	}
	mcpWait struct {
		What          string   `json:"what" jsonschema:"a node, or caller → callee"`
		Share         float64  `json:"shareOfRequestTime" jsonschema:"fraction of the time of all requests, from 0 to 1"`
		PerRequest    float64  `json:"secondsPerRequest" jsonschema:"mean time on the critical path of a request, in seconds"`
		SlowestTraces []string `json:"slowestTraces,omitempty" jsonschema:"ids of the traces with the most time in the call"`
	}
	mcpCheck struct {
		Basis      string   `json:"basis" jsonschema:"what the answer rests on"`
		Holds      bool     `json:"holds" jsonschema:"whether all rules hold"`
		Rules      int      `json:"rules" jsonschema:"number of rules"`
		Violations []string `json:"violations" jsonschema:"one text for each broken rule"`
		LeftOut    int      `json:"leftOutItems" jsonschema:"number of violations beyond the limit"`
	}
	mcpCompare struct {
		Explain string `json:"explain,omitempty" jsonschema:"explain the comparisons of the nodes and calls whose name contains this text: a node, or caller → callee as in changes"`
		Limit   int    `json:"limit,omitempty" jsonschema:"the largest number of items in each list: 50 by default, 200 at most"`
	}
	mcpDiff struct {
		Basis     string   `json:"basis" jsonschema:"what the answer rests on"`
		Base      string   `json:"base" jsonschema:"size and time of the base"`
		Head      string   `json:"head" jsonschema:"size and time of the graph that is compared with it"`
		Changes   []string `json:"changes" jsonschema:"one text for each change, with units"`
		Undecided []string `json:"notEnoughSamples" jsonschema:"differences with too few calls to tell whether they are changes"`
		Notes     []string `json:"notes" jsonschema:"what makes the comparison less exact"`
		Why       []string `json:"explanations" jsonschema:"why the diff reports what it was asked to explain, with units: values, the size of the change and its 95% interval, samples, probability, example traces"`
		LeftOut   int      `json:"leftOutItems" jsonschema:"number of texts beyond the limit"`
	}
)

// clipped returns the first items of a list, never nil, and adds the number of the others.
func clipped[T any](list []T, limit int, leftOut *int) []T {
	if limit <= 0 {
		limit = defaultItems
	}
	limit = min(limit, mostItems)
	if len(list) > limit {
		*leftOut += len(list) - limit
		list = list[:limit]
	}
	return append([]T{}, list...)
}

// longestText is the largest size of a text in an answer, in bytes.
const longestText = 2 << 10

// clippedTexts is clipped for texts, of which each is cut to longestText.
func clippedTexts(list []string, limit int, leftOut *int) []string {
	list = clipped(list, limit, leftOut)
	for i, text := range list {
		if len(text) > longestText {
			list[i] = strings.ToValidUTF8(text[:longestText], "") + "…"
		}
	}
	return list
}

// basis says what the answers about the graph rest on, and what makes the graph uncertain.
func (m *mcpServer) basis() string {
	g := m.observed.Graph
	return strings.Join(append([]string{"from " + graphtext.Summary(g) + " of " + m.src.Name}, render.Remarks(g)...), "; ")
}

// find returns the node with a name, which is its label, or shorter if only one node has it.
func (m *mcpServer) find(name string) (servicegraph.NodeID, error) {
	var found []servicegraph.NodeID
	for n := range m.observed.Nodes() {
		if graphtext.Label(n.ID) == name {
			return n.ID, nil
		}
		if n.ID.String() == name || n.ID.Name == name {
			found = append(found, n.ID)
		}
	}
	switch len(found) {
	case 0:
		return servicegraph.NodeID{}, fmt.Errorf("no node is named %q%s", name, graphtext.NameHint(m.observed.Graph, []string{name}))
	case 1:
		return found[0], nil
	}
	return servicegraph.NodeID{}, fmt.Errorf("%s are named %q: name one of %s", quantity.Of(len(found), "node"), name, strings.Join(graphtext.Labels(plaintable.First(found, 5)), ", "))
}

func nodeAnswer(n servicegraph.Node) mcpGraphNode {
	a := mcpGraphNode{Node: graphtext.Label(n.ID), Type: string(n.ID.Type), Requests: n.Requests.Calls, EntryRequests: n.Entries, ErrorRatio: n.Requests.ErrorRate()}
	if n.Requests.Latency.Count() > 0 {
		p95 := n.Requests.Latency.Quantile(0.95).Seconds()
		a.P95 = &p95
	}
	return a
}

func edgeAnswer(e servicegraph.Edge) mcpGraphEdge {
	a := mcpGraphEdge{From: graphtext.Label(e.ID.From), To: graphtext.Label(e.ID.To), Kind: string(e.ID.Kind), Calls: e.Calls, ErrorRatio: e.ErrorRate()}
	if l, by, ok := e.Latency(); ok {
		p50, p95 := l.Quantile(0.5).Seconds(), l.Quantile(0.95).Seconds()
		a.P50, a.P95, a.MeasuredBy = &p50, &p95, by.String()
	}
	return a
}

func (m *mcpServer) graphTool(in mcpLimit) (mcpGraph, error) {
	nodes, edges := slices.Collect(m.observed.Nodes()), slices.Collect(m.observed.Edges())
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

func (m *mcpServer) graphAnswer(nodes []servicegraph.Node, edges []servicegraph.Edge, limit int) mcpGraph {
	a := mcpGraph{Basis: m.basis(), Nodes: []mcpGraphNode{}, Edges: []mcpGraphEdge{}}
	for _, n := range clipped(nodes, limit, &a.LeftOut) {
		a.Nodes = append(a.Nodes, nodeAnswer(n))
	}
	for _, e := range clipped(edges, limit, &a.LeftOut) {
		a.Edges = append(a.Edges, edgeAnswer(e))
	}
	return a
}

func (m *mcpServer) neighborsTool(in mcpNode) (mcpGraph, error) {
	id, err := m.find(in.Node)
	if err != nil {
		return mcpGraph{}, err
	}
	n, _ := m.observed.Node(id)
	edges := slices.Collect(m.observed.In(id))
	for e := range m.observed.Out(id) {
		if e.ID.From != e.ID.To {
			edges = append(edges, e)
		}
	}
	return m.graphAnswer([]servicegraph.Node{n}, edges, in.Limit), nil
}

func (m *mcpServer) explainTool(in mcpPair) (mcpText, error) {
	from, err := m.find(in.From)
	if err != nil {
		return mcpText{}, err
	}
	to, err := m.find(in.To)
	if err != nil {
		return mcpText{}, err
	}
	a := mcpText{Basis: m.basis()}
	a.Lines = clippedTexts(strings.Split(strings.TrimSpace(m.observed.Explain(from, to).String()), "\n"), 0, &a.LeftOut)
	return a, nil
}

func (m *mcpServer) blastTool(in mcpTarget) (mcpBlast, error) {
	id, err := m.find(in.Node)
	if err != nil {
		return mcpBlast{}, err
	}
	var call topology.Call
	impact, known := topology.Impact{}, true
	graph := topology.New(m.observed.Graph, topology.Calls)
	if in.To == "" {
		impact, _ = graph.BlastRadius(id)
	} else {
		to, err := m.find(in.To)
		if err != nil {
			return mcpBlast{}, err
		}
		call = topology.Call{From: id, To: to}
		impact, known = graph.BlastRadiusOfCall(call)
	}
	if !known {
		return mcpBlast{}, fmt.Errorf("%s does not call %s: the tool explain tells why", graphtext.Label(call.From), graphtext.Label(call.To))
	}
	a := mcpBlast{
		Basis: m.basis() + "; the graph shows what can be reached, not what each request needs", OfEntries: impact.Of,
		OfEntryRequests: impact.Total,
	}
	if impact.Total > 0 {
		share := impact.Share()
		a.RequestsAtMost, a.ShareAtMost = &impact.Requests, &share
	}
	if m.reached != nil && m.reached.BlastRadius(id).Of > 0 {
		exact := m.reached.BlastRadius(id)
		if in.To != "" {
			exact = m.reached.BlastRadiusOfCall(call)
		}
		share := exact.Share()
		if impact.Total == 0 {
			a.OfEntries, a.OfEntryRequests = exact.Of, exact.Total
		}
		a.Requests, a.Share, a.Basis = &exact.Requests, &share, m.basis()+"; "+exactly(m.reached)
	}
	a.Entries = clipped(graphtext.Labels(impact.Entries), in.Limit, &a.LeftOut)
	return a, nil
}

func (m *mcpServer) criticalTool(in mcpLimit) (mcpPaths, error) {
	if m.paths.Traces == 0 {
		return mcpPaths{}, errors.New("there is no critical path: no trace has a finished root span, or the input is a graph, which holds sums and no traces")
	}
	a := mcpPaths{Basis: basis(m.paths), Nodes: []mcpWait{}, Calls: []mcpWait{}}
	wait := func(what string, t time.Duration) mcpWait {
		return mcpWait{What: what, Share: float64(t) / max(float64(m.paths.Time), 1), PerRequest: t.Seconds() / max(float64(m.paths.Traces), 1)}
	}
	for _, n := range clipped(m.paths.Nodes, in.Limit, &a.LeftOut) {
		a.Nodes = append(a.Nodes, wait(graphtext.Label(n.Node), n.Time.All))
	}
	for _, c := range clipped(m.paths.Calls, in.Limit, &a.LeftOut) {
		w := wait(graphtext.Label(c.From)+" → "+graphtext.Label(c.To), c.Time.All)
		for _, x := range c.Slowest {
			w.SlowestTraces = append(w.SlowestTraces, x.TraceID.String())
		}
		a.Calls = append(a.Calls, w)
	}
	return a, nil
}

func (m *mcpServer) checkTool(in mcpRules) (mcpCheck, error) {
	rules, err := graphtest.Parse("rules", in.Rules)
	if err != nil {
		return mcpCheck{}, err
	}
	if len(rules) == 0 {
		return mcpCheck{}, errors.New("no rules: write one on each line, such as: never web -> db")
	}
	a := mcpCheck{Basis: m.basis(), Rules: len(rules)}
	var violations []string
	for _, v := range graphtest.Violations(m.observed, rules...) {
		violations = append(violations, v.Rule+": "+v.Message)
	}
	a.Holds = len(violations) == 0
	a.Violations = clippedTexts(violations, 0, &a.LeftOut)
	return a, nil
}

func (m *mcpServer) diffTool(in mcpCompare) (mcpDiff, error) {
	if m.before == nil {
		return mcpDiff{}, errors.New("there is no base to compare with: start graphviz-export mcp with --base FILE")
	}
	d, err := graphdiff.Compare(m.before, m.observed.Graph, graphdiff.Config{})
	if err != nil {
		return mcpDiff{}, fmt.Errorf("not compared: %w", err)
	}
	a := mcpDiff{Basis: d.Basis(), Base: d.Base.String(), Head: d.Head.String()}
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
		why = explanations(d, func(name string) bool { return strings.Contains(name, in.Explain) })
		if len(why) == 0 {
			return mcpDiff{}, fmt.Errorf("no node and no call has a name that contains %q", in.Explain)
		}
	}
	a.Why = clippedTexts(why, in.Limit, &a.LeftOut)
	return a, nil
}
