package main

import (
	_ "embed"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/exit"
)

// The help of a command consists of its flags, by group, and of sections of the manual. The manual
// is one file. Package documentation, the man page and docs/command.md show it in the order of that
// file. Rejected: a text beside the code of each command. The texts would be in the order of file
// names, and sections such as Time and Filters belong to several commands.

//go:embed doc.go
var manual string

// groups are the headings of the list of flags, in their order.
var groups = []string{"Viewer", "Rules", "Diff", "Critical path", "Tempo", "Prometheus", "Time", "Filters", "Graph", "Style", "Output"}

// groupOf is the annotation that holds the group of a flag.
const groupOf = "group"

// group adds flags to a command, in a group of its help.
func group(cmd *cobra.Command, name string, add func(*pflag.FlagSet)) {
	f := pflag.NewFlagSet("", pflag.ContinueOnError)
	f.SortFlags = false
	add(f)
	f.VisitAll(func(flag *pflag.Flag) {
		flag.Annotations = map[string][]string{groupOf: {name}}
	})
	cmd.Flags().SortFlags = false
	cmd.Flags().AddFlagSet(f)
}

// helpWidth is the width of the lists of flags, in columns.
const helpWidth = 100

// writeHelp writes a short version of the manual. It starts with examples, to be pasted into a
// shell.
func writeHelp(cmd *cobra.Command, _ []string) {
	w := cmd.OutOrStdout()
	if cmd.HasParent() {
		fmt.Fprintf(w, "%s\nUsage:\n  graphviz-export %s\n", cmd.Long, cmd.Use)
		writeFlags(w, cmd)
		return
	}
	fmt.Fprintf(w, "%s.\n\nExamples:\n%s\nUsage:\n  %s\n", cmd.Short, examples(section("Examples")), cmd.Use)
	for _, sub := range cmd.Commands() {
		if !sub.Hidden {
			fmt.Fprintf(w, "  graphviz-export %s\n", sub.Use)
		}
	}
	fmt.Fprint(w, "\nA FILE contains OTLP (JSON or protobuf), or JSON from Tempo, Jaeger or Zipkin, optionally compressed.\n")
	writeFlags(w, cmd)
	fmt.Fprintf(w, "\nExit status:\n%s\nEnvironment:\n%s", section("Exit status"), section("Environment"))
}

// newHelpCommand returns the help command, which prints the same as --help.
func newHelpCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "help [COMMAND]",
		Hidden: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			of, rest, err := cmd.Root().Find(args)
			if err != nil || len(rest) > 0 {
				return exit.Usagef("help: no command %q: see graphviz-export --help", strings.Join(args, " "))
			}
			return of.Help()
		},
	}
}

// writeFlags writes the flags of a command, group by group.
func writeFlags(w io.Writer, cmd *cobra.Command) {
	for _, name := range groups {
		f := pflag.NewFlagSet("", pflag.ContinueOnError)
		f.SortFlags = false
		cmd.Flags().VisitAll(func(flag *pflag.Flag) {
			if slices.Contains(flag.Annotations[groupOf], name) {
				f.AddFlag(flag)
			}
		})
		if f.HasFlags() {
			fmt.Fprintf(w, "\n%s:\n%s", name, f.FlagUsagesWrapped(helpWidth))
		}
	}
}

// section returns the lines of a section of the manual. Examples and tables are indented.
func section(heading string) string {
	_, rest, _ := strings.Cut(manual, "\n# "+heading+"\n\n")
	rest, _, _ = strings.Cut(rest, "\n# ")
	rest, _, _ = strings.Cut(rest, "\n*/")
	return strings.ReplaceAll(strings.TrimRight(rest, "\n")+"\n", "\t", "  ")
}

// examples returns the commands of a section without their output, and the prose of the section as
// shell comments.
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
