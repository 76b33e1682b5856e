package tempoclient

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"sync"
	"time"

	"github.com/tempograph/tempograph/internal/quantity"
	"github.com/tempograph/tempograph/servicegraph"
)

// fetchers is how many traces Spans fetches concurrently. Tempo serves more concurrent fetches no
// faster.
const fetchers = 8

// Spans yields all spans of the traces that the query finds, trace by trace in the order of
// [Client.Search], the spans of a trace by start. Spans yields all spans of a trace, even if the
// trace extends past the time range.
//
// Spans reads the spans of many traces from one search answer if the answer shows the same
// spans as a fetch by id, except for the order of attributes. It fetches the other traces by
// id, some concurrently: see [Cost] for the reasons, and Query.Exact. All requests have ended
// when the loop over the sequence ends.
//
// An error of the type [*servicegraph.SkipError] is a [*Warning] that spans may be
// missing, and reading goes on; any other error ends the sequence. [servicegraph.Build]
// takes the sequence as it is, and counts the warnings.
func (c *Client) Spans(ctx context.Context, q Query) iter.Seq2[servicegraph.Span, error] {
	return func(yield func(servicegraph.Span, error) bool) {
		var progress Progress
		for r := range c.traces(ctx, q) {
			if r.err != nil {
				if !yield(servicegraph.Span{}, r.err) {
					return
				}
				continue // traces ends the sequence after an error that is not a warning
			}
			t := r.trace
			if q.Settle > 0 {
				t.warn(t.arriving(time.Now(), q.Settle))
			}
			if q.Progress != nil {
				progress.Found, progress.Cost = r.found, r.cost
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

// A result is a trace or an error.
type result struct {
	trace    *Trace
	selected bool // whether the trace comes from a search
	err      error
	found    int
	cost     Cost
}

// traces yields the traces that the query finds, in the order of Search.
func (c *Client) traces(ctx context.Context, q Query) iter.Seq[result] {
	return func(yield func(result) bool) {
		ctx, cancel := context.WithCancel(ctx)
		var work sync.WaitGroup
		defer work.Wait()
		defer cancel()

		// The queue keeps the order of the traces when answers arrive in another order. Its length
		// bounds how far fetching runs ahead.
		queue := make(chan chan result, fetchers)
		work.Go(func() {
			defer close(queue)
			p := &producer{client: c, queue: queue, slots: make(chan struct{}, fetchers), work: &work}
			if err := p.run(ctx, q); err != nil {
				p.put(ctx, result{err: err})
			}
		})
		selected, weighted := 0, false
		for place := range queue {
			r := <-place
			switch {
			case r.selected:
				selected++
			case r.trace != nil:
				weighted = weighted || isWeighted(r.trace.Spans)
			}
			if !yield(r) {
				return
			}
			if _, skipped := errors.AsType[*servicegraph.SkipError](r.err); r.err != nil && !skipped {
				return
			}
		}
		switch {
		case ctx.Err() != nil: // the producer ended early because ctx ended
			yield(result{err: c.ended(ctx)})
		case weighted && selected > 0:
			yield(result{err: c.skip(&Warning{Kind: WarnWeights, Message: fmt.Sprintf(
				"some traces have sampling weights, and %s were read from searches, which show no weights, so calls may be missing: fetch all traces by id (Query.Exact)", quantity.Of(selected, "other trace"))})})
		}
	}
}

// A producer requests traces and puts them into a queue.
type producer struct {
	client *Client
	queue  chan<- chan result
	slots  chan struct{} // one for each fetch
	work   *sync.WaitGroup
	found  int
	cost   Cost
}

// run requests the traces that a query finds.
func (p *producer) run(ctx context.Context, q Query) error {
	s, searchErr := p.client.find(ctx, q)
	if s == nil {
		return searchErr
	}
	all := s.traces()
	found := q.newest(all)
	p.found, p.cost.Requests = len(found), s.requests
	if n := len(all) - len(found); n > 0 {
		atLeast := map[bool]string{true: "at least "}[s.cut]
		s.warn(&Warning{Kind: WarnLimit, Traces: n, Message: fmt.Sprintf("%s%s of %s%s left out, the oldest, because the limit of the query is %s",
			atLeast, quantity.Number(n), atLeast, quantity.Of(len(all), "trace"), quantity.Number(q.Limit))})
	}
	for _, w := range s.warnings {
		if !p.put(ctx, result{err: p.client.skip(w)}) {
			return nil
		}
	}
	selected, err := p.client.newSelection(ctx, q, s, found, &p.cost)
	if err != nil {
		return err
	}
	if selected == nil {
		for _, f := range found {
			p.cost.ByID++
			if !p.fetch(ctx, f.ID) {
				return nil
			}
		}
		return searchErr
	}
	groups := groups(found)
	for _, group := range groups {
		read, err := selected.read(ctx, q, group, len(groups) == 1)
		if err != nil {
			return err
		}
		p.group(ctx, selected, group, read)
	}
	return searchErr
}

// group puts the traces of a group into the queue, and fetches those that were not read from
// searches.
func (p *producer) group(ctx context.Context, s *selection, group []*foundTrace, read map[servicegraph.TraceID]*Trace) {
	for _, f := range group {
		if t := read[f.ID]; t != nil {
			p.cost.Selected++
			if !p.put(ctx, result{trace: t, selected: true}) {
				return
			}
			continue
		}
		s.reason(f)
		p.cost.ByID++
		if t := s.fetched[f.ID]; t != nil && len(t.Spans) > 0 {
			if !p.put(ctx, result{trace: t}) {
				return
			}
			continue
		}
		if !p.fetch(ctx, f.ID) {
			return
		}
	}
}

// fetch fetches a trace in the background, so that the next traces can be requested. It returns
// false if ctx ends before the trace has a place in the queue.
func (p *producer) fetch(ctx context.Context, id servicegraph.TraceID) bool {
	p.cost.Requests++
	place, ok := p.place(ctx)
	if !ok {
		return false
	}
	r := result{found: p.found, cost: p.cost}
	p.slots <- struct{}{} // does not block for long: fetches end with ctx
	p.work.Go(func() {
		r.trace, r.err = p.client.fetch(ctx, id)
		<-p.slots
		place <- r
	})
	return true
}

// place returns the next place in the queue, and false if ctx ends first.
func (p *producer) place(ctx context.Context) (chan<- result, bool) {
	place := make(chan result, 1)
	select {
	case p.queue <- place:
		return place, true
	case <-ctx.Done():
		return nil, false
	}
}

// put puts a result into the queue, and returns false if ctx ends first.
func (p *producer) put(ctx context.Context, r result) bool {
	place, ok := p.place(ctx)
	if ok {
		r.found, r.cost = p.found, p.cost
		place <- r
	}
	return ok
}

// fetch is like trace, for a trace that a search has found. If Tempo does not return the trace, the
// error is a warning about this trace alone.
func (c *Client) fetch(ctx context.Context, id servicegraph.TraceID) (*Trace, error) {
	t, err := c.trace(ctx, id)
	if err == nil {
		return t, nil
	}
	missing := func(why string) error {
		return c.skip(&Warning{Kind: WarnMissing, TraceID: id, Message: why})
	}
	if errors.Is(err, ErrNotFound) {
		return nil, missing("the search found it, but it was deleted meanwhile")
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
