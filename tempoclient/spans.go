package tempoclient

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tempograph/tempograph/servicegraph"
)

// fetchers is how many traces Spans fetches at the same time.
const fetchers = 8

// Spans yields all spans of the traces that the query finds, trace by trace in
// the order of [Client.Search], those of a trace by start. A trace is fetched
// whole, also where it reaches beyond the time range; for less than that at less cost
// see [Query].Fast.
//
// Some traces are fetched ahead, concurrently. All of that has ended when the
// loop over the sequence has.
//
// An error of the type [*servicegraph.SkipError] is a [*Warning] that spans may be
// missing, and reading goes on; any other error ends the sequence. It can be
// handed to [servicegraph.Build] as it is, which counts the former.
func (c *Client) Spans(ctx context.Context, q Query) iter.Seq2[servicegraph.Span, error] {
	return func(yield func(servicegraph.Span, error) bool) {
		var (
			progress Progress
			found    atomic.Int64
		)
		for t, err := range c.traces(ctx, q, &found) {
			if err != nil {
				if !yield(servicegraph.Span{}, err) {
					return
				}
				continue // the sequence itself knows whether it goes on
			}
			if q.Settle > 0 {
				t.warn(t.arriving(time.Now(), q.Settle))
			}
			if q.Progress != nil {
				progress.Found = int(found.Load())
				progress.Fetched++
				progress.Spans += len(t.Spans)
				q.Progress(progress)
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
}

// traces yields the traces that the query finds, in the order of Search, and counts
// in found how many it has found.
func (c *Client) traces(ctx context.Context, q Query, found *atomic.Int64) iter.Seq2[*Trace, error] {
	return func(yield func(*Trace, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		var work sync.WaitGroup
		defer work.Wait()
		defer cancel()

		// The order is that of the queue, whatever order the answers come in. Its
		// length bounds how far fetching runs ahead.
		type result struct {
			trace *Trace
			err   error
		}
		queue := make(chan chan result, fetchers)
		work.Go(func() {
			defer close(queue)
			for h, err := range c.hits(ctx, q) {
				place := make(chan result, 1)
				select {
				case queue <- place:
				case <-ctx.Done():
					return
				}
				if err != nil {
					place <- result{err: err}
					continue
				}
				found.Add(1)
				if h.whole {
					place <- result{trace: &Trace{ID: h.ID, Spans: h.spans}}
					continue
				}
				work.Go(func() {
					t, err := c.fetch(ctx, h.ID)
					place <- result{t, err}
				})
			}
		})
		for place := range queue {
			r := <-place
			if !yield(r.trace, r.err) {
				return
			}
			if _, skipped := errors.AsType[*servicegraph.SkipError](r.err); r.err != nil && !skipped {
				return
			}
		}
		if ctx.Err() != nil { // and so the search ended early
			yield(nil, c.ended(ctx))
		}
	}
}

// fetch is trace for a trace that a search has found: that it cannot be had is a
// warning about this trace alone.
func (c *Client) fetch(ctx context.Context, id servicegraph.TraceID) (*Trace, error) {
	t, err := c.trace(ctx, id)
	if err == nil {
		return t, nil
	}
	missing := func(why string) error {
		return c.skip(&Warning{Kind: WarnMissing, TraceID: id, Message: why})
	}
	if errors.Is(err, ErrNotFound) {
		return nil, missing("the search found it, but it is not there any more")
	}
	e, _ := errors.AsType[*Error](err)
	switch {
	case errors.Is(err, errTooLarge):
		return nil, missing(e.Err.Error())
	case e != nil && e.StatusCode == http.StatusUnprocessableEntity:
		return nil, missing(firstLine(e.Body))
	}
	return nil, err
}
