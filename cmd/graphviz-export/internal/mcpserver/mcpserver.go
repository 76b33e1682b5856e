// Package mcpserver answers questions about a graph over the Model Context Protocol.
package mcpserver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/graphtext"
	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/plaintable"
	"github.com/tempograph/tempograph/internal/quantity"
	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/critpath"
	"github.com/tempograph/tempograph/servicegraph/graphtest"
	"github.com/tempograph/tempograph/servicegraph/render"
	"github.com/tempograph/tempograph/servicegraph/topology"
)

// A Server answers questions about the graph of traces that were read.
type Server struct {
	Version  string // of the program
	Source   string // the name of what was read
	Observed *graphtest.Observed
	Paths    critpath.Report
	Base     *servicegraph.Graph // for the tool diff; nil: none
	Reach    *topology.Reach     // nil if a graph is among the input
}

// Run answers requests until the input ends. The end of the input is not an error.
func (m *Server) Run(ctx context.Context, in io.ReadCloser, out io.Writer) error {
	err := m.server().Run(ctx, patient{&mcp.IOTransport{Reader: in, Writer: unclosed{out}}})
	if err == nil || ctx.Err() != nil || errors.Is(err, io.EOF) {
		return nil
	}
	return fmt.Errorf("the Model Context Protocol on standard input and output: %w", err)
}

// server returns the server with its tools.
func (m *Server) server() *mcp.Server {
	s := mcp.NewServer(&mcp.Implementation{Name: "graphviz-export", Version: m.Version}, nil)
	tool := func(name, description string) *mcp.Tool {
		return &mcp.Tool{Name: name, Description: description, Annotations: &mcp.ToolAnnotations{ReadOnlyHint: true}}
	}
	addTool(s, tool("graph", "The service graph: nodes and edges with calls, errors and latencies, the busiest first."), m.graphTool)
	addTool(s, tool("neighbors", "The calls into and out of one node."), m.neighborsTool)
	addTool(s, tool("explain", "Why one node calls another, or why it does not, with example traces."), m.explainTool)
	addTool(s, tool("blast_radius", "Which entries, and how many requests from outside, a failure of one node or of the calls between two nodes can reach: the exact number from the traces, and an upper bound."), m.blastTool)
	addTool(s, tool("critical_path", "What requests wait for: time on the critical path by node and call."), m.criticalTool)
	addTool(s, tool("check", "Check rules about who may call whom, one on each line, such as: never web -> db"), m.checkTool)
	addTool(s, tool("diff", "What changed since the base that the server was started with: what is new, gone, slower or failing more often. With the argument explain, also why the diff reports a change."), m.diffTool)
	return s
}

// addTool adds a tool whose answer is a JSON object.
func addTool[In, Out any](s *mcp.Server, t *mcp.Tool, answer func(In) (Out, error)) {
	mcp.AddTool(s, t, func(_ context.Context, _ *mcp.CallToolRequest, in In) (*mcp.CallToolResult, Out, error) {
		out, err := answer(in)
		return nil, out, err
	})
}

// basis returns a text that says which traces the answers about the graph come from, and what makes
// the graph uncertain.
func (m *Server) basis() string {
	g := m.Observed.Graph
	return strings.Join(append([]string{"from " + graphtext.Summary(g) + " of " + m.Source}, render.Remarks(g)...), "; ")
}

// find returns the node with a name. The name is the label of the node. The namespace and the type
// may be left out if only one node has the rest of the label.
func (m *Server) find(name string) (servicegraph.NodeID, error) {
	var found []servicegraph.NodeID
	for n := range m.Observed.Nodes() {
		if graphtext.Label(n.ID) == name {
			return n.ID, nil
		}
		if n.ID.String() == name || n.ID.Name == name {
			found = append(found, n.ID)
		}
	}
	switch len(found) {
	case 0:
		return servicegraph.NodeID{}, fmt.Errorf("no node is named %q%s", name, graphtext.NameHint(m.Observed.Graph, []string{name}))
	case 1:
		return found[0], nil
	}
	return servicegraph.NodeID{}, fmt.Errorf("%s are named %q: name one of %s", quantity.Of(len(found), "node"), name, strings.Join(graphtext.Labels(plaintable.First(found, 5)), ", "))
}

func nodeAnswer(n servicegraph.Node) nodeResult {
	a := nodeResult{Node: graphtext.Label(n.ID), Type: string(n.ID.Type), Requests: n.Requests.Calls, EntryRequests: n.Entries, ErrorRatio: n.Requests.ErrorRate()}
	if n.Requests.Latency.Count() > 0 {
		p95 := n.Requests.Latency.Quantile(0.95).Seconds()
		a.P95 = &p95
	}
	return a
}

func edgeAnswer(e servicegraph.Edge) edgeResult {
	a := edgeResult{From: graphtext.Label(e.ID.From), To: graphtext.Label(e.ID.To), Kind: string(e.ID.Kind), Calls: e.Calls, ErrorRatio: e.ErrorRate()}
	if l, by, ok := e.Latency(); ok {
		p50, p95 := l.Quantile(0.5).Seconds(), l.Quantile(0.95).Seconds()
		a.P50, a.P95, a.MeasuredBy = &p50, &p95, by.String()
	}
	return a
}
