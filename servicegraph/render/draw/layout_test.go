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
					t.Error("another picture")
				}
			}
		})
	}
	wg.Wait()
}

func TestContextEndsTheWaitForOtherLayouts(t *testing.T) {
	state := <-engine // as if a layout were running
	defer func() { engine <- state }()
	ctx, cancel := context.WithCancelCause(t.Context())
	reason := errors.New("not wanted any more")
	done := make(chan error)
	go func() { done <- SVG{Options{Context: ctx}}.Render(io.Discard, chain(t, 2)) }()
	cancel(reason)
	if err := <-done; !errors.Is(err, reason) {
		t.Errorf("error %v, want %v", err, reason)
	}
}

func TestContextThatIsDoneStartsNoLayout(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range 50 { // the engine is free, too: which of the two is seen first is chance
		err := layout(ctx, []byte("digraph {}"), func([]byte) error {
			t.Error("a layout")
			return nil
		})
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("error %v", err)
		}
	}
}

// After a failure Graphviz's memory is not to be trusted.
func TestFailedLayoutIsTheLastOfTheProcess(t *testing.T) {
	defer func() { // it did not really fail
		<-engine
		engine <- nil
	}()
	reason := errors.New("left something out")
	if err := layout(t.Context(), []byte("digraph {}"), func([]byte) error { return reason }); !errors.Is(err, reason) {
		t.Fatalf("error %v, want %v", err, reason)
	}
	err := SVG{}.Render(io.Discard, chain(t, 2))
	if !errors.Is(err, reason) || !strings.Contains(err.Error(), "out of order") {
		t.Errorf("error %v", err)
	}
}
