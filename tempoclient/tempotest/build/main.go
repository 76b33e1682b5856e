// Build builds the Tempo of package tempotest ahead of the first test, and prints the path
// of the program:
//
//	go run github.com/tempograph/tempograph/tempoclient/tempotest/build
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"

	"github.com/tempograph/tempograph/tempoclient/tempotest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	program, err := tempotest.Build(ctx)
	if err != nil {
		fmt.Fprintln(os.Stderr, "build:", err)
		os.Exit(1)
	}
	fmt.Println(program)
}
