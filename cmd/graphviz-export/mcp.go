package main

import (
	"context"
	"fmt"
	"io"
	"iter"
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/entryreach"
	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/exit"
	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/mcpserver"
	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/critpath"
	"github.com/tempograph/tempograph/servicegraph/graphtest"
)

// An mcpServer is one run of graphviz-export mcp: it reads the traces once, and answers questions
// about them over the Model Context Protocol.
type mcpServer struct {
	*export
	base string

	answers mcpserver.Server
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
	return m.answers.Run(ctx, in, m.stdout)
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
		m.answers.Base = g
	}
	src, err := m.source()
	if err != nil {
		return err
	}
	defer src.Close()
	m.answers.Version, m.answers.Source = version(), src.Name
	collector := critpath.NewCollector(critpath.Config{Spans: heldPaths(m.held)})
	g, err := m.read(ctx, src, func(spans iter.Seq2[servicegraph.Span, error]) (*servicegraph.Graph, error) {
		o, err := graphtest.Observe(collected(spans, collector.Add), servicegraph.Config{})
		m.answers.Observed = o
		return o.Graph, err
	})
	if err != nil {
		return err
	}
	m.warnLimit(src, g)
	m.answers.Observed.Graph, m.answers.Paths = g, collector.Report()
	if !src.HoldsGraphs() {
		m.answers.Reach = entryreach.Count(m.answers.Observed.Traces())
	}
	if g.NumNodes() == 0 {
		return exit.Reason(src.Empty())
	}
	return nil
}
