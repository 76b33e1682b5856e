package tempoclient

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tempograph/tempograph/servicegraph"
)

// Await fetches a trace repeatedly, until the trace exists and the number of its spans has
// not changed for the settle time, and returns the trace. Tempo does not know when a
// trace is complete; a good settle time is some seconds longer than the interval at which
// the services send their spans.
//
// Await fetches about 5 times in the settle time, at least 50 milliseconds and at most one
// second apart. If ctx ends first, Await returns the error of ctx and the trace so far,
// nil if there is none. Without a deadline in ctx, Await waits forever for a trace that
// nobody sends.
func (c *Client) Await(ctx context.Context, id servicegraph.TraceID, settle time.Duration) (*Trace, error) {
	tick := time.NewTicker(min(max(settle/5, 50*time.Millisecond), time.Second))
	defer tick.Stop()
	var (
		trace *Trace
		since time.Time // when Tempo first returned the trace with its present number of spans
		last  error
	)
	for {
		// asked is the time of the request: the answer may lack spans that arrive later.
		asked := time.Now()
		t, err := c.trace(ctx, id)
		switch {
		case ctx.Err() != nil:
			// the select below returns the trace of an earlier answer
		case err == nil:
			last = nil
			if trace == nil || len(t.Spans) != len(trace.Spans) {
				since = time.Now()
			}
			trace = t
			if asked.Sub(since) >= settle {
				trace.warn(trace.orphans())
				return trace, nil
			}
		case errors.Is(err, ErrNotFound):
			last = err
		default:
			return trace, err
		}
		select {
		case <-ctx.Done():
			if trace != nil {
				return trace, fmt.Errorf("%s: trace %s: the number of its spans still changes, or has not been stable for the settle time: %w", c.name(), id, context.Cause(ctx))
			}
			if last == nil {
				return nil, c.ended(ctx)
			}
			return nil, fmt.Errorf("%w: %w", last, context.Cause(ctx))
		case <-tick.C:
		}
	}
}
