package graphtest

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/tempograph/tempograph/internal/quantity"
	"github.com/tempograph/tempograph/servicegraph"
)

// A TraceSource returns the spans of a trace that it has so far, none if it does not know
// the trace yet. A [*servicegraph.SkipError] means that the trace is incomplete. Any other
// error ends the sequence, and [Await] fails. *tempoclient.Client is a TraceSource.
type TraceSource interface {
	TraceSpans(ctx context.Context, id servicegraph.TraceID) iter.Seq2[servicegraph.Span, error]
}

// An AwaitOption is a setting of [Await].
type AwaitOption func(*awaiting)

// Until makes [Await] also wait until the rules hold. It is for rules that require something,
// such as [Path].
func Until(rules ...Rule) AwaitOption {
	return func(a *awaiting) { a.until = append(a.until, rules...) }
}

// Settle sets the settle time: how long no further span may arrive before a trace seems complete.
// It is 6 seconds by default, because the SDKs send spans every 5 seconds. If the services send
// more often, a shorter time makes the test faster; it should be longer than their interval.
func Settle(d time.Duration) AwaitOption { return func(a *awaiting) { a.settle = d } }

// Within sets the time after which [Await] gives up, 30 seconds by default.
func Within(d time.Duration) AwaitOption { return func(a *awaiting) { a.within = d } }

type awaiting struct {
	until          []Rule
	settle, within time.Duration

	spans []servicegraph.Span // the spans of the last answer
	parts []string            // what the last answer says is missing
	since time.Time           // when the number of spans last changed
}

// Await fetches a trace repeatedly until it seems complete, and returns its graph. A trace
// seems complete if it has a root span and the parents of all other spans, the source
// reports nothing as missing, the rules of Until hold, and then no further span is received
// for the settle time. Rules such as [Never] mean something only for a complete trace, so
// check them on the graph that Await returns.
//
// If only one parent span is missing in a trace without a root, the spans with this parent
// count as roots: the test itself is the parent if it sends a traceparent.
//
// If the time is over or the source fails, Await reports an error of the test, which says
// what is missing, and returns the graph of the last answer. Await also gives up when the
// context of t ends, if t has one.
func Await(t T, source TraceSource, id servicegraph.TraceID, options ...AwaitOption) *Observed {
	t.Helper()
	a := &awaiting{settle: 6 * time.Second, within: 30 * time.Second}
	for _, o := range options {
		o(a)
	}
	ctx := context.Background()
	if has, ok := t.(interface{ Context() context.Context }); ok {
		ctx = has.Context()
	}
	ctx, cancel := context.WithTimeout(ctx, a.within)
	defer cancel()

	started := time.Now()
	o, _ := a.observe()
	for pause := 50 * time.Millisecond; ; pause = min(pause*3/2, time.Second) {
		asked := time.Now()
		err := a.fetch(ctx, source, id)
		if err != nil && ctx.Err() == nil {
			t.Errorf("trace %s: %v", id, err)
			return o
		}
		if err == nil {
			o, _ = a.observe()
			if a.unready(o) == "" && asked.Sub(a.since) >= a.settle {
				return o
			}
		}
		select {
		case <-ctx.Done():
			t.Errorf("%s", a.message(o, id, time.Since(started)))
			leave(t, o.Graph)
			return o
		case <-time.After(pause):
		}
	}
}

// fetch fetches the trace once.
func (a *awaiting) fetch(ctx context.Context, source TraceSource, id servicegraph.TraceID) error {
	var spans []servicegraph.Span
	var parts []string
	for s, err := range source.TraceSpans(ctx, id) {
		if skip, ok := errors.AsType[*servicegraph.SkipError](err); ok {
			parts = append(parts, skip.Error())
			continue
		}
		if err != nil {
			return err
		}
		spans = append(spans, s)
	}
	if a.since.IsZero() || len(spans) != len(a.spans) {
		a.since = time.Now()
	}
	a.spans, a.parts = spans, parts
	return nil
}

// observe builds the graph of the last answer. The error is always nil.
func (a *awaiting) observe() (*Observed, error) {
	return Observe(func(yield func(servicegraph.Span, error) bool) {
		for _, s := range a.spans {
			if !yield(s, nil) {
				return
			}
		}
		for range a.parts {
			if !yield(servicegraph.Span{}, &servicegraph.SkipError{Offset: -1}) {
				return
			}
		}
	}, config())
}

// unready returns why the trace is not complete, "" if it seems complete.
func (a *awaiting) unready(o *Observed) string {
	if len(a.spans) == 0 {
		return "it has no spans: is the id right, was the trace sampled, and do the services send their spans to this backend?"
	}
	if len(a.parts) > 0 {
		return "the answer is incomplete: " + strings.Join(a.parts, "; ")
	}
	there := make(map[servicegraph.SpanID]bool)
	for _, s := range a.spans {
		there[s.SpanID] = true
	}
	roots := 0
	absent := make(map[servicegraph.SpanID]servicegraph.Span) // by parent
	for _, s := range a.spans {
		if s.ParentID.IsZero() {
			roots++
		} else if !there[s.ParentID] {
			absent[s.ParentID] = s
		}
	}
	if roots == 0 && len(absent) == 1 {
		absent = nil // the test itself is the parent
	}
	if len(absent) > 0 {
		var example servicegraph.Span
		for _, s := range absent {
			if example.SpanID.IsZero() || s.Start < example.Start {
				example = s
			}
		}
		return fmt.Sprintf("%s missing, for example span %s, the parent of %q of %s", quantity.Of(len(absent), "parent span"),
			example.ParentID, example.Name, nodeText(nodeOf(example)))
	}
	if violations := Violations(o, a.until...); len(violations) > 0 {
		return "the rules of Until do not hold: " + Message(o.Graph, violations, len(a.until))
	}
	return ""
}

// message returns the error for a trace that did not become complete in time.
func (a *awaiting) message(o *Observed, id servicegraph.TraceID, took time.Duration) string {
	why := a.unready(o)
	if why == "" {
		why = fmt.Sprintf("it still grew: the last span was received %[2]v ago, less than the settle time of %[1]v", a.settle, time.Since(a.since).Round(time.Millisecond))
	}
	text := fmt.Sprintf("trace %s is not complete after %v: %s", id, took.Round(time.Millisecond), why)
	newest := int64(0)
	for _, s := range a.spans {
		newest = max(newest, s.Start, s.End)
	}
	if newest > 0 {
		text += fmt.Sprintf("\n%s; the newest ended %v ago", quantity.Of(len(a.spans), "span"), time.Since(time.Unix(0, newest)).Round(time.Millisecond))
	}
	return text
}
