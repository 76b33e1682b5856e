package main

import (
	"context"
	"io"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

// TestWrongValues: a wrong value of any flag of any command is a usage error that says what is
// wanted, not the error of a parser.
func TestWrongValues(t *testing.T) {
	for _, cmd := range commandsWithFlags() {
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			switch f.Value.Type() {
			case "string", "stringArray", "stringSlice": // the code that uses the flag checks its value
				return
			}
			for _, value := range []string{"abc", "1e999", "99999999999999999999", ""} {
				args := []string{"--" + f.Name + "=" + value, "nowhere.json"}
				if cmd.HasParent() {
					args = append([]string{cmd.Name()}, args...)
				}
				err := run(context.Background(), strings.NewReader(""), io.Discard, io.Discard, args)
				if err == nil {
					t.Errorf("%v is no error", args)
					continue
				}
				for _, word := range []string{"strconv", "ParseFloat", "parsing", "time:"} {
					if strings.Contains(err.Error(), word) {
						t.Errorf("%v: %v", args, err)
					}
				}
			}
		})
	}
}

// TestSynonyms: every synonym leads to a flag that exists.
func TestSynonyms(t *testing.T) {
	root := newCommand(strings.NewReader(""), io.Discard, io.Discard)
	for word, flag := range synonyms {
		if root.Flags().Lookup(flag) == nil || root.Flags().Lookup(word) != nil {
			t.Errorf("--%s stands for --%s", word, flag)
		}
		err := run(context.Background(), strings.NewReader(""), io.Discard, io.Discard, []string{"--" + word, "x"})
		if err == nil || !strings.HasSuffix(err.Error(), ": did you mean --"+flag+"?") {
			t.Errorf("--%s: %v", word, err)
		}
	}
}
