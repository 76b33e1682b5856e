package draw

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/tempograph/tempograph/servicegraph/render"
	"github.com/tempograph/tempograph/servicegraph/render/internal/rendertest"
)

func TestRenderConcurrentSafe(t *testing.T) {
	g := rendertest.Shop().Graph(t)
	svg := SVG{Options{Style: render.Style{Title: "all the same"}}}
	want := svgString(t, svg, g)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 5 {
				var b bytes.Buffer
				if err := svg.Render(&b, g); err != nil {
					t.Error(err)
				}
				if b.String() != want {
					t.Error("a different image")
				}
			}
		})
	}
	wg.Wait()
}

func TestContextEndsTheWaitForOtherLayouts(t *testing.T) {
	state := <-engine // simulates a running layout
	defer func() { engine <- state }()
	ctx, cancel := context.WithCancelCause(t.Context())
	reason := errors.New("no longer needed")
	done := make(chan error)
	go func() { done <- SVG{Options{Context: ctx}}.Render(io.Discard, chain(t, 2)) }()
	cancel(reason)
	if err := <-done; !errors.Is(err, reason) {
		t.Errorf("error %v, want %v", err, reason)
	}
}

func TestCanceledContextStartsNoLayout(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range 50 { // the engine is free as well, so select chooses at random
		err := layout(ctx, []byte("digraph {}"), func([]byte) error {
			t.Error("a layout")
			return nil
		})
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("error %v", err)
		}
	}
}

// After a failed layout, the memory of Graphviz may be corrupt.
func TestFailedLayoutIsTheLastOfTheProcess(t *testing.T) {
	defer func() { // Graphviz itself did not fail
		<-engine
		engine <- nil
	}()
	reason := errors.New("left something out")
	if err := layout(t.Context(), []byte("digraph {}"), func([]byte) error { return reason }); !errors.Is(err, reason) {
		t.Fatalf("error %v, want %v", err, reason)
	}
	err := layout(t.Context(), []byte("digraph {}"), func([]byte) error { return nil })
	if !errors.Is(err, reason) || !strings.Contains(err.Error(), "unusable") {
		t.Errorf("error %v", err)
	}
	if items := parse(t, svgString(t, SVG{}, chain(t, 2))); !strings.Contains(items[""].text, "simple layout: Graphviz failed") {
		t.Errorf("heading %q", items[""].text)
	}
}
