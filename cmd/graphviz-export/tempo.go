package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/tempoclient"
)

// queryFlags are the flags that say what to ask a Tempo for, and as whom.
var queryFlags = []string{"query", "trace", "since", "from", "to", "limit", "org-id"}

// tempoFlags say which Tempo to ask, and for what.
type tempoFlags struct {
	url    string
	config tempoclient.Config // from the environment
	orgID  string
	query  string
	traces []string
	time   timeRange
	limit  int
}

// tempoSource returns the spans of the traces in question, as a Tempo has them.
func (e *export) tempoSource() (source, error) {
	e.tempo.config.OrgID = cmp.Or(e.tempo.orgID, e.tempo.config.OrgID)
	e.tempo.config.Keep = servicegraph.Config{}.Reads
	client, err := tempoclient.New(e.tempo.url, e.tempo.config)
	if err != nil {
		return source{}, &statusError{statusUsage, err}
	}
	var src source
	if len(e.tempo.traces) > 0 {
		src, err = e.traceSource(client)
	} else {
		src, err = e.querySource(client)
	}
	src.name = "tempo " + withoutUser(e.tempo.url)
	src.close = client.Close
	return src, err
}

// querySource returns the spans of the traces that a query finds.
func (e *export) querySource(client *tempoclient.Client) (source, error) {
	t := e.tempo
	if t.limit < 0 {
		return source{}, usagef("--limit %d: want a number of traces, or 0 for all", t.limit)
	}
	from, to, err := t.time.bounds(time.Now())
	if err != nil {
		return source{}, err
	}
	found := "no traces"
	if t.query != "" {
		found += " match " + t.query
	}
	var progress atomic.Pointer[tempoclient.Progress]
	return source{
		about:   " (" + t.time.String() + ")",
		title:   cmp.Or(t.query, "all traces") + ", " + t.time.String(),
		nothing: fmt.Sprintf("tempo %s: %s, %s: look further back with --since, or again in some seconds if they are new", withoutUser(t.url), found, t.time),
		limit:   t.limit,
		spans: func(ctx context.Context) iter.Seq2[servicegraph.Span, error] {
			return advised(client.Spans(ctx, tempoclient.Query{
				TraceQL: t.query,
				Start:   from, End: to,
				Limit:    t.limit,
				Progress: func(p tempoclient.Progress) { progress.Store(&p) },
			}))
		},
		progress: func() string {
			if p := progress.Load(); p != nil {
				return fmt.Sprintf("%d of %s", p.Fetched, count(p.Found, "trace"))
			}
			return "searching"
		},
	}, nil
}

// traceSource returns the spans of the traces with given ids. That one of them
// does not exist is an error, as with files.
func (e *export) traceSource(client *tempoclient.Client) (source, error) {
	for _, flag := range []string{"query", "since", "from", "to", "limit"} {
		if e.given(flag) {
			return source{}, usagef("--trace says which traces to take, and so does --%s: give one or the other", flag)
		}
	}
	var ids []servicegraph.TraceID
	for _, text := range e.tempo.traces {
		id, err := servicegraph.ParseTraceID(text)
		if err != nil {
			return source{}, usagef("--trace: %w", err)
		}
		ids = append(ids, id)
	}
	name := "tempo " + withoutUser(e.tempo.url)
	spans := func(ctx context.Context) iter.Seq2[servicegraph.Span, error] {
		return func(yield func(servicegraph.Span, error) bool) {
			for _, id := range ids {
				t, err := client.Trace(ctx, id)
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
					switch w.Kind {
					case tempoclient.WarnOrphans: // also in the report of the graph
					case tempoclient.WarnArriving:
						e.stderr.warnf("%v", w)
					default:
						if !yield(servicegraph.Span{}, &servicegraph.SkipError{Source: name, Offset: -1, Err: w}) {
							return
						}
					}
				}
			}
		}
	}
	return source{
		title: "trace " + strings.Join(e.tempo.traces, ", "),
		spans: func(ctx context.Context) iter.Seq2[servicegraph.Span, error] { return advised(spans(ctx)) },
	}, nil
}

// advised adds to an error of the client what the user of this command can do
// about it, and the exit status.
func advised(spans iter.Seq2[servicegraph.Span, error]) iter.Seq2[servicegraph.Span, error] {
	return func(yield func(servicegraph.Span, error) bool) {
		for span, err := range spans {
			if !yield(span, advise(err)) {
				return
			}
		}
	}
}

func advise(err error) error {
	if errors.Is(err, tempoclient.ErrNotFound) {
		return &statusError{statusNothing, fmt.Errorf("%w: check the id, and --org-id; a new trace may take some seconds", err)}
	}
	e, ok := errors.AsType[*tempoclient.Error](err)
	if !ok {
		return err
	}
	switch e.StatusCode {
	case http.StatusBadRequest:
		return &statusError{statusUsage, fmt.Errorf("%w: correct --query", err)}
	case http.StatusUnauthorized, http.StatusForbidden:
		if strings.Contains(e.Body, "no org id") {
			return fmt.Errorf("%w: set --org-id or TEMPO_ORG_ID", err)
		}
		return fmt.Errorf("%w: check TEMPO_USERNAME and TEMPO_PASSWORD, or TEMPO_BEARER_TOKEN", err)
	}
	return err
}

// withoutUser returns a URL, which the client has accepted, without the user and
// the password that may be in it.
func withoutUser(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	u.User = nil
	return u.String()
}
