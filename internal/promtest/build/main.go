// Build builds the Prometheus and the promtool of package promtest ahead of the first test, and
// prints the paths of the programs.
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
	for _, build := range []func(context.Context) (string, error){promtest.Build, promtest.BuildPromtool} {
		program, err := build(ctx)
		if err != nil {
			fmt.Fprintln(os.Stderr, "build:", err)
			os.Exit(1)
		}
		fmt.Println(program)
	}
}
