package main

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
)

func TestReport(t *testing.T) {
	for _, c := range []struct {
		err    error
		status int
		line   string
	}{
		{nil, 0, ""},
		{errors.New("reading x: it is empty"), 1, "graphviz-export: reading x: it is empty\n"},
		{usagef("--limit %d: no", -1), 2, "graphviz-export: --limit -1: no\n"},
		{fmt.Errorf("flags: %w", usagef("no")), 2, "graphviz-export: flags: no\n"},
		{&statusError{statusNothing, errors.New("no traces")}, 3, "graphviz-export: no traces\n"},
		{&statusError{statusPartial, errors.New("incomplete")}, 4, "graphviz-export: incomplete\n"},
		{&statusError{statusInterrupted, errors.New("tempo: signal")}, 130, "graphviz-export: interrupted; nothing was written\n"},
		{errors.New("reading a\nb: \x1b]0;title\a\r\n  bad"), 1, "graphviz-export: reading a b: \uFFFD]0;title\uFFFD   bad\n"},
	} {
		var stderr bytes.Buffer
		if status := report(&stderr, c.err); status != c.status || stderr.String() != c.line {
			t.Errorf("report(%v) = %d, %q; want %d, %q", c.err, status, &stderr, c.status, c.line)
		}
	}
}
