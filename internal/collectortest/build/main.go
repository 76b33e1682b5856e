// Build builds the Collector of package collectortest ahead of the first test, and prints the
// path of the program.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"

	"github.com/tempograph/tempograph/internal/collectortest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	program, err := collectortest.Build(ctx)
	if err != nil {
		fmt.Fprintln(os.Stderr, "build:", err)
		os.Exit(1)
	}
	fmt.Println(program)
}
