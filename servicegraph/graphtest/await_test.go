package graphtest_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/graphtest"
)

// A backend is a TraceSource whose trace grows over time.
type backend struct {
	started time.Time
	steps   []step
	asked   int
}

// A step is the answer of a backend from a certain time on.
type step struct {
	after time.Duration
	spans []servicegraph.Span
	err   error // after the spans
}

func (b *backend) TraceSpans(_ context.Context, id servicegraph.TraceID) iter.Seq2[servicegraph.Span, error] {
	b.asked++
	return func(yield func(servicegraph.Span, error) bool) {
		var now step
		for _, s := range b.steps {
			if time.Since(b.started) >= s.after {
				now = s
			}
		}
		for _, s := range now.spans {
			s.TraceID = id
			if !yield(s, nil) {
				return
			}
		}
		if now.err != nil {
			yield(servicegraph.Span{}, now.err)
		}
	}
}

// spans returns the first n spans of a trace in which web calls cart, which calls stock.
func spans(n int) []servicegraph.Span {
	span := func(id, parent byte, service string, kind servicegraph.Kind) servicegraph.Span {
		s := servicegraph.Span{SpanID: servicegraph.SpanID{id}, Service: service, Name: service, Kind: kind, Start: time.Now().UnixNano(), End: time.Now().UnixNano()}
		if parent > 0 {
			s.ParentID = servicegraph.SpanID{parent}
		}
		return s
	}
	return []servicegraph.Span{
		span(1, 0, "web", servicegraph.KindServer),
		span(2, 1, "web", servicegraph.KindClient),
		span(3, 2, "cart", servicegraph.KindServer),
		span(4, 3, "cart", servicegraph.KindClient),
		span(5, 4, "stock", servicegraph.KindServer),
	}[:n]
}

func TestAwait(t *testing.T) {
	const whole = 5
	partial := &servicegraph.SkipError{Source: "tempo", Offset: -1, Err: errors.New("the trace is too large")}
	for name, c := range map[string]struct {
		steps   []step
		options []graphtest.AwaitOption
		spans   uint64
		took    time.Duration // the shortest time that Await may take; it may take up to a second more
		says    []string      // parts of the error of the test
	}{
		"there at once": {steps: []step{{spans: spans(whole)}}, spans: whole, took: 2 * time.Second},
		"grows": {steps: []step{{after: time.Second, spans: spans(1)}, {after: 2500 * time.Millisecond, spans: spans(whole)}},
			spans: whole, took: 4500 * time.Millisecond},
		"connected, and yet without its end": {
			// The trace does not grow for longer than the settle time, and seems complete.
			steps:   []step{{spans: spans(3)}, {after: 5 * time.Second, spans: spans(whole)}},
			options: []graphtest.AwaitOption{graphtest.Until(graphtest.Path("web -> cart -> stock")), graphtest.Settle(time.Second)},
			spans:   whole, took: 6 * time.Second},
		"parents later": {steps: []step{{spans: []servicegraph.Span{spans(5)[0], spans(5)[4]}}, {after: 4 * time.Second, spans: spans(whole)}},
			spans: whole, took: 6 * time.Second},
		"partial for a while": {steps: []step{{spans: spans(whole), err: partial}, {after: 3 * time.Second, spans: spans(whole)}},
			spans: whole, took: 3 * time.Second},
		"the root is in the test": {steps: []step{{spans: spans(whole)[1:]}}, spans: whole - 1, took: 2 * time.Second},

		"never there": {took: 30 * time.Second, says: []string{"not complete after 30s", "it has no spans"}},
		"partial for ever": {steps: []step{{spans: spans(whole), err: partial}}, spans: whole, took: 30 * time.Second,
			says: []string{"the answer is incomplete: tempo: the trace is too large"}},
		"without a parent": {steps: []step{{spans: []servicegraph.Span{spans(5)[0], spans(5)[4]}}}, spans: 2, took: 30 * time.Second,
			says: []string{`1 parent span missing, for example span 0400000000000000, the parent of "stock" of stock`, "2 spans; the newest ended 30s ago"}},
		"without the rules": {steps: []step{{spans: spans(whole)}}, spans: whole, took: 3 * time.Second,
			options: []graphtest.AwaitOption{graphtest.Until(graphtest.Path("web -> cart -> redis")), graphtest.Within(3 * time.Second)},
			says:    []string{"the rules of Until do not hold", "✗ path web -> cart -> redis", "cart calls only stock"}},
		"never at rest": {steps: []step{{spans: spans(1)}, {after: time.Second, spans: spans(2)}, {after: 2 * time.Second, spans: spans(3)}},
			spans: 3, took: 3 * time.Second, options: []graphtest.AwaitOption{graphtest.Within(3 * time.Second)},
			says: []string{"less than the settle time of 2s"}},
		"refused": {steps: []step{{err: errors.New("no org id")}}, says: []string{"no org id"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := &backend{started: time.Now(), steps: c.steps}
				for i := range b.steps { // make the times relative to the clock of the bubble
					for j := range b.steps[i].spans {
						b.steps[i].spans[j].Start, b.steps[i].spans[j].End = time.Now().UnixNano(), time.Now().UnixNano()
					}
				}
				ft := &fakeT{}
				options := append([]graphtest.AwaitOption{graphtest.Settle(2 * time.Second)}, c.options...)
				g := graphtest.Await(ft, b, servicegraph.TraceID{9}, options...)
				if took := time.Since(b.started); took < c.took || took > c.took+1500*time.Millisecond {
					t.Errorf("took %v, want %v", took, c.took)
				}
				if got := g.Report().Spans; got != c.spans {
					t.Errorf("%d spans, want %d", got, c.spans)
				}
				if (len(ft.errors) > 0) != (len(c.says) > 0) {
					t.Errorf("errors: %s", ft.text())
				}
				for _, want := range c.says {
					if !strings.Contains(ft.text(), want) {
						t.Errorf("no %q in\n%s", want, ft.text())
					}
				}
				if b.asked > 40 {
					t.Errorf("asked %d times", b.asked)
				}
			})
		})
	}
}

