package draw

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"testing"
	"time"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/render/internal/rendertest"
)

// The test binary, started with one of these as its first argument, does
// something else than test.
const (
	argWorker  = "draw-test-worker"  // what a command does for Options.Worker
	argCrash   = "draw-test-crash"   // a worker that fails
	argHang    = "draw-test-hang"    // a worker that never ends; then the file to write its process id to
	argPicture = "draw-test-picture" // draws in this process, and prints TMPDIR
)

func TestMain(m *testing.M) {
	if len(os.Args) < 2 {
		os.Exit(m.Run())
	}
	switch os.Args[1] {
	case argWorker:
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
		defer stop()
		if err := RunWorker(ctx, os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	case argCrash:
		fmt.Fprintln(os.Stderr, "some trace\nthe reason")
		os.Exit(7)
	case argHang:
		// Written under another name first: who sees the file sees the number.
		os.WriteFile(os.Args[2]+".new", fmt.Append(nil, os.Getpid()), 0o600)
		os.Rename(os.Args[2]+".new", os.Args[2])
		select {
		case <-time.After(time.Minute): // should the test fail to kill it
		}
	case argPicture:
		if err := (SVG{}).Render(os.Stderr, new(servicegraph.Graph)); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		value, set := os.LookupEnv("TMPDIR")
		fmt.Printf("%s %v", value, set)
	default:
		os.Exit(m.Run())
	}
}

// self returns a command that starts the test binary with the arguments.
func self(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return exec.Command(program, args...)
}

// within fails the test if f takes longer than limit, once f is done.
func within(t *testing.T, limit time.Duration, f func()) {
	t.Helper()
	start := time.Now()
	f()
	if d := time.Since(start); d > limit {
		t.Errorf("took %v, want at most %v", d, limit)
	}
}

// tangle is a graph that takes Graphviz many minutes: every service calls a
// dozen others, without any order.
func tangle(t *testing.T) *servicegraph.Graph {
	t.Helper()
	traffic := &rendertest.Traffic{Window: time.Minute}
	for i := range 300 {
		for j := range 12 {
			traffic.Call(service(i), service((i*7919+j*j*104729+j)%300), rendertest.Load{Calls: 1, Typical: time.Second})
		}
	}
	return traffic.Graph(t)
}

// chain is a graph of n services, each of which calls the next.
func chain(t *testing.T, n int) *servicegraph.Graph {
	t.Helper()
	traffic := &rendertest.Traffic{Window: time.Minute}
	for i := range n - 1 {
		traffic.Call(service(i), service(i+1), rendertest.Load{Calls: 1, Typical: time.Second})
	}
	return traffic.Graph(t)
}

func service(i int) string { return fmt.Sprintf("service-%d", i) }

// waitForFile returns the content of a file as soon as there is one.
func waitForFile(t *testing.T, dir, name string) string {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if data, err := os.ReadFile(filepath.Join(dir, name)); err == nil {
			return string(data)
		}
	}
	t.Fatalf("no file %s in time", name)
	return ""
}
