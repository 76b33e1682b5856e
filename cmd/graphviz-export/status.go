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

// nextStep returns advice, with a leading colon, for a reader's error that has no advice of its
// own, and "" for other errors.
func nextStep(err error) string {
	if errors.Is(err, tracefile.ErrRecordTooLarge) {
		return ": --max-record raises the limit"
	}
	return ""
}
