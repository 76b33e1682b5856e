// Build builds the Prometheus of package promtest ahead of the first test, and prints the
// path of the program.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"

	"github.com/tempograph/tempograph/internal/promtest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	program, err := promtest.Build(ctx)
	if err != nil {
		fmt.Fprintln(os.Stderr, "build:", err)
		os.Exit(1)
	}
	fmt.Println(program)
}
