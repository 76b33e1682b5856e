package main

import (
	"fmt"
	"io"

	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/console"
	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/exit"
)

// report writes an error as one line and returns the exit status.
func report(stderr io.Writer, err error) int {
	status := exit.Status(err)
	switch status {
	case exit.Done:
	case exit.Interrupted:
		fmt.Fprintln(stderr, "graphviz-export: interrupted; nothing was written")
	default:
		fmt.Fprintf(stderr, "graphviz-export: %s\n", console.OneLine(err.Error()))
	}
	return status
}
