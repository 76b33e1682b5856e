package source

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"strings"
	"sync/atomic"
	"time"

	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/console"
	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/exit"
	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/timerange"
	"github.com/tempograph/tempograph/internal/quantity"
	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/tempoclient"
)

// Tempo reads traces from Tempo.
type Tempo struct {
	Client *tempoclient.Client
	Name   string // in messages: "tempo http://localhost:3200"
	OrgID  string // the tenant; empty: none
	Stderr *console.Console
}

// Query returns the spans of the newest traces that match a query. It returns at most limit traces;
// 0 means no limit.
func (t Tempo) Query(traceQL string, limit int, when timerange.Period) Source {
	found := "no traces"
	if traceQL != "" {
		found += " match " + traceQL
	}
	advice := "look further back with --since, or try again in some seconds if the traces are new"
	switch {
	case when.From.After(time.Now()):
		advice = "this time range is in the future"
	case t.OrgID != "":
		advice += fmt.Sprintf(", and check the tenant, %s", t.OrgID)
	}
	var progress atomic.Pointer[tempoclient.Progress]
	return Source{
		Name:    t.Name,
		Origin:  t.Name,
		Close:   t.Client.Close,
		About:   when.Text,
		Title:   cmp.Or(traceQL, "all traces") + ", " + when.Text,
		Nothing: exit.With(exit.Nothing, fmt.Errorf("%s: %s, %s: %s", t.Name, found, when.Text, advice)),
		Limit:   limit,
		Spans: func(ctx context.Context) iter.Seq2[servicegraph.Span, error] {
			spans := t.Client.Spans(ctx, tempoclient.Query{
				TraceQL: traceQL,
				Start:   when.From, End: when.To,
				Limit:    limit,
				Progress: func(p tempoclient.Progress) { progress.Store(&p) },
			})
			return func(yield func(servicegraph.Span, error) bool) {
				advised(limited(t.withoutRecent(spans), limit, when.Text))(yield)
				if p := progress.Load(); p != nil {
					t.Stderr.Detailf("%s", costText(p.Cost))
				}
			}
		},
		Progress: func() string {
			if p := progress.Load(); p != nil {
				return fmt.Sprintf("%s of %s", quantity.Number(p.Fetched), quantity.Of(p.Found, "trace"))
			}
			return "searching"
		},
	}
}

// Traces returns the spans of the traces with given ids. A missing trace is an error, like a
// missing file.
func (t Tempo) Traces(list []string) (Source, error) {
	ids, err := parseTraceIDs(list)
	if err != nil {
		return Source{}, err
	}
	return Source{
		Name:   t.Name,
		Origin: t.Name,
		Close:  t.Client.Close,
		Title:  "trace " + strings.Join(list, ", "),
		Spans: func(ctx context.Context) iter.Seq2[servicegraph.Span, error] {
			return advised(func(yield func(servicegraph.Span, error) bool) {
				for _, id := range ids {
					if !t.trace(ctx, id, yield) {
						return
					}
				}
			})
		},
	}, nil
}

// trace yields the spans of a trace, and the warnings about the trace as skipped records. It
// returns false if the loop over the sequence has ended.
func (t Tempo) trace(ctx context.Context, id servicegraph.TraceID, yield func(servicegraph.Span, error) bool) bool {
	found, err := t.Client.Trace(ctx, id)
	if err != nil {
		yield(servicegraph.Span{}, err)
		return false
	}
	for _, s := range found.Spans {
		if !yield(s, nil) {
			return false
		}
	}
	for _, w := range found.Warnings {
		switch w.Kind {
		case tempoclient.WarnOrphans: // the report of the graph counts them
		case tempoclient.WarnArriving:
			t.Stderr.Warnf("%v", w)
		default:
			if !yield(servicegraph.Span{}, &servicegraph.SkipError{Source: t.Name, Offset: -1, Err: w}) {
				return false
			}
		}
	}
	return true
}

// parseTraceIDs returns the values of --trace.
func parseTraceIDs(list []string) (ids []servicegraph.TraceID, err error) {
	for _, text := range list {
		id, err := servicegraph.ParseTraceID(text)
		if err != nil {
			return nil, exit.Usagef("--trace: %w", err)
		}
		ids = append(ids, id)
	}
	return ids, nil
}

// costText describes the requests that reading from Tempo took.
func costText(c tempoclient.Cost) string {
	text := fmt.Sprintf("%s to Tempo: %s from searches, %s by id",
		quantity.Of(c.Requests, "request"), quantity.Of(c.Selected, "trace"), quantity.Number(c.ByID))
	var reasons []string
	for _, r := range []struct {
		n    int
		text string
	}{
		{c.Exact, "few traces"},
		{c.Attributes, "too many attributes for a search"},
		{c.Sparse, "the query selects few of many traces"},
		{c.Linked, "with links"},
		{c.Incomplete, "not complete in the search"},
		{c.Differs, "with weights, or otherwise different in the search"},
	} {
		if r.n > 0 {
			reasons = append(reasons, fmt.Sprintf("%d: %s", r.n, r.text))
		}
	}
	if len(reasons) > 0 {
		text += " (" + strings.Join(reasons, "; ") + ")"
	}
	return text
}
