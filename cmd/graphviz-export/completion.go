package main

import (
	"context"
	"io"
	"slices"
	"strings"
	"sync/atomic"
	"time"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/exit"
	"github.com/tempograph/tempograph/internal/suggest"
)

// newCompletionCommand returns the command that writes the completion script of a shell.
func newCompletionCommand() *cobra.Command {
	shells := map[string]func(*cobra.Command, io.Writer) error{
		"bash":       func(root *cobra.Command, w io.Writer) error { return root.GenBashCompletionV2(w, true) },
		"zsh":        (*cobra.Command).GenZshCompletion,
		"fish":       func(root *cobra.Command, w io.Writer) error { return root.GenFishCompletion(w, true) },
		"powershell": (*cobra.Command).GenPowerShellCompletionWithDesc,
	}
	names := []string{"bash", "zsh", "fish", "powershell"}
	return &cobra.Command{
		Use:       "completion " + strings.Join(names, "|"),
		Short:     "Write a shell completion script",
		Long:      section("Completion"),
		ValidArgs: names,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return exit.Usagef("completion: name one shell: %s", alternatives(names))
			}
			write, ok := shells[args[0]]
			if !ok {
				return exit.Usagef("completion: unknown shell %q: want %s%s", args[0], alternatives(names), suggest.DidYouMean(args[0], names))
			}
			return write(cmd.Root(), cmd.OutOrStdout())
		},
	}
}

// complete makes shells complete the value of a flag with the words that values returns.
func complete(cmd *cobra.Command, flag string, values func() []string) {
	completeWith(cmd, flag, func(*cobra.Command, []string) []string { return values() })
}

// completeChoice makes shells complete the value of a flag with the words of a choice.
func completeChoice(cmd *cobra.Command, flag string, c *choice) {
	complete(cmd, flag, func() []string { return c.words })
}

func completeWith(cmd *cobra.Command, flag string, values func(*cobra.Command, []string) []string) {
	err := cmd.RegisterFlagCompletionFunc(flag, func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		return values(cmd, args), cobra.ShellCompDirectiveNoFileComp
	})
	if err != nil {
		panic(err) // the command has no flag of this name
	}
}

// nodeFlags are the flags whose value names nodes.
var nodeFlags = []string{"focus", "near", "upstream", "downstream", "ignore", "hide", "gateway"}

// completionTime bounds how long a shell waits for names from trace files.
const completionTime = 2 * time.Second

// completeNodes makes shells complete the names of nodes. It reads the names from the trace files
// that are already on the command line.
func (e *export) completeNodes(cmd *cobra.Command) {
	for _, flag := range nodeFlags {
		completeWith(cmd, flag, e.nodeNames)
	}
}

func (e *export) nodeNames(cmd *cobra.Command, files []string) (names []string) {
	if len(files) == 0 || slices.Contains(files, "-") {
		return nil
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), completionTime)
	defer cancel()
	e.stderr.Quiet = true
	e.begin(cmd, files)
	src, err := e.fileSource(files)
	if err != nil {
		return nil
	}
	defer src.Close()
	src.Truncated = new(atomic.Int64)
	g, err := e.read(ctx, src, nil)
	if err != nil {
		return nil
	}
	for n := range g.Nodes() {
		if name := n.ID.Name; !strings.ContainsFunc(name, unicode.IsControl) && name != "" {
			names = append(names, name)
		}
	}
	return names
}

// completeFiles leaves the arguments to the shell, which completes file names.
func completeFiles(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return nil, cobra.ShellCompDirectiveDefault
}
