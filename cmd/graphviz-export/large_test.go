package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/graphtext"
)

// TestMoreThanIsHeld: input with more spans than the command holds in memory gives the same graph,
// and spans that arrive too late are reported.
func TestMoreThanIsHeld(t *testing.T) {
	var lines strings.Builder
	for i := range 3000 {
		fmt.Fprintf(&lines, `{"resourceSpans":[%s,%s]}`+"\n", resourceSpan(0, i+1, 1, 0, 3), resourceSpan(1, i+1, 2, 1, 2))
	}
	late := fmt.Sprintf(`{"resourceSpans":[%s]}`+"\n", resourceSpan(2, 1, 3, 1, 2)) // a span of the first trace
	read := func(held int, text string) (graph, messages string) {
		in := filepath.Join(t.TempDir(), "traces.json")
		if err := os.WriteFile(in, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		var stdout, stderr bytes.Buffer
		e := newExport(strings.NewReader(""), &stdout, &stderr)
		e.held = held
		src, err := e.fileSource([]string{in})
		if err != nil {
			t.Fatal(err)
		}
		g, err := e.read(t.Context(), src, nil)
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(graphtext.Summary(g), " ", g.Report().Paired), stderr.String()
	}
	want, messages := read(maxHeld, lines.String())
	if messages != "" {
		t.Errorf("a small input is reported as large: %q", messages)
	}
	got, messages := read(1000, lines.String())
	if got != want || messages != "the input has more than 1,000 spans: 2,500 traces counted early to limit memory\n" {
		t.Errorf("got %s and %q, want %s", got, messages, want)
	}
	const skipped = "graphviz-export: skipped: %s whose trace was already counted: the spans of a trace should be less than 1,000 spans apart\n"
	if _, messages := read(1000, lines.String()+late); !strings.Contains(messages, fmt.Sprintf(skipped, "1 span")) {
		t.Errorf("one late span: %q", messages)
	}
	late += strings.ReplaceAll(late, "0000000000000003", "0000000000000004")
	if _, messages := read(1000, lines.String()+late); !strings.Contains(messages, fmt.Sprintf(skipped, "2 spans")) {
		t.Errorf("two late spans: %q", messages)
	}
}

// TestLoadIsCanceled: canceling the context ends reading with the cause of the cancellation.
func TestLoadIsCanceled(t *testing.T) {
	e := newExport(strings.NewReader(""), new(bytes.Buffer), new(bytes.Buffer))
	src, err := e.fileSource([]string{hotrod})
	if err != nil {
		t.Fatal(err)
	}
	enough := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(enough)
	if _, err := e.read(ctx, src, nil); err != enough {
		t.Errorf("got %v", err)
	}
}
