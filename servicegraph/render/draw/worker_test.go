package draw

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tempograph/tempograph/servicegraph/render"
	"github.com/tempograph/tempograph/servicegraph/render/internal/rendertest"
)

func TestWorkerDrawsTheSameImage(t *testing.T) {
	g := rendertest.Shop().Graph(t)
	want := svgString(t, SVG{Options{Style: render.Style{Title: "same"}}}, g)
	if got := svgString(t, SVG{Options{Style: render.Style{Title: "same"}, Worker: []string{argWorker}}}, g); got != want {
		t.Error("a different image")
	}
}

// A layout that takes too long or fails is replaced by a simpler one.
func TestWorkerIsKilledAtTheDeadline(t *testing.T) {
	g := tangle(t)
	within(t, 30*time.Second, func() {
		items := parse(t, svgString(t, SVG{Options{Force: true, Worker: []string{argWorker}, Timeout: 2 * time.Second}}, g))
		if !strings.Contains(items[""].text, "simple layout: stopped Graphviz after 2s") {
			t.Errorf("heading %q", items[""].text)
		}
		want := 1 + g.NumNodes()
		for e := range g.Edges() {
			if e.ID.From != e.ID.To {
				want++
			}
		}
		if len(items) != want {
			t.Errorf("%d items, want %d", len(items), want)
		}
	})
}

func TestWorkerIsKilledWhenCanceled(t *testing.T) {
	dir := t.TempDir()
	ctx, cancel := context.WithCancelCause(t.Context())
	reason := errors.New("interrupted")
	done := make(chan error)
	go func() {
		done <- SVG{Options{Worker: []string{argHang, filepath.Join(dir, "pid")}, Context: ctx}}.Render(io.Discard, chain(t, 2))
	}()
	pid, err := strconv.Atoi(waitForFile(t, dir, "pid"))
	if err != nil {
		t.Fatal(err)
	}
	within(t, 5*time.Second, func() {
		cancel(reason)
		if err := <-done; !errors.Is(err, reason) {
			t.Errorf("error %v, want %v", err, reason)
		}
	})
	if p, err := os.FindProcess(pid); err == nil && runtime.GOOS != "windows" && p.Signal(syscall.Signal(0)) == nil {
		t.Errorf("process %d is still running", pid)
	}
}

func TestFailureOfWorkerIsShown(t *testing.T) {
	items := parse(t, svgString(t, SVG{Options{Worker: []string{argCrash}}}, chain(t, 2)))
	if !strings.Contains(items[""].text, "simple layout: Graphviz failed") || items["n1"] == nil || items["e0"] == nil {
		t.Errorf("heading %q, %d items", items[""].text, len(items))
	}
}

// A worker ends when its parent is killed, although a killed parent cannot kill the worker.
func TestWorkerEndsWithItsParent(t *testing.T) {
	dot := newPlan(tangle(t), render.Style{}, form{}).dot()
	cmd := self(t, argWorker)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := stdin.Write(append(dot, 0)); err != nil {
		t.Fatal(err)
	}
	within(t, 30*time.Second, func() {
		stdin.Close() // as the system does when the parent ends
		if err := cmd.Wait(); err == nil || !strings.Contains(stderr.String(), "the parent process has ended") {
			t.Errorf("worker: %v: %s", err, stderr.String())
		}
	})
}

func TestWorkerReadsDOTFromAShell(t *testing.T) {
	var out bytes.Buffer
	if err := RunWorker(t.Context(), strings.NewReader("digraph { a -> b }"), &out); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), `"pos"`) {
		t.Errorf("output %q", out.String())
	}
}
