package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/console"
	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/exit"
	"github.com/tempograph/tempograph/servicegraph/render/draw"
)

func main() {
	log.SetOutput(io.Discard) // net/http logs faults that the errors of this program already report
	limitMemory()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C kills at once
	if len(os.Args) == 2 && os.Args[1] == workerArg {
		os.Exit(work(ctx))
	}
	os.Exit(report(os.Stderr, run(ctx, os.Stdin, console.Safe(os.Stdout), os.Stderr, os.Args[1:])))
}

// limitMemory makes the garbage collector work harder as the program nears 1 GiB, unless the
// environment variable GOMEMLIMIT is set. The largest number of held spans (maxHeld) fits into 1
// GiB.
func limitMemory() {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(800 << 20)
	}
}

// workerArg makes the program lay out one graph and exit. The program runs itself with this
// argument, because only a process of its own can be killed while it lays out a graph.
const workerArg = "__layout"

func work(ctx context.Context) int {
	if err := draw.RunWorker(ctx, os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return exit.Failed
	}
	return exit.Done
}
