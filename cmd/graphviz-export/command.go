package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/tempograph/tempograph/servicegraph/render"
	"github.com/tempograph/tempograph/servicegraph/render/draw"
)

// run is the program. Its error says what went wrong and where, in one line, and
// [statusOf] which exit status that is.
func run(ctx context.Context, stdin io.Reader, stdout, stderr io.Writer, args []string) error {
	cmd := newCommand(stdin, stdout, stderr)
	if len(args) > 0 && args[0] == checkArg {
		cmd, args = newCheckCommand(stdin, stdout, stderr), args[1:]
	}
	if err := checkDashes(cmd.Flags(), args); err != nil {
		return err
	}
	cmd.SetArgs(append([]string{}, args...)) // nil would mean os.Args
	err := cmd.ExecuteContext(ctx)
	if ctx.Err() != nil && err != nil && statusOf(err) != statusPartial {
		return &statusError{statusInterrupted, err}
	}
	return err
}

// newCommand returns the command line: what it takes, and how it is explained.
func newCommand(stdin io.Reader, stdout, stderr io.Writer) *cobra.Command {
	e := &export{
		stdin:  stdin,
		stdout: stdout,
		stderr: &console{out: stderr, delay: progressDelay},
	}
	cmd := &cobra.Command{
		Use:           "graphviz-export [flags] [FILE|-]...",
		Args:          cobra.ArbitraryArgs,
		SilenceErrors: true, // main writes them
		SilenceUsage:  true,
		RunE: func(cmd *cobra.Command, args []string) error {
			e.files = args
			e.given = cmd.Flags().Changed
			return e.run(cmd.Context())
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVarP(&e.output, "output", "o", "", "write to `FILE`, in the format of its extension; - is standard output")
	f.StringVarP(&e.format, "format", "f", "", "write `FORMAT`: "+formatNames())
	f.BoolVar(&e.stderr.quiet, "quiet", false, "no summary and no progress on standard error")
	e.tempo.addTo(f)
	f.BoolP("help", "h", false, "show this")

	cmd.SetOut(stdout)
	cmd.SetErr(stderr)
	cmd.SetFlagErrorFunc(explainFlag)
	cmd.SetHelpFunc(func(cmd *cobra.Command, _ []string) { writeHelp(stdout, cmd.Flags()) })
	return cmd
}

// addTo adds the flags that say which Tempo to ask, and for what.
func (t *tempoFlags) addTo(f *pflag.FlagSet) {
	f.StringVar(&t.url, "tempo", "", "ask the Tempo whose HTTP API is at `URL` [TEMPO_ADDR, TEMPO_URL]")
	f.StringVarP(&t.query, "query", "q", "", "take the traces that `TRACEQL` selects (default all)")
	f.StringArrayVar(&t.traces, "trace", nil, "take the trace with this `ID`; can be repeated")
	f.Var(&t.time.since, "since", "look back so far: 30m, 1.5h, 1d12h, 2w (default 1h)")
	f.Var(&t.time.from, "from", "look for traces from this time on: 2026-01-31T09:30:00Z")
	f.Var(&t.time.to, "to", "look for traces up to this time (default now)")
	f.IntVar(&t.limit, "limit", 1000, "take at most `N` traces, the newest; 0 takes all")
	f.StringVar(&t.orgID, "org-id", "", "tenant of the Tempo, or several: a|b [TEMPO_ORG_ID]")
}

// formats returns what the command can write. Those that draw do it as svg says.
func formats(svg draw.SVG) []render.Format {
	return slices.Concat(draw.Formats(svg), render.Formats(svg.DOT))
}

func formatNames() string {
	var names []string
	for _, f := range formats(draw.SVG{}) {
		names = append(names, f.Name)
	}
	return strings.Join(names, ", ")
}

// explainFlag turns what the flag package says into an error of usage that names
// the flag that was meant.
func explainFlag(cmd *cobra.Command, err error) error {
	unknown, ok := errors.AsType[*pflag.NotExistError](err)
	if !ok || unknown.GetSpecifiedShortnames() != "" {
		return usagef("%w; see graphviz-export --help", err)
	}
	name := unknown.GetSpecifiedName()
	var names []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	if meant := closest(name, names); meant != "" {
		return usagef("unknown flag --%s: did you mean --%s?", name, meant)
	}
	return usagef("unknown flag --%s: see graphviz-export --help", name)
}

// checkDashes refuses -tempo for --tempo, as Go's own flags are written. It would
// otherwise be read as -t -e -m …, and -output as an output file named "utput".
func checkDashes(flags *pflag.FlagSet, args []string) error {
	for _, arg := range args {
		if arg == "--" {
			return nil
		}
		name, _, _ := strings.Cut(strings.TrimPrefix(arg, "-"), "=")
		if len(arg) > 2 && arg[0] == '-' && arg[1] != '-' && flags.Lookup(name) != nil {
			return usagef("unknown flag -%s: did you mean --%s?", name, name)
		}
	}
	return nil
}

//go:embed doc.go
var manual string

// writeHelp writes what the manual has that a user of the command needs at hand:
// the examples first, for pasting into a shell.
func writeHelp(w io.Writer, flags *pflag.FlagSet) {
	fmt.Fprintf(w, `Draw the service graph of distributed traces.

Examples:
%s
Usage:
  graphviz-export [flags] [FILE|-]...
  graphviz-export check --rules FILE [flags] [FILE|-]...   (check --help says more)

A FILE holds OTLP JSON or protobuf, or JSON of Tempo, Jaeger or Zipkin, gzip or not.

Flags:
%s
Environment:
%s
Exit status:
%s`, examples(section("Examples")), flags.FlagUsages(), section("Environment"), section("Exit status"))
}

// section returns the lines of a section of the manual, of which those that are
// not prose are indented.
func section(heading string) string {
	_, rest, _ := strings.Cut(manual, "\n# "+heading+"\n\n")
	rest, _, _ = strings.Cut(rest, "\n# ")
	rest, _, _ = strings.Cut(rest, "\n*/")
	return strings.ReplaceAll(strings.TrimRight(rest, "\n")+"\n", "\t", "  ")
}

// examples returns the commands of a section, without what they print, and its
// prose as comments of the shell.
func examples(section string) string {
	var b strings.Builder
	for line := range strings.Lines(section) {
		if command, found := strings.CutPrefix(line, "  $ "); found {
			b.WriteString("  " + command)
		} else if line != "\n" && !strings.HasPrefix(line, "  ") {
			b.WriteString("  # " + strings.Replace(line, ":\n", "\n", 1))
		}
	}
	return b.String()
}
