package draw

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/goccy/go-graphviz"

	"github.com/tempograph/tempograph/servicegraph/render/draw/internal/cachedir"
)

// go-graphviz has been initialised when this runs; see package cachedir.
func init() { cachedir.Restore() }

// engine is the one WebAssembly module that go-graphviz has for the process. Two
// goroutines in it at a time end the process with "concurrent map writes", so
// whoever uses it takes it out of the channel, which unlike a mutex can be waited
// for until a context is done. The value is what went wrong with it, if anything:
// Graphviz leaves off where it fails, and does not free its stack, so that later
// layouts would overwrite its data.
var engine = func() chan error {
	c := make(chan error, 1)
	c <- nil
	return c
}()

// layout returns Graphviz's answer to DOT, in its format json0. It waits for its turn until ctx is done;
// from then on nothing stops it. Graphviz never gets to see ctx: it would not
// stop, but leave its module behind in a state that breaks the next layout.
//
// accept turns the answer into the result. If it or Graphviz fails, layouts in this
// process are at an end.
func layout(ctx context.Context, dot []byte, accept func(json0 []byte) error) error {
	var broken error
	select {
	case broken = <-engine:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	defer func() { engine <- broken }()
	if broken != nil {
		return fmt.Errorf("graphviz is out of order since it failed in this process: %w", broken)
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	broken = errors.New("it panicked")
	answer, err := graphvizLayout(dot)
	if err == nil {
		err = accept(answer)
	}
	broken = err
	return err
}

func graphvizLayout(dot []byte) (json0 []byte, err error) {
	ctx := context.Background()
	g, err := graphviz.New(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, g.Close()) }()
	graph, err := graphviz.ParseBytes(dot)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, graph.Close()) }()
	var out bytes.Buffer
	if err := g.Render(ctx, graph, "json0", &out); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}
