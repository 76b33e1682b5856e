package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/exit"
	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/topologyreport"
	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/views"
)

// A survey is one run of graphviz-export topology.
type survey struct {
	*export
	json bool
	top  int
}

func newTopologyCommand(stdin io.Reader, stdout, stderr io.Writer) *cobra.Command {
	s := &survey{export: newExport(stdin, stdout, stderr)}
	cmd := &cobra.Command{
		Use:               "topology [flags] [FILE|-]...",
		Short:             "Print layers, cycles, single points of failure and blast radii",
		Long:              section("Topology"),
		Args:              cobra.ArbitraryArgs,
		ValidArgsFunction: completeFiles,
		RunE: func(cmd *cobra.Command, args []string) error {
			s.begin(cmd, args)
			return s.run(cmd.Context())
		},
	}
	s.tempo.addTo(cmd)
	s.prometheus.addTo(cmd)
	s.filter.addTo(cmd)
	s.graph.addTo(cmd)
	s.completeNodes(cmd)
	group(cmd, "Output", func(f *pflag.FlagSet) {
		f.BoolVar(&s.json, "json", false, "write the answers as JSON")
		f.IntVar(&s.top, "top", 20, "list at most `N` nodes, calls and single points of failure; 0: all")
		f.BoolVar(&s.allowEmpty, "allow-empty", false, "if nothing matches, write an empty answer and exit with 0")
		f.DurationVar(&s.timeout, "timeout", 0, "stop after `DURATION`: 90s, 5m (default: no limit)")
		f.BoolVarP(&s.stderr.Verbose, "verbose", "v", false, "verbose output")
		f.BoolVar(&s.stderr.Quiet, "quiet", false, "print neither a summary nor progress")
	})
	return cmd
}

func (s *survey) run(ctx context.Context) error {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	if s.top < 0 {
		return exit.Usagef("--top %d: want a number of nodes, or 0 for all", s.top)
	}
	steps, err := s.steps()
	if err != nil {
		return err
	}
	src, err := s.source()
	if err != nil {
		return err
	}
	defer src.Close()
	g, err := s.read(ctx, src, nil)
	if err != nil {
		return err
	}
	skipped := g.Report().Skipped
	if g.NumNodes() == 0 && !s.allowEmpty {
		return src.Empty()
	}
	g, notes, err := views.Apply(g, steps, s.allowEmpty, s.stderr.Warnf)
	if err != nil {
		return err
	}
	if g.NumNodes() == 0 && !s.allowEmpty {
		return exit.With(exit.Nothing, fmt.Errorf("no node is left: %s", strings.Join(notes, "; ")))
	}
	answers := topologyreport.Of(g, s.reach(src, g, steps))
	if s.json {
		err = answers.WriteJSON(s.stdout)
	} else {
		err = answers.WriteText(s.stdout, s.top)
	}
	if err != nil {
		return fmt.Errorf("writing the answers: %w", err)
	}
	for _, note := range src.WithNotes(notes) {
		s.stderr.Infof("%s", note)
	}
	s.warnLimit(src, g)
	if skipped > 0 {
		return exit.With(exit.Partial, fmt.Errorf("the graph is incomplete: %s, see above", missing(src, g)))
	}
	return nil
}
