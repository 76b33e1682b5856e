package main

import (
	"context"
	"errors"
	"io"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/tempograph/tempograph/internal/suggest"
	"github.com/tempograph/tempograph/servicegraph/render/draw"
)

// run is the program. Its error says what went wrong and where, in one line, and
// [statusOf] which exit status that is.
func run(ctx context.Context, stdin io.Reader, stdout, stderr io.Writer, args []string) error {
	root := newCommand(stdin, stdout, stderr)
	if len(args) == 0 || !strings.HasPrefix(args[0], cobra.ShellCompRequestCmd) {
		cmd, rest, err := root.Find(args)
		if err != nil {
			return usagef("%w", err)
		}
		if err := checkDashes(cmd.Flags(), rest); err != nil {
			return err
		}
	}
	root.SetArgs(append([]string{}, args...)) // nil would mean os.Args
	err := root.ExecuteContext(ctx)
	if ctx.Err() != nil && err != nil && statusOf(err) != statusPartial {
		return &statusError{statusInterrupted, err}
	}
	return err
}

// newCommand returns the command line: what it takes, and how it is explained.
// The command itself draws; what else there is to do is below it.
func newCommand(stdin io.Reader, stdout, stderr io.Writer) *cobra.Command {
	e := newExport(stdin, stdout, stderr)
	root := &cobra.Command{
		Use:               "graphviz-export [flags] [FILE|-]...",
		Short:             "Draw the service graph of distributed traces",
		Args:              cobra.ArbitraryArgs,
		Version:           version(),
		SilenceErrors:     true, // main writes them
		SilenceUsage:      true,
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
		ValidArgsFunction: completeFiles,
		RunE: func(cmd *cobra.Command, args []string) error {
			e.begin(cmd, args)
			return e.run(cmd.Context())
		},
	}
	e.tempo.addTo(root)
	e.shape.addTo(root)
	e.look.addTo(root)
	e.addOutputTo(root)
	e.completeNodes(root)

	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	root.SetFlagErrorFunc(explainFlag)
	root.SetHelpFunc(writeHelp)
	root.SetHelpCommand(newHelpCommand())
	root.AddCommand(newCheckCommand(stdin, stdout, stderr), newServeCommand(stdin, stdout, stderr), newCompletionCommand())
	for _, cmd := range append(root.Commands(), root) {
		cmd.Flags().SortFlags = false
		group(cmd, "Output", func(f *pflag.FlagSet) { f.BoolP("help", "h", false, "show this") })
	}
	group(root, "Output", func(f *pflag.FlagSet) { f.Bool("version", false, "say which version this is") })
	return root
}

// version says what the program was built from, and with what.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "(unknown)"
	}
	return info.Main.Version + " " + info.GoVersion
}

// newExport returns a run of the program that is still to be told what to do.
func newExport(stdin io.Reader, stdout, stderr io.Writer) *export {
	return &export{
		stdin:  stdin,
		stdout: stdout,
		held:   maxHeld,
		stderr: &console{out: stderr, delay: progressDelay},
	}
}

// begin takes over what the user typed.
func (e *export) begin(cmd *cobra.Command, args []string) {
	e.files = args
	e.given = cmd.Flags().Changed
	for _, sub := range cmd.Commands() {
		e.commands = append(e.commands, sub.Name())
	}
}

// addOutputTo adds the flags that say what to write, and where.
func (e *export) addOutputTo(cmd *cobra.Command) {
	group(cmd, "Output", func(f *pflag.FlagSet) {
		f.StringArrayVarP(&e.outputs, "output", "o", nil, "write to `FILE`, as its extension says; - is standard output; repeatable")
		f.StringVarP(&e.format, "format", "f", "", "write `FORMAT`: "+formatNames())
		f.BoolVar(&e.force, "force", false, "draw what is too large, however long it takes")
		f.BoolVar(&e.allowEmpty, "allow-empty", false, "where nothing matches, write an empty graph and exit with 0")
		f.DurationVar(&e.timeout, "timeout", 0, "give up after `DURATION`: 90s, 5m (default never)")
		f.BoolVarP(&e.stderr.verbose, "verbose", "v", false, "say more on standard error")
		f.BoolVar(&e.stderr.quiet, "quiet", false, "no summary and no progress on standard error")
	})
	complete(cmd, "format", func() []string { return formatHints() })
}

func formatNames() string {
	var names []string
	for _, f := range new(look).formats(draw.Options{}) {
		names = append(names, f.Name)
	}
	return strings.Join(names, ", ")
}

// formatHints returns the names of the formats, each with its description as shells
// show it when they complete a word.
func formatHints() []string {
	var hints []string
	for _, f := range new(look).formats(draw.Options{}) {
		hints = append(hints, cobra.CompletionWithDesc(f.Name, f.Description))
	}
	return hints
}

// explainFlag turns what the flag package says into an error of usage that names
// the flag that was meant.
func explainFlag(cmd *cobra.Command, err error) error {
	unknown, ok := errors.AsType[*pflag.NotExistError](err)
	if !ok || unknown.GetSpecifiedShortnames() != "" {
		return usagef("%w; see %s --help", err, cmd.CommandPath())
	}
	name := unknown.GetSpecifiedName()
	var names []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	if meant := suggest.Nearest(name, names); meant != "" {
		return usagef("unknown flag --%s%s", name, suggest.Question("--"+meant))
	}
	for _, sub := range cmd.Commands() {
		if sub.Flags().Lookup(name) != nil && !sub.Hidden {
			return usagef("unknown flag --%s: it is one of %s", name, sub.CommandPath())
		}
	}
	return usagef("unknown flag --%s: see %s --help", name, cmd.CommandPath())
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
			return usagef("unknown flag -%s%s", name, suggest.Question("--"+name))
		}
	}
	return nil
}
