package main

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/exit"
)

func TestReport(t *testing.T) {
	for _, c := range []struct {
		err    error
		status int
		line   string
	}{
		{nil, 0, ""},
		{errors.New("reading x: it is empty"), 1, "graphviz-export: reading x: it is empty\n"},
		{exit.Usagef("--limit %d: no", -1), 2, "graphviz-export: --limit -1: no\n"},
		{fmt.Errorf("flags: %w", exit.Usagef("no")), 2, "graphviz-export: flags: no\n"},
		{exit.With(exit.Nothing, errors.New("no traces")), 3, "graphviz-export: no traces\n"},
		{exit.With(exit.Partial, errors.New("incomplete")), 4, "graphviz-export: incomplete\n"},
		{exit.With(exit.Interrupted, errors.New("tempo: signal")), 130, "graphviz-export: interrupted; nothing was written\n"},
		{errors.New("reading a\nb: \x1b]0;title\a\r\n  bad"), 1, "graphviz-export: reading a b: \uFFFD]0;title\uFFFD   bad\n"},
	} {
		var stderr bytes.Buffer
		if status := report(&stderr, c.err); status != c.status || stderr.String() != c.line {
			t.Errorf("report(%v) = %d, %q; want %d, %q", c.err, status, &stderr, c.status, c.line)
		}
	}
}
