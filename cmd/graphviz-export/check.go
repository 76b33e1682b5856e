package main

import (
	"context"
	"fmt"
	"io"
	"iter"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/tempograph/tempograph/internal/quantity"
	"github.com/tempograph/tempograph/internal/suggest"
	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/graphtest"
)

// A check is one run of graphviz-export check.
type check struct {
	*export
	rulesFiles []string
	goldens    []string
	report     string
}

func newCheckCommand(stdin io.Reader, stdout, stderr io.Writer) *cobra.Command {
	c := &check{export: newExport(stdin, stdout, stderr)}
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
		f.StringArrayVar(&c.rulesFiles, "rules", nil, "check the rules in `FILE`; can be repeated")
		f.StringArrayVar(&c.goldens, "golden", nil, "check the golden topology in `FILE`, what some services promise to call; can be repeated")
	})
	c.tempo.addTo(cmd)
	group(cmd, "Output", func(f *pflag.FlagSet) {
		f.StringVarP(&c.report, "format", "f", "text", "report in `FORMAT`: "+strings.Join(reportFormats(), ", "))
		f.BoolVar(&c.stderr.quiet, "quiet", false, "no progress on standard error")
	})
	complete(cmd, "format", reportFormats)
	return cmd
}

// run reads rules and spans and writes the report. Its error says how many rules are
// broken.
func (c *check) run(ctx context.Context) error {
	write, ok := reports[c.report]
	if !ok {
		return usagef("--format: unknown format %q: want %s%s", c.report, strings.Join(reportFormats(), ", "), suggest.DidYouMean(c.report, reportFormats()))
	}
	rules, goldens, err := c.rules()
	if err != nil {
		return err
	}
	src, err := c.source()
	if err != nil {
		return err
	}
	defer src.close()
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

	r := reportOn(observed, rules)
	if err := write(c.stdout, r); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	if observed.NumNodes() == 0 && src.nothing != "" {
		c.stderr.warnf("nothing to check: %s", strings.TrimPrefix(src.nothing, "nothing to draw: "))
	}
	if limit := src.limit; limit > 0 && observed.Report().Traces >= uint64(limit) {
		c.stderr.warnf("%s", limitReached(limit))
	}
	if ids := graphtest.Unspoken(observed.Graph, goldens...); len(goldens) > 0 && len(ids) > 0 {
		var names []string
		for _, id := range ids {
			names = append(names, id.String())
		}
		c.stderr.infof("no golden file speaks for %s", strings.Join(names, ", "))
	}
	if n := r.broken(); n > 0 {
		return fmt.Errorf("%d of %s broken", n, quantity.Of(len(r.rules), "rule"))
	}
	if skipped := observed.Report().Skipped; skipped > 0 {
		return &statusError{statusPartial, fmt.Errorf("the rules hold as far as the graph goes, but %s left out, see above: it may hide what breaks them", quantity.Of(skipped, "record"))}
	}
	return nil
}

// rules reads the files of rules and the golden files.
func (c *check) rules() (rules []graphtest.Rule, goldens []graphtest.Topology, err error) {
	if len(c.rulesFiles)+len(c.goldens) == 0 {
		return nil, nil, usagef("nothing to check: name a file of rules with --rules, or of a golden topology with --golden; graphviz-export check --help has the rules")
	}
	var mistakes []error
	for _, file := range c.rulesFiles {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, nil, usagef("--rules: %w", err)
		}
		some, err := graphtest.Parse(file, string(text))
		if err == nil && len(some) == 0 {
			err = fmt.Errorf("%s: no rule in it", file)
		}
		rules = append(rules, some...)
		mistakes = append(mistakes, split(err)...)
	}
	for _, file := range c.goldens {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, nil, usagef("--golden: %w", err)
		}
		top, err := graphtest.ParseTopology(file, string(text))
		goldens = append(goldens, top)
		mistakes = append(mistakes, split(err)...)
	}
	switch len(mistakes) {
	case 0:
	case 1:
		return nil, nil, &statusError{statusUsage, mistakes[0]}
	default:
		for _, err := range mistakes {
			c.stderr.warnf("%v", err)
		}
		return nil, nil, usagef("%s in the rules, see above", quantity.Of(len(mistakes), "mistake"))
	}
	if len(goldens) > 0 {
		rules = append(rules, graphtest.Contracts(goldens...))
	}
	return rules, goldens, nil
}

// split returns the errors that were joined to one.
func split(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()
	}
	if err == nil {
		return nil
	}
	return []error{err}
}
