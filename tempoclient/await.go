package tempoclient

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tempograph/tempograph/servicegraph"
)

// Await fetches a trace again and again, until it exists and the number of its spans has
// not changed for the settle time, and returns what it has then. Tempo itself does
// not know when a trace is complete; a settle time of some seconds more than
// the interval in which the services send their spans is a good guess.
//
// It fetches about 5 times in the settle time, at least 50 milliseconds and at most a
// second apart. If ctx ends first, Await returns its error along with the trace
// as far as it has come, nil if there is none; bound ctx, or it waits for ever for a
// trace that nobody sends.
func (c *Client) Await(ctx context.Context, id servicegraph.TraceID, settle time.Duration) (*Trace, error) {
	tick := time.NewTicker(min(max(settle/5, 50*time.Millisecond), time.Second))
	defer tick.Stop()
	var (
		trace *Trace
		since time.Time // when it was first seen with as many spans
		last  error
	)
	for {
		// The time before the answer is taken: what arrives after it does not count.
		asked := time.Now()
		t, err := c.trace(ctx, id)
		switch {
		case ctx.Err() != nil:
			// what came before it is told below
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
				return trace, fmt.Errorf("%s: trace %s: still growing, or not long enough at rest: %w", c.name(), id, context.Cause(ctx))
			}
			if last == nil {
				return nil, c.ended(ctx)
			}
			return nil, fmt.Errorf("%w: %w", last, context.Cause(ctx))
		case <-tick.C:
		}
	}
}
