package tempoclient

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"math"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/tempograph/tempograph/servicegraph"
)

// A Query says which traces to look for.
type Query struct {
	// TraceQL selects traces: those with a span that it matches, such as
	// {resource.service.name="checkout" && status=error}. Empty means all traces.
	TraceQL string

	// Start and End bound the time: a trace is found if any of its spans falls
	// between them, which Tempo compares in whole seconds. A zero End means now,
	// a zero Start an hour before the End.
	Start, End time.Time

	// Limit is how many traces to find at most: the newest. Zero means all.
	Limit int

	// Settle makes [Client.Spans] warn of every trace whose newest span ended less
	// than this before the trace was fetched ([WarnArriving]). Zero means not to:
	// where the range ends now, there always are some.
	Settle time.Duration

	// Progress is called by [Client.Spans] before the spans of each trace are
	// yielded, from the goroutine of the loop.
	Progress func(Progress)
}

// Progress is how far reading the traces of a query has come.
type Progress struct {
	Found   int // traces found by the search so far, which runs ahead
	Fetched int // traces fetched, the one whose spans come next included
	Spans   int // spans of those
}

// A TraceSummary is what a search tells of a trace.
type TraceSummary struct {
	ID          servicegraph.TraceID
	RootService string // a text in <> if Tempo has no root of the trace
	RootName    string
	Start       time.Time // of the spans found so far; those of the whole trace can be earlier
	Duration    time.Duration
	Matched     int // how many spans the query matches
}

// Search yields the traces that the query finds, each once, the newest start
// first and among equal starts by id.
//
// Tempo's search has no pages: it returns the first traces it meets, up to a
// limit. Search therefore asks for one slice of the time range after the other,
// halves a slice that is too full, and raises the limit where a single second is.
//
// An error of the type [*servicegraph.SkipError] is a [*Warning] that traces may
// be missing, and the search goes on; any other error ends it.
func (c *Client) Search(ctx context.Context, q Query) iter.Seq2[TraceSummary, error] {
	return func(yield func(TraceSummary, error) bool) {
		start, end, err := q.seconds(time.Now())
		if err != nil {
			yield(TraceSummary{}, err)
			return
		}
		s := search{
			client:   c,
			query:    cmp.Or(q.TraceQL, "{}"),
			start:    start,
			left:     q.Limit,
			seen:     make(map[servicegraph.TraceID]bool),
			limit:    sliceLimit,
			maxLimit: math.MaxInt32,
			width:    maxSlice,
			maxWidth: maxSlice,
		}
		if s.left <= 0 {
			s.left = math.MaxInt
		}
		s.run(ctx, end, yield)
	}
}

// seconds returns the time range in the whole seconds that Tempo takes, grown to
// them. The end is behind the start.
func (q Query) seconds(now time.Time) (start, end int64, err error) {
	if q.End.IsZero() {
		q.End = now
	}
	if q.Start.IsZero() {
		q.Start = q.End.Add(-time.Hour)
	}
	if q.Start.After(q.End) {
		return 0, 0, fmt.Errorf("search: the time range is reversed: it starts at %s, after its end at %s",
			q.Start.UTC().Format(time.RFC3339), q.End.UTC().Format(time.RFC3339))
	}
	start, end = q.Start.Unix(), q.End.Unix()
	if q.End.Nanosecond() > 0 || end == start {
		end++
	}
	if start < 0 || end > math.MaxUint32 {
		return 0, 0, fmt.Errorf("search: the time range from %s to %s is not between the years 1970 and 2106",
			q.Start.UTC().Format(time.RFC3339), q.End.UTC().Format(time.RFC3339))
	}
	return start, end, nil
}

const (
	// sliceLimit is how many traces a request asks for: few enough for an answer of
	// some 100 kB, enough for most ranges to need a handful of requests.
	sliceLimit = 1000

	// maxSlice is the longest time, in seconds, that Tempo searches in one request
	// unless configured otherwise: 168 hours.
	maxSlice = 168 * 3600
)

// A search is the state of one enumeration, from the newest slice to the oldest.
type search struct {
	client *Client
	query  string
	start  int64 // of the whole range, in Unix seconds
	left   int   // how many traces may still be yielded
	seen   map[servicegraph.TraceID]bool

	limit, maxLimit int   // of the next request, and what the server allows
	width, maxWidth int64 // of the next slice in seconds, and what the server allows
}

