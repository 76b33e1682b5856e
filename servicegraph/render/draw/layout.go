package draw

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/goccy/go-graphviz"

	"github.com/tempograph/tempograph/servicegraph/render/draw/internal/cachedir"
)

// go-graphviz is initialized before this init function; see package cachedir.
func init() { cachedir.Restore() }

// engine guards the WebAssembly module of go-graphviz, one for the process. Two
// goroutines that use the module at the same time crash the process ("concurrent map
// writes"), so a user takes the value out of the channel and puts it back afterwards.
// Unlike the wait for a mutex, the wait for a channel can be canceled. The value is the
// error after which the module is unusable, or nil: a failed layout does not free its
// stack, and later layouts would overwrite the data.
var engine = func() chan error {
	c := make(chan error, 1)
	c <- nil
	return c
}()

// layout lays out DOT and passes the answer, in the format json0, to accept. Canceling
// ctx ends the wait for other layouts; a running layout cannot be canceled. Graphviz
// does not get ctx: it would not stop, but leave the module in a state that breaks the
// next layout.
//
// If Graphviz or accept fails, every later layout of this process fails as well.
func layout(ctx context.Context, dot []byte, accept func(json0 []byte) error) error {
	var broken error
	select {
	case broken = <-engine:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	defer func() { engine <- broken }()
	if broken != nil {
		return fmt.Errorf("graphviz is unusable after it failed in this process: %w", broken)
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
