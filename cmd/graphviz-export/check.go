package main

import (
	"context"
	"fmt"
	"io"
	"iter"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/exit"
	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/rulereport"
	"github.com/tempograph/tempograph/internal/quantity"
	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/graphtest"
)

// A check is one run of graphviz-export check.
type check struct {
	*export
	rulesFiles []string
	goldens    []string
	report     choice
}

func newCheckCommand(stdin io.Reader, stdout, stderr io.Writer) *cobra.Command {
	c := &check{export: newExport(stdin, stdout, stderr), report: choice{"text", "FORMAT", rulereport.Formats}}
	cmd := &cobra.Command{
		Use:               "check --rules FILE [flags] [FILE|-]...",
		Short:             "Check rules about who may call whom",
		Long:              section("Rules"),
		Args:              cobra.ArbitraryArgs,
		ValidArgsFunction: completeFiles,
		RunE: func(cmd *cobra.Command, args []string) error {
			c.begin(cmd, args)
			return c.run(cmd.Context())
		},
	}
	group(cmd, "Rules", func(f *pflag.FlagSet) {
		f.StringArrayVar(&c.rulesFiles, "rules", nil, "check the rules in `FILE`; repeatable")
		f.StringArrayVar(&c.goldens, "golden", nil, "check the golden topology in `FILE`; repeatable")
	})
	c.tempo.addTo(cmd)
	c.prometheus.addTo(cmd)
	c.graph.addLimitTo(cmd)
	group(cmd, "Output", func(f *pflag.FlagSet) {
		f.VarP(&c.report, "format", "f", "format of the report: "+alternatives(rulereport.Formats))
		f.BoolVar(&c.stderr.Quiet, "quiet", false, "print no progress")
	})
	completeChoice(cmd, "format", &c.report)
	return cmd
}

// run reads rules and spans and writes the report. It returns an error if a rule is broken.
func (c *check) run(ctx context.Context) error {
	rules, goldens, err := c.rules()
	if err != nil {
		return err
	}
	src, err := c.source()
	if err != nil {
		return err
	}
	defer src.Close()
	observed := &graphtest.Observed{}
	g, err := c.read(ctx, src, func(spans iter.Seq2[servicegraph.Span, error]) (*servicegraph.Graph, error) {
		o, err := graphtest.Observe(spans, servicegraph.Config{})
		observed = o
		return o.Graph, err
	})
	if err != nil {
		return err
	}
	observed.Graph = g

	r := rulereport.Check(observed, rules)
	if err := rulereport.Writers[c.report.value](c.stdout, r); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	if observed.NumNodes() == 0 {
		c.stderr.Warnf("nothing to check: %v", exit.Reason(src.Empty()))
	}
	c.warnLimit(src, observed.Graph)
	if ids := graphtest.Unspoken(observed.Graph, goldens...); len(goldens) > 0 && len(ids) > 0 {
		var names []string
		for _, id := range ids {
			names = append(names, id.String())
		}
		c.stderr.Infof("not covered by any golden topology: %s", strings.Join(names, ", "))
	}
	if n := r.Broken(); n > 0 {
		return fmt.Errorf("%s of %s broken", quantity.Number(n), quantity.Of(len(r.Rules), "rule"))
	}
	if observed.Report().Skipped > 0 {
		return exit.With(exit.Partial, fmt.Errorf("all rules hold, but the graph is incomplete and may hide a violation: %s, see above", missing(src, observed.Graph)))
	}
	return nil
}

// rules reads the files with rules and with golden topologies.
func (c *check) rules() (rules []graphtest.Rule, goldens []graphtest.Topology, err error) {
	if len(c.rulesFiles)+len(c.goldens) == 0 {
		return nil, nil, exit.Usagef("nothing to check: name a file of rules with --rules, or a golden topology with --golden; see graphviz-export check --help")
	}
	var mistakes []error
	for _, file := range c.rulesFiles {
		text, err := readFile("rules", file)
		if err != nil {
			return nil, nil, err
		}
		some, err := graphtest.Parse(file, string(text))
		if err == nil && len(some) == 0 {
			err = fmt.Errorf("%s: the file has no rules: write one on each line, such as: never web -> db", file)
		}
		rules = append(rules, some...)
		mistakes = append(mistakes, split(err)...)
	}
	for _, file := range c.goldens {
		text, err := readFile("golden", file)
		if err != nil {
			return nil, nil, err
		}
		top, err := graphtest.ParseTopology(file, string(text))
		goldens = append(goldens, top)
		mistakes = append(mistakes, split(err)...)
	}
	switch len(mistakes) {
	case 0:
	case 1:
		return nil, nil, exit.With(exit.Usage, mistakes[0])
	default:
		for _, err := range mistakes {
			c.stderr.Warnf("%v", err)
		}
		return nil, nil, exit.Usagef("%s in the rules, see above", quantity.Of(len(mistakes), "mistake"))
	}
	if len(goldens) > 0 {
		rules = append(rules, graphtest.Contracts(goldens...))
	}
	return rules, goldens, nil
}

// split returns the parts of an error that errors.Join made.
func split(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()
	}
	if err == nil {
		return nil
	}
	return []error{err}
}