func (s *search) run(ctx context.Context, end int64, yield func(TraceSummary, error) bool) {
	for hi := end; hi > s.start; {
		lo := max(s.start, hi-s.width)
		traces, warning, err := s.slice(ctx, lo, hi)
		if s.adjust(err) {
			continue
		}
		if err != nil {
			yield(TraceSummary{}, err)
			return
		}
		if len(traces) >= s.limit { // and there may be more
			switch {
			case hi-lo > 1:
				s.width = (hi - lo) / 2
				continue
			case s.limit < s.maxLimit:
				s.limit = min(s.limit*4, s.maxLimit)
				continue
			}
			warning = &Warning{Kind: WarnLimit, Message: fmt.Sprintf(
				"more than %d traces in the second from %s, and this Tempo gives no more",
				s.limit, time.Unix(lo, 0).UTC().Format(time.RFC3339))}
		}
		if warning != nil && !yield(TraceSummary{}, s.client.skip(warning)) {
			return
		}
		for _, t := range traces {
			// A trace that began before the slice is found again in the one it began in.
			if s.seen[t.ID] || (t.Start.Unix() < lo && lo > s.start) {
				continue
			}
			if s.left == 0 {
				return
			}
			s.left--
			s.seen[t.ID] = true
			if !yield(t, nil) {
				return
			}
		}
		s.width = nextWidth(hi-lo, len(traces), s.maxWidth)
		s.limit = min(sliceLimit, s.maxLimit)
		hi = lo
	}
}

// nextWidth returns the width of the slice before one of the given width: if it is
// as busy, the limit will do for it, with some room.
func nextWidth(width int64, traces int, maxWidth int64) int64 {
	switch {
	case traces < sliceLimit/4:
		width *= 4
	case traces < sliceLimit/2:
		width *= 2
	case traces > sliceLimit*3/4:
		width /= 2
	}
	return min(max(width, 1), maxWidth)
}

// adjust learns from an answer that refuses a request for asking too much at
// once, and reports whether it is worth asking for less.
func (s *search) adjust(err error) bool {
	e, ok := errors.AsType[*Error](err)
	if !ok || e.StatusCode != http.StatusBadRequest {
		return false
	}
	if m := limitExceeded.FindStringSubmatch(e.Body); m != nil {
		allowed, err := strconv.Atoi(m[1])
		if err == nil && 0 < allowed && allowed < s.limit {
			s.maxLimit, s.limit = allowed, allowed
			return true
		}
	}
	if m := rangeExceeded.FindStringSubmatch(e.Body); m != nil {
		allowed, err := time.ParseDuration(m[1])
		seconds := int64(allowed / time.Second)
		if err == nil && 0 < seconds && seconds < s.width {
			s.maxWidth, s.width = seconds, seconds
			return true
		}
	}
	return false
}

// What Tempo says when a request exceeds its query_frontend.search settings
// max_result_limit and max_duration.
var (
	limitExceeded = regexp.MustCompile(`limit \d+ exceeds max limit (\d+)`)
	rangeExceeded = regexp.MustCompile(`range specified by start and end exceeds (\w+)`)
)

// slice searches from lo to hi, in Unix seconds.
func (s *search) slice(ctx context.Context, lo, hi int64) ([]TraceSummary, *Warning, error) {
	var a searchAnswer
	err := s.client.getJSON(ctx, "/api/search", url.Values{
		"q":     {s.query},
		"start": {strconv.FormatInt(lo, 10)},
		"end":   {strconv.FormatInt(hi, 10)},
		"limit": {strconv.Itoa(s.limit)},
		"spss":  {"1"}, // spans in the answer for each trace: nobody reads them
	}, &a)
	if err != nil {
		return nil, nil, err
	}
	traces := make([]TraceSummary, 0, len(a.Traces))
	for _, t := range a.Traces {
		summary, err := t.summary()
		if err != nil {
			return nil, nil, fmt.Errorf("%s: search: %w", s.client.name(), err)
		}
		traces = append(traces, summary)
	}
	slices.SortFunc(traces, newestFirst)
	if len(traces) >= s.limit {
		return traces, nil, nil // then it stopped early by right
	}
	return traces, a.Metrics.warning(), nil
}

// searchAnswer is what is read of Tempo's answer. In the JSON of protobuf, numbers
// of 64 bits are strings.
type searchAnswer struct {
	Traces  []traceAnswer `json:"traces"`
	Metrics jobsMetrics   `json:"metrics"`
}

type traceAnswer struct {
	TraceID           string      `json:"traceID"` // without leading zeros
	RootServiceName   string      `json:"rootServiceName"`
	RootTraceName     string      `json:"rootTraceName"`
	StartTimeUnixNano json.Number `json:"startTimeUnixNano"`
	DurationMs        int64       `json:"durationMs"`
	SpanSets          []struct {
		Matched int `json:"matched"`
	} `json:"spanSets"`
}

func (t *traceAnswer) summary() (TraceSummary, error) {
	id, err := servicegraph.ParseTraceID(t.TraceID)
	if err != nil {
		return TraceSummary{}, err
	}
	var start int64
	if t.StartTimeUnixNano != "" { // zero is left out
		if start, err = t.StartTimeUnixNano.Int64(); err != nil {
			return TraceSummary{}, fmt.Errorf("start of trace %s: %w", id, err)
		}
	}
	s := TraceSummary{
		ID:          id,
		RootService: t.RootServiceName,
		RootName:    t.RootTraceName,
		Start:       time.Unix(0, start),
		Duration:    time.Duration(t.DurationMs) * time.Millisecond,
	}
	for _, set := range t.SpanSets {
		s.Matched += set.Matched
	}
	return s, nil
}
