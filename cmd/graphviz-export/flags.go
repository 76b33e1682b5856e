package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/exit"
	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/fileerror"
	"github.com/tempograph/tempograph/internal/suggest"
)

// This file has kinds of flag values that package pflag lacks, and the messages about wrong
// flags.

// A choice is the value of a flag that accepts one of several words.
type choice struct {
	value string
	name  string   // the name of the value in the help: "THEME"
	words []string // the words to choose from
}

func (c *choice) String() string { return c.value }
func (c *choice) Type() string   { return c.name }

func (c *choice) Set(word string) error {
	if !slices.Contains(c.words, word) {
		return fmt.Errorf("want %s%s", alternatives(c.words), suggest.DidYouMean(word, c.words))
	}
	c.value = word
	return nil
}

// addChoice adds a flag that takes one of the words. The first word is the default; it is
// empty for a flag without a default.
func addChoice(f *pflag.FlagSet, c *choice, flag, name, usage string, words ...string) {
	*c = choice{value: words[0], name: name, words: words}
	if words[0] == "" {
		c.words = words[1:]
	}
	f.Var(c, flag, usage)
}

// alternatives returns the words as a text: "auto, light or dark".
func alternatives(words []string) string {
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

// A fraction is a part of a whole, from 0 to 1. The user writes it as 0.05 or 5%.
type fraction float64

func (f *fraction) String() string {
	if *f == 0 {
		return "0" // package pflag does not show a default of "0"
	}
	return strconv.FormatFloat(100*float64(*f), 'g', 4, 64) + "%"
}

func (f *fraction) Type() string { return "fraction" }

func (f *fraction) Set(text string) error {
	digits, percent := strings.CutSuffix(text, "%")
	v, err := strconv.ParseFloat(digits, 64)
	if percent {
		v /= 100
	}
	if err != nil || !(v >= 0 && v <= 1) {
		return errors.New("want a fraction such as 5% or 0.05")
	}
	*f = fraction(v)
	return nil
}

// explainFlag turns an error of package pflag into an error of usage that says what is
// wanted, or which flag was probably meant.
func explainFlag(cmd *cobra.Command, err error) error {
	if invalid, ok := errors.AsType[*pflag.InvalidValueError](err); ok {
		return explainValue(invalid)
	}
	unknown, ok := errors.AsType[*pflag.NotExistError](err)
	if ok && unknown.GetSpecifiedShortnames() == "V" {
		return exit.Usagef("unknown flag -V%s", suggest.Question("--version"))
	}
	if !ok || unknown.GetSpecifiedShortnames() != "" {
		return exit.Usagef("%w; see %s --help", err, cmd.CommandPath())
	}
	name := unknown.GetSpecifiedName()
	var names []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	if meant := synonyms[name]; cmd.Flags().Lookup(meant) != nil {
		return exit.Usagef("unknown flag --%s%s", name, suggest.Question("--"+meant))
	}
	if meant := suggest.Nearest(name, names); meant != "" {
		return exit.Usagef("unknown flag --%s%s", name, suggest.Question("--"+meant))
	}
	for _, sub := range cmd.Commands() {
		if sub.Flags().Lookup(name) != nil && !sub.Hidden {
			return exit.Usagef("unknown flag --%s: it is a flag of %s", name, sub.CommandPath())
		}
	}
	if root := cmd.Root(); root != cmd && root.Flags().Lookup(name) != nil {
		return exit.Usagef("unknown flag --%s: it is a flag of %s", name, root.CommandPath())
	}
	return exit.Usagef("unknown flag --%s: see %s --help", name, cmd.CommandPath())
}

// synonyms maps flags that users of other tools may try to the flags of this command that do the
// same.
var synonyms = map[string]string{
	"top": "nodecount", "nodes": "nodecount", "count": "nodecount", "limit-nodes": "nodecount",
	"out": "output", "out-file": "output", "file": "output",
	"show": "focus", "only": "focus", "include": "focus", "filter": "focus", "service": "focus", "select": "focus",
	"exclude": "ignore", "drop": "ignore", "skip": "ignore", "remove": "ignore",
	"group": "group-by", "cluster": "group-by", "collapse": "group-by",
	"url": "tempo", "addr": "tempo", "address": "tempo", "endpoint": "tempo", "server": "tempo",
	"start": "from", "begin": "from", "end": "to", "until": "to", "last": "since", "lookback": "since", "range": "since",
	"order": "sort", "order-by": "sort", "sort-by": "sort", "cols": "columns", "fields": "columns", "kind": "type", "types": "type", "node-type": "type",
	"direction": "dir", "rankdir": "dir", "layout": "dir", "colour": "color", "dark": "theme",
	"tenant": "org-id", "token": "bearer-token-file", "user": "username", "password": "password-file", "insecure": "ca-cert", "cacert": "ca-cert",
	"failed": "errors-only", "failing": "errors-only", "only-errors": "errors-only", "hops": "depth", "min-latency": "slow", "latency": "slow",
	"neighbors": "near", "neighbours": "near", "browser": "open", "silent": "quiet",
}

// explainValue says what kind of value a flag takes.
func explainValue(err *pflag.InvalidValueError) error {
	flag, value := err.GetFlag(), err.GetValue()
	want := err.Unwrap()
	switch flag.Value.Type() {
	case "int":
		want = errors.New("want a whole number")
	case "float64":
		want = errors.New("want a number")
	case "duration":
		want = errors.New("want a duration such as 90s or 5m")
	case "bool":
		want = fmt.Errorf("want true or false, or --%s alone", flag.Name)
	}
	return exit.Usagef("--%s %q: %w", flag.Name, value, want)
}

// checkEmpty refuses an empty value of a repeatable flag, which usually comes from an unset shell
// variable: an empty expression would match every node.
func checkEmpty(flags *pflag.FlagSet) (err error) {
	flags.Visit(func(f *pflag.Flag) {
		list, isList := f.Value.(pflag.SliceValue)
		if err == nil && isList && slices.Contains(list.GetSlice(), "") {
			want, _ := pflag.UnquoteUsage(f)
			err = exit.Usagef("--%s: the value is empty: give %s, or leave out --%s", f.Name, strings.Trim(want, "'"), f.Name)
		}
	})
	return err
}

// checkDashes refuses -tempo in place of --tempo, because users of Go programs may write flags
// with one dash. Package pflag would read -tempo as -t -e -m …, and -output as an output file
// named "utput".
func checkDashes(flags *pflag.FlagSet, args []string) error {
	for _, arg := range args {
		if arg == "--" {
			return nil
		}
		name, _, _ := strings.Cut(strings.TrimPrefix(arg, "-"), "=")
		if len(arg) > 2 && arg[0] == '-' && arg[1] != '-' && flags.Lookup(name) != nil {
			return exit.Usagef("unknown flag -%s%s", name, suggest.Question("--"+name))
		}
	}
	return nil
}

// readFile reads the file that a flag names.
func readFile(flag, file string) ([]byte, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, exit.Usagef("--%s %s: %w", flag, file, fileerror.Cause(err))
	}
	return text, nil
}