// TestAwaitSettles: by default the settle time is longer than the interval of the SDKs, 5 seconds,
// so that the spans of a second service are not missed.
func TestAwaitSettles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &backend{started: time.Now(), steps: []step{
			{spans: []servicegraph.Span{{TraceID: servicegraph.TraceID{9}, SpanID: servicegraph.SpanID{1}, Service: "web"}}},
			{after: 5 * time.Second, spans: []servicegraph.Span{
				{TraceID: servicegraph.TraceID{9}, SpanID: servicegraph.SpanID{1}, Service: "web"},
				{TraceID: servicegraph.TraceID{9}, SpanID: servicegraph.SpanID{2}, ParentID: servicegraph.SpanID{1}, Service: "cart"},
			}},
		}}
		if got := graphtest.Await(t, b, servicegraph.TraceID{9}).Report().Spans; got != 2 {
			t.Errorf("%d spans, want 2", got)
		}
	})
}

// A doneT is a test whose context has ended.
type doneT struct {
	fakeT
	ctx context.Context
}

func (d *doneT) Context() context.Context { return d.ctx }

func TestAwaitEndsWithTheTest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		dt := &doneT{ctx: ctx}
		started := time.Now()
		graphtest.Await(dt, &backend{started: started}, servicegraph.TraceID{9})
		if took := time.Since(started); took != time.Second || len(dt.errors) != 1 {
			t.Errorf("after %v: %s", took, dt.text())
		}
	})
}

func ExampleAwait() {
	var t graphtest.T = &fakeT{} // stands for a *testing.T
	var tempo graphtest.TraceSource = &backend{steps: []step{{spans: spans(5)}}}
	id := servicegraph.TraceID{9} // the trace of a request that the test has made

	g := graphtest.Await(t, tempo, id,
		graphtest.Until(graphtest.Path("web -> cart -> stock")),
		graphtest.Settle(10*time.Millisecond), graphtest.Within(10*time.Second))
	ok := graphtest.Check(t, g, graphtest.Never("web", "stock")) // needs the complete trace
	fmt.Println(ok)
	// Output: true
}
