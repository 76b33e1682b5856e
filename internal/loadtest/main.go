// Loadtest measures how graphviz-export behaves under load and attack: it sends load to "serve
// --otlp", attacks the receiver and the readers of files, breaks connections, and prints a table of
// the results in Markdown.
//
//	go run ./internal/loadtest > table.md
//
// A run takes some minutes; with -load 5s -files 0.02 it takes about a minute. Progress goes to
// standard error. The exit status is 1 if a promise is broken. Memory is measured on Linux only.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	s := size{atOnce: 4}
	flag.DurationVar(&s.load, "load", time.Minute, "send spans for `DURATION`")
	flag.Float64Var(&s.files, "files", 1, "read `FRACTION` of each hostile file")
	flag.Parse()
	if err := run(ctx, s, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "loadtest:", err)
		os.Exit(1)
	}
}

// A size sets how much load a run makes.
type size struct {
	load  time.Duration // how long spans are sent
	files float64       // the fraction of the elements of each hostile file

	atOnce int // number of concurrent hostile requests
}

// A row is a line of the table.
type row struct {
	what, result, others string
	broken               string // the promise that the result breaks; empty: none
}

// Documentation of other projects that the table cites.
const (
	tempoLimits  = "[Tempo](https://grafana.com/docs/tempo/latest/configuration/)"
	memoryLimits = "[the Collector's memory limiter](https://pkg.go.dev/go.opentelemetry.io/collector/processor/memorylimiterprocessor)"
)

// run makes all measurements and writes the table.
func run(ctx context.Context, s size, table, progress io.Writer) error {
	dir, err := os.MkdirTemp("", "loadtest")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	program := filepath.Join(dir, "graphviz-export")
	build := exec.CommandContext(ctx, "go", "build", "-o", program, "github.com/tempograph/tempograph/cmd/graphviz-export")
	build.Stderr = progress
	if err := build.Run(); err != nil {
		return fmt.Errorf("building graphviz-export: %w", err)
	}
	var rows []row
	for _, measure := range []func(context.Context, string, size) ([]row, error){measureLoad, measureAttacks, measureFaults, measureFiles} {
		more, err := measure(ctx, program, s)
		if err != nil {
			return err
		}
		for _, r := range more {
			fmt.Fprintf(progress, "%s: %s\n", r.what, r.result)
		}
		rows = append(rows, more...)
	}
	fmt.Fprintf(table, "| what | graphviz-export | what others document |\n|---|---|---|\n")
	broken := 0
	for _, r := range rows {
		result := r.result
		if r.broken != "" {
			broken++
			result += " (**broken: " + r.broken + "**)"
		}
		fmt.Fprintf(table, "| %s | %s | %s |\n", r.what, result, r.others)
	}
	if broken > 0 {
		return fmt.Errorf("%d of %d promises are broken", broken, len(rows))
	}
	return nil
}
