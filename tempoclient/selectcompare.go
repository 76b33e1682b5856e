package tempoclient

import (
	"cmp"
	"context"
	"encoding/binary"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tempograph/tempograph/servicegraph"
)

const (
	// maxCompared is the approximate number of traces in each group that are fetched by id to
	// compare them with the search. Such fetches take Tempo some tenths of a second.
	maxCompared = 24

	// arrived is the age at which searches show all spans of a trace, unless spans arrive late.
	// Unless configured otherwise, Tempo takes some seconds, up to half a minute, until a search
	// finds a new span.
	arrived = time.Minute
)

// A rootSpan names the root of a trace.
type rootSpan struct{ service, name string }

// fetch fetches traces by id into s.fetched. A trace that Tempo does not return is in s.fetched
// without spans.
func (s *selection) fetch(ctx context.Context, traces []*foundTrace) error {
	var (
		mu    sync.Mutex
		work  sync.WaitGroup
		slots = make(chan struct{}, fetchers)
	)
	for _, f := range traces {
		if ctx.Err() != nil {
			break
		}
		s.cost.Requests++
		s.cost.Compared++
		slots <- struct{}{}
		work.Go(func() {
			defer func() { <-slots }()
			t, err := s.client.fetch(ctx, f.ID)
			if err != nil {
				t = &Trace{}
			}
			mu.Lock()
			defer mu.Unlock()
			s.fetched[f.ID] = t
			s.weighted = s.weighted || isWeighted(t.Spans)
		})
	}
	work.Wait()
	if ctx.Err() != nil {
		return s.client.ended(ctx)
	}
	return nil
}

// isSame reports whether a trace from a search is the same as the fetched one.
func (s *selection) isSame(t *Trace) bool {
	fetched := s.fetched[t.ID]
	return len(fetched.Warnings) == 0 && sameSpans(t.Spans, fetched.Spans)
}

// checkParentless removes from read those traces with missing parents that must be fetched by id,
// because the parents can be in a part of the trace that the search did not reach. A few such
// traces are simply fetched. Of many such traces, checkParentless fetches and compares a sample: if
// the fetched traces lack the same parents, checkParentless keeps all traces in read. differ says
// that a fetch of one such trace is already known to show more spans.
func (s *selection) checkParentless(ctx context.Context, read map[servicegraph.TraceID]*Trace, parentless []*foundTrace, differ bool) error {
	since := time.Now().Add(-arrived)
	parentless = slices.DeleteFunc(parentless, func(f *foundTrace) bool {
		recent := f.Start.Add(f.Duration).After(since)
		if recent {
			delete(read, f.ID)
		}
		return recent || read[f.ID] == nil
	})
	same := len(parentless) > 2*maxCompared && !differ
	if same {
		sample := evenly(parentless, maxCompared)
		if err := s.fetch(ctx, sample); err != nil {
			return err
		}
		same = !s.weighted && !slices.ContainsFunc(sample, func(f *foundTrace) bool { return !s.isSame(read[f.ID]) })
	}
	switch {
	case s.weighted:
		clear(read)
	case !same:
		for _, f := range parentless {
			delete(read, f.ID)
		}
	}
	return nil
}

// sample returns the traces to compare: one for each name of a root span, and further ones for each
// root service, spread over the time range.
func (s *selection) sample(traces []*foundTrace) []*foundTrace {
	services := make(map[string][]*foundTrace)
	var some []*foundTrace
	most := min(maxCompared, 4+len(traces)/200)
	for _, f := range traces {
		services[f.RootService] = append(services[f.RootService], f)
		if r := (rootSpan{f.RootService, f.RootName}); !s.names[r] && len(some) < most {
			s.names[r] = true
			some = append(some, f)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(services)) {
		some = append(some, evenly(services[name], max(2, most/len(services)))...)
	}
	slices.SortFunc(some, func(a, b *foundTrace) int { return newestFirst(a.TraceSummary, b.TraceSummary) })
	return slices.Compact(some)
}

// evenly returns n of the traces, spread over their time range, or all traces if there are fewer
// than n.
func evenly(traces []*foundTrace, n int) []*foundTrace {
	var some []*foundTrace
	n = min(n, len(traces))
	for i := range n {
		// A hash chooses the trace, not the position: a sampler may keep every second trace.
		part := traces[i*len(traces)/n : (i+1)*len(traces)/n]
		some = append(some, slices.MinFunc(part, func(a, b *foundTrace) int { return cmp.Compare(hash(a.ID), hash(b.ID)) }))
	}
	return some
}

// hash mixes the bits of an id. The upper bits of a product depend on all lower bits of its
// factors.
func hash(id servicegraph.TraceID) uint64 {
	const factor = 0x9e3779b97f4a7c15
	h := (binary.BigEndian.Uint64(id[:8]) ^ binary.BigEndian.Uint64(id[8:])) * factor
	return (h ^ h>>32) * factor
}

// isWeighted reports whether one of the spans has a sampling weight other than 1.
func isWeighted(spans []servicegraph.Span) bool {
	return slices.ContainsFunc(spans, func(s servicegraph.Span) bool { return s.Weight != 0 && s.Weight != 1 })
}

// sameSpans reports whether two lists have the same spans, whatever the order of their
// attributes.
func sameSpans(a, b []servicegraph.Span) bool {
	return slices.EqualFunc(a, b, func(a, b servicegraph.Span) bool {
		a.Attrs, a.Resource = inOrder(a.Attrs), inOrder(a.Resource)
		b.Attrs, b.Resource = inOrder(b.Attrs), inOrder(b.Resource)
		return len(a.Links) == len(b.Links) && reflect.DeepEqual(a, b)
	})
}

// inOrder returns attributes ordered by key, and nil for none.
func inOrder(attrs []servicegraph.Attr) []servicegraph.Attr {
	if len(attrs) == 0 {
		return nil
	}
	attrs = slices.Clone(attrs)
	slices.SortStableFunc(attrs, func(a, b servicegraph.Attr) int { return strings.Compare(a.Key, b.Key) })
	return attrs
}
