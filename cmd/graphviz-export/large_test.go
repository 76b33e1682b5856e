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
)

// Of more spans than are held at a time, the graph is the same, and what comes too late
// is said.
func TestMoreThanIsHeld(t *testing.T) {
	var lines strings.Builder
	for i := range 3000 {
		fmt.Fprintf(&lines, `{"resourceSpans":[%s,%s]}`+"\n", resourceSpan(0, i+1, 1, 0, 3), resourceSpan(1, i+1, 2, 1, 2))
	}
	late := fmt.Sprintf(`{"resourceSpans":[%s]}`+"\n", resourceSpan(2, 1, 3, 1, 2)) // of the first trace
	read := func(held int, text string) (graph, said string) {
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
		return fmt.Sprint(summary(g), " ", g.Report().Paired), stderr.String()
	}
	want, said := read(maxHeld, lines.String())
	if said != "" {
		t.Errorf("without a need: %q", said)
	}
	got, said := read(1000, lines.String())
	if got != want || said != "more than 1,000 spans in one go: 2,500 traces counted before the end, to make room\n" {
		t.Errorf("got %s and %q, want %s", got, said, want)
	}
	if _, said := read(1000, lines.String()+late); !strings.Contains(said, "left out: 1 span of traces that were counted before\n") {
		t.Errorf("a late span: %q", said)
	}
}

// The end of a context ends reading, with its cause.
func TestLoadIsCancelled(t *testing.T) {
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
