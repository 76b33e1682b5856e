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

// With one of these as the first argument, the test binary runs no tests.
const (
	argWorker = "draw-test-worker" // is a worker for Options.Worker
	argCrash  = "draw-test-crash"  // is a worker that fails
	argHang   = "draw-test-hang"   // is a worker that never ends; the next argument is the file for the process id
	argImage  = "draw-test-image"  // draws in this process, and prints TMPDIR
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
		// The file is written under another name and renamed, so that it is never incomplete.
		os.WriteFile(os.Args[2]+".new", fmt.Append(nil, os.Getpid()), 0o600)
		os.Rename(os.Args[2]+".new", os.Args[2])
		select {
		case <-time.After(time.Minute): // in case the test does not kill the process
		}
	case argImage:
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

// self returns a command that runs the test binary with the arguments.
func self(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return exec.Command(program, args...)
}

// within runs f, and fails the test if f takes longer than limit.
func within(t *testing.T, limit time.Duration, f func()) {
	t.Helper()
	start := time.Now()
	f()
	if d := time.Since(start); d > limit {
		t.Errorf("took %v, want at most %v", d, limit)
	}
}

// tangle returns a graph whose layout takes many minutes: every service calls a dozen
// others, in no order.
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

// chain returns a graph of n services, each of which calls the next.
func chain(t *testing.T, n int) *servicegraph.Graph {
	t.Helper()
	traffic := &rendertest.Traffic{Window: time.Minute}
	for i := range n - 1 {
		traffic.Call(service(i), service(i+1), rendertest.Load{Calls: 1, Typical: time.Second})
	}
	return traffic.Graph(t)
}

func service(i int) string { return fmt.Sprintf("service-%d", i) }

// waitForFile waits for a file and returns the content.
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
