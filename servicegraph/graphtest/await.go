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

// A TraceSource gives the spans of one trace, as far as it has them: none if it
// does not know the trace yet. A [*servicegraph.SkipError] says that something is
// left out of the trace; any other error ends the sequence, and the waiting.
// *tempoclient.Client is one.
type TraceSource interface {
	TraceSpans(ctx context.Context, id servicegraph.TraceID) iter.Seq2[servicegraph.Span, error]
}

// An AwaitOption says how [Await] waits.
type AwaitOption func(*awaiting)

// Until waits for rules to hold: those that ask for something to be there. By
// default the trace alone decides.
func Until(rules ...Rule) AwaitOption {
	return func(a *awaiting) { a.until = append(a.until, rules...) }
}

// Settle waits until no span has come for so long, 2 seconds by default. It should
// be more than the interval in which the services send their spans, which is 5
// seconds in an SDK that was not told otherwise.
func Settle(d time.Duration) AwaitOption { return func(a *awaiting) { a.settle = d } }

// Within gives up after so long, 30 seconds by default.
func Within(d time.Duration) AwaitOption { return func(a *awaiting) { a.within = d } }

type awaiting struct {
	until          []Rule
	settle, within time.Duration

	spans []servicegraph.Span // of the last answer
	parts []string            // what it leaves out
	since time.Time           // when there were first as many
}

// Await asks for a trace again and again, until it is complete as far as can be told,
// and returns its graph. It is: when a root span and the parents of all others are
// there, no answer says that something was left out, the rules of Until hold, and
// then no span has come for the settle time. Only after that a rule such as [Never]
// means anything, so check those on what Await returns.
//
// A root whose parent is in the test itself, which has sent a traceparent of its own,
// is a root too.
//
// If the time is up, or the source fails, the test fails, and says what was missing;
// the graph is that of the last answer. Await ends with the context of t, if it has
// one.
func Await(t T, source TraceSource, id servicegraph.TraceID, options ...AwaitOption) *Observed {
	t.Helper()
	a := &awaiting{settle: 2 * time.Second, within: 30 * time.Second}
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

// fetch asks once.
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
	}, servicegraph.Config{})
}

// unready says why the trace is not complete, "" if nothing speaks against it.
func (a *awaiting) unready(o *Observed) string {
	if len(a.spans) == 0 {
		return "there is no span of it: was the id the right one, was it sampled, and did the services send their spans there?"
	}
	if len(a.parts) > 0 {
		return "it is not given completely: " + strings.Join(a.parts, "; ")
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
		absent = nil // the parent is in the test
	}
	if len(absent) > 0 {
		var example servicegraph.Span
		for _, s := range absent {
			if example.SpanID.IsZero() || s.Start < example.Start {
				example = s
			}
		}
		return fmt.Sprintf("%s not there, such as span %s, the parent of %q of %s", quantity.Of(len(absent), "parent span"),
			example.ParentID, example.Name, nodeText(nodeOf(example)))
	}
	if violations := Violations(o, a.until...); len(violations) > 0 {
		return "what it should have is not there yet: " + Message(o.Graph, violations, len(a.until))
	}
	return ""
}

// message says why the time ran out.
func (a *awaiting) message(o *Observed, id servicegraph.TraceID, took time.Duration) string {
	why := a.unready(o)
	if why == "" {
		why = fmt.Sprintf("it has not been at rest for %v: the last span came %v ago", a.settle, time.Since(a.since).Round(time.Millisecond))
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
