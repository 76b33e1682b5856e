package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/console"
	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/exit"
	"github.com/tempograph/tempograph/servicegraph/tracefile"
)

// report writes an error as one line and returns the exit status.
func report(stderr io.Writer, err error) int {
	status := exit.Status(err)
	switch status {
	case exit.Done:
	case exit.Interrupted:
		fmt.Fprintln(stderr, "graphviz-export: interrupted; nothing was written")
	default:
		fmt.Fprintf(stderr, "graphviz-export: %s\n", console.OneLine(err.Error()+nextStep(err)))
	}
	return status
}

// nextStep returns what to do about an error of a reader that does not say it, with a leading
// colon, or "".
func nextStep(err error) string {
	if errors.Is(err, tracefile.ErrRecordTooLarge) {
		return ": --max-record raises the limit"
	}
	return ""
}
