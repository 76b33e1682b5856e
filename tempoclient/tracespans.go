package tempoclient

import (
	"context"
	"errors"
	"iter"

	"github.com/tempograph/tempograph/servicegraph"
)

// TraceSpans yields the spans of one trace as far as Tempo has them now, ordered as in
// [Trace]: none if it does not know the trace. An error of the type
// [*servicegraph.SkipError] is Tempo's word that it does not give all of them; any other
// ends the sequence. Guesses, that more may come or that parents are missing, are left
// to who asks: package graphtest waits with this for a trace that a test has made.
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
