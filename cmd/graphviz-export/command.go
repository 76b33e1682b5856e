package main

import (
	"context"
	"io"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/console"
	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/exit"
	"github.com/tempograph/tempograph/servicegraph/render"
	"github.com/tempograph/tempograph/servicegraph/render/draw"
	"github.com/tempograph/tempograph/servicegraph/tracefile"
)

// run is the program. The error of run says in one line what went wrong and where, and
// [exit.Status] returns the exit status for it.
func run(ctx context.Context, stdin io.Reader, stdout, stderr io.Writer, args []string) error {
	root := newCommand(stdin, stdout, stderr)
	if len(args) == 0 || !strings.HasPrefix(args[0], cobra.ShellCompRequestCmd) {
		cmd, rest, err := root.Find(args)
		if err != nil {
			return exit.Usagef("%w", err)
		}
		if err := checkDashes(cmd.Flags(), rest); err != nil {
			return err
		}
	}
	root.SetArgs(append([]string{}, args...)) // for nil, cobra would read os.Args
	err := root.ExecuteContext(ctx)
	if ctx.Err() != nil && err != nil && exit.Status(err) != exit.Partial {
		return exit.With(exit.Interrupted, err)
	}
	return err
}

// newCommand returns the command line with its help. The command without a subcommand writes
// graphs.
func newCommand(stdin io.Reader, stdout, stderr io.Writer) *cobra.Command {
	e := newExport(stdin, stdout, stderr)
	root := &cobra.Command{
		Use:               "graphviz-export [flags] [FILE|-]...",
		Short:             "Draw the service graph of distributed traces",
		Args:              cobra.ArbitraryArgs,
		Version:           version(),
		SilenceErrors:     true, // main prints errors
		SilenceUsage:      true,
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
		ValidArgsFunction: completeFiles,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error { return checkEmpty(cmd.Flags()) },
		RunE: func(cmd *cobra.Command, args []string) error {
			e.begin(cmd, args)
			return e.run(cmd.Context())
		},
	}
	e.addInputTo(root)
	e.addOutputTo(root)
	group(root, "Style", func(f *pflag.FlagSet) {
		addChoice(f, &e.color, "color", "COLOR", "color images by errors, or by the critical path: critical", "errors", colorCritical)
	})
	completeChoice(root, "color", &e.color)
	group(root, "Prometheus", func(f *pflag.FlagSet) {
		f.BoolVar(&e.estimate, "estimate-series", false, "print how many series the graph would have in Prometheus, and write no graph")
	})

	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	root.SetFlagErrorFunc(explainFlag)
	root.SetHelpFunc(writeHelp)
	root.SetHelpCommand(newHelpCommand())
	root.AddCommand(newCheckCommand(stdin, stdout, stderr), newServeCommand(stdin, stdout, stderr), newTopologyCommand(stdin, stdout, stderr), newDiffCommand(stdin, stdout, stderr), newCriticalCommand(stdin, stdout, stderr), newMCPCommand(stdin, stdout, stderr), newDoctorCommand(stdin, stdout, stderr), newCompletionCommand())
	for _, cmd := range append(root.Commands(), root) {
		cmd.Flags().SortFlags = false
		group(cmd, "Output", func(f *pflag.FlagSet) { f.BoolP("help", "h", false, "print this help") })
	}
	group(root, "Output", func(f *pflag.FlagSet) { f.Bool("version", false, "print the version") })
	return root
}

// version returns the version of the program and the version of the Go compiler. A program
// without a version has the commit that it was built from.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "(unknown)"
	}
	name := info.Main.Version
	if name == "" || name == "(devel)" {
		name = "development build"
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				name += " of commit " + s.Value
			}
		}
	}
	return name + " " + info.GoVersion
}

// newExport returns a run of the command with default settings.
func newExport(stdin io.Reader, stdout, stderr io.Writer) *export {
	return &export{
		stdin:  stdin,
		stdout: stdout,
		graph:  graphFlags{limits: defaultLimits, maxRecord: tracefile.DefaultMaxRecord >> 20},
		held:   maxHeld,
		stderr: &console.Console{Out: stderr, Delay: console.ProgressDelay},
	}
}

// begin stores the arguments of the command line.
func (e *export) begin(cmd *cobra.Command, args []string) {
	e.files = args
	e.given = cmd.Flags().Changed
	for _, sub := range cmd.Commands() {
		e.commands = append(e.commands, sub.Name())
	}
}

// addInputTo adds the flags that select traces, turn them into a graph, and style the
// output.
func (e *export) addInputTo(cmd *cobra.Command) {
	e.tempo.addTo(cmd)
	e.prometheus.addTo(cmd)
	e.filter.addTo(cmd)
	e.graph.addTo(cmd)
	e.style.addTo(cmd)
	e.completeNodes(cmd)
}

// addOutputTo adds the flags that say what to write, and where.
func (e *export) addOutputTo(cmd *cobra.Command) {
	group(cmd, "Output", func(f *pflag.FlagSet) {
		f.StringArrayVarP(&e.outputs, "output", "o", nil, "write to `FILE` in the format of its extension, or to standard output (-); repeatable")
		f.StringVarP(&e.format, "format", "f", "", "output `FORMAT`: "+alternatives(formatNames()))
		f.BoolVar(&e.open, "open", false, "open the HTML report that was written, or else the first file")
		f.BoolVar(&e.force, "force", false, "draw a graph of any size, however long it takes")
		f.BoolVar(&e.allowEmpty, "allow-empty", false, "if nothing matches, write an empty graph and exit with 0")
		f.DurationVar(&e.timeout, "timeout", 0, "stop after `DURATION`: 90s, 5m (default: no limit)")
		f.BoolVarP(&e.stderr.Verbose, "verbose", "v", false, "verbose output")
		f.BoolVar(&e.stderr.Quiet, "quiet", false, "print neither a summary nor progress")
	})
	complete(cmd, "format", formatHints)
}

func formatNames() []string { return namesOf(newExport(nil, nil, nil).formats(draw.Options{})) }

func namesOf(formats []render.Format) (names []string) {
	for _, f := range formats {
		names = append(names, f.Name)
	}
	return names
}

// formatHints returns the names of the formats. Each name has a description, which shells show
// when they complete a word.
func formatHints() (hints []string) {
	for _, f := range newExport(nil, nil, nil).formats(draw.Options{}) {
		hints = append(hints, cobra.CompletionWithDesc(f.Name, f.Description))
	}
	return hints
}
