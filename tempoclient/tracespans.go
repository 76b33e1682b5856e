package tempoclient

import (
	"context"
	"errors"
	"iter"

	"github.com/tempograph/tempograph/servicegraph"
)

// TraceSpans yields the spans of one trace that Tempo has now, in the order of [Trace]. It
// yields no span if Tempo does not know the trace. An error of the type
// [*servicegraph.SkipError] says that Tempo does not return all spans; any other error ends the
// sequence. TraceSpans warns neither about spans that may still arrive nor about missing
// parents, because package graphtest calls it repeatedly while it waits for the trace of a
// test.
func (c *Client) TraceSpans(ctx context.Context, id servicegraph.TraceID) iter.Seq2[servicegraph.Span, error] {
	return func(yield func(servicegraph.Span, error) bool) {
		t, err := c.trace(ctx, id)
		if errors.Is(err, ErrNotFound) {
			return
		}
		if err != nil {
			yield(servicegraph.Span{}, err)
			return
		}
		for _, s := range t.Spans {
			if !yield(s, nil) {
				return
			}
		}
		for _, w := range t.Warnings {
			if !yield(servicegraph.Span{}, c.skip(w)) {
				return
			}
		}
	}
}
