package tempoclient

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
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

	// Fast makes [Client.Spans] read the spans off the search where it can, in place
	// of fetching every trace: hundreds of small traces in one request. These spans
	// have no links and no weight, and of the attributes those that name the nodes
	// of a graph.
	//
	// Traces of more than 100 spans, with parents that are missing, or of which
	// Tempo says that it has more, are fetched; all are if Tempo does not take the
	// TraceQL in such a search, because of a hint, say. What can still be missing is
	// a part of a trace that is stored apart from the rest, holds nobody's parent, and
	// either has no span that the query matches or lies outside of the time range.
	// Where the search comes across it later, there is a [WarnTruncated].
	Fast bool

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
// halves a slice that is too full or takes Tempo too long, and raises the limit
// where a single second is too full.
//
// An error of the type [*servicegraph.SkipError] is a [*Warning] that traces may
// be missing, and the search goes on; any other error ends it.
func (c *Client) Search(ctx context.Context, q Query) iter.Seq2[TraceSummary, error] {
	q.Fast = false
	return func(yield func(TraceSummary, error) bool) {
		for h, err := range c.hits(ctx, q) {
			if !yield(h.TraceSummary, err) {
				return
			}
		}
	}
}

// hits is Search, with the spans of a fast one.
func (c *Client) hits(ctx context.Context, q Query) iter.Seq2[hit, error] {
	return func(yield func(hit, error) bool) {
		start, end, err := q.seconds(time.Now())
		if err != nil {
			yield(hit{}, err)
			return
		}
		newSearch(c, q, start).run(ctx, end, yield)
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

const pathSearch = "/api/search"

const (
	// sliceLimit is how many traces a request asks for: few enough for an answer of
	// some 100 kB, enough for most ranges to need a handful of requests. With
	// their spans it is fewer.
	sliceLimit     = 1000
	fastSliceLimit = 200

	// maxSlice is the longest time, in seconds, that Tempo searches in one request
	// unless configured otherwise: 168 hours.
	maxSlice = 168 * 3600
)

// A search is the state of one enumeration, from the newest slice to the oldest.
type search struct {
	client *Client
	query  string
	fast   bool
	params url.Values                         // but for what changes from slice to slice
	start  int64                              // of the whole range, in Unix seconds
	end    int64                              // of what is left of it
	left   int                                // how many traces may still be yielded
	seen   map[servicegraph.TraceID]time.Time // for those not to be fetched, the start they were seen with

	silent  int  // how many slices in a row got no answer
	checked bool // whether it is known if the range reaches beyond what Tempo searches

	limit, usualLimit, maxLimit int   // of the next request, of most, and what the server allows
	width, maxWidth             int64 // of the next slice in seconds, and what the server allows
}

// A hit is a trace that a search found.
type hit struct {
	TraceSummary
	spans []servicegraph.Span // of a fast search
	whole bool                // whether those are all, as far as Tempo shows
}

func newSearch(c *Client, q Query, start int64) *search {
	s := &search{
		client:     c,
		fast:       q.Fast,
		query:      q.TraceQL,
		params:     plainParams(q.TraceQL),
		start:      start,
		left:       q.Limit,
		seen:       make(map[servicegraph.TraceID]time.Time),
		usualLimit: sliceLimit,
		maxLimit:   math.MaxInt32,
		width:      maxSlice,
		maxWidth:   maxSlice,
	}
	if q.Fast {
		s.params = fastParams(q.TraceQL)
		s.usualLimit = fastSliceLimit
	}
	s.limit = s.usualLimit
	if s.left <= 0 {
		s.left = math.MaxInt
	}
	return s
}

func (s *search) run(ctx context.Context, end int64, yield func(hit, error) bool) {
	for s.end = end; s.end > s.start && s.left > 0; {
		lo, hi := max(s.start, s.end-s.width), s.end
		hits, warning, err := s.slice(ctx, lo, hi)
		if s.adjust(err) {
			continue
		}
		if end, moved := s.moved(err, lo); moved {
			s.end = max(end, s.start)
			if !s.warnUnsearched(yield, unsearchedSince(time.Unix(end, 0))) {
				return
			}
			continue
		}
		if tooMuch(err) && hi-lo > 1 {
			if part := s.part(ctx, err); part > 0 {
				s.maxWidth = max((hi-lo)/part, 1)
				s.width = s.maxWidth
				continue
			}
		}
		if err != nil {
			yield(hit{}, err)
			return
		}
		s.silent = 0
		if !s.checked && !s.warnUnsearched(yield, s.client.unsearched(ctx, time.Unix(end, 0))) {
			return
		}
		if len(hits) >= s.limit { // and there may be more
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
		if warning != nil && !yield(hit{}, s.client.skip(warning)) {
			return
		}
		for _, h := range hits {
			if at, again := s.seen[h.ID]; again {
				if h.Start.Before(at) {
					// Its older part, in a block that the slice before did not reach.
					s.seen[h.ID] = h.Start
					if !yield(hit{}, s.client.skip(&Warning{Kind: WarnTruncated, TraceID: h.ID, Message: "a part of it that is stored apart was left out"})) {
						return
					}
				}
				continue
			}
			// A trace that began before the slice is found again in the one it began in.
			if h.Start.Unix() < lo && lo > s.start {
				continue
			}
			if s.left == 0 {
				return
			}
			s.left--
			s.seen[h.ID] = time.Time{}
			if h.whole {
				s.seen[h.ID] = h.Start
			}
			if !yield(h, nil) {
				return
			}
		}
		s.width = s.nextWidth(hi-lo, len(hits))
		s.limit = min(s.usualLimit, s.maxLimit)
		s.end = lo
	}
}

// nextWidth returns the width of the slice before one of the given width: if it is
// as busy, the limit will do for it, with some room.
func (s *search) nextWidth(width int64, traces int) int64 {
	switch {
	case traces < s.usualLimit/4:
		width *= 4
	case traces < s.usualLimit/2:
		width *= 2
	case traces > s.usualLimit*3/4:
		width /= 2
	}
	return min(max(width, 1), s.maxWidth)
}

// tooMuch reports whether a search failed for its size: it took too long, or its
// answer is too large.
func tooMuch(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && (e.StatusCode == http.StatusGatewayTimeout || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, errTooLarge))
}

// maxSilent is how many slices in a row may get no answer before a search ends.
const maxSilent = 3

// part returns into how many parts to divide a slice that was too much, 0 to give up. A
// Tempo that refused it will say how it is about the half. One that was silent for all
// of the time that a request may take is asked for much less, and not often: it must
// answer something else in the meantime, and some slice in the end. Or a Tempo that
// hangs would be waited for as often as a range can be halved.
func (s *search) part(ctx context.Context, err error) int64 {
	if e, ok := errors.AsType[*Error](err); ok && e.StatusCode != 0 {
		return 2
	}
	if s.silent++; s.silent > maxSilent || !s.client.alive(ctx) {
		return 0
	}
	return 16
}

// alive reports whether Tempo, or what stands before it, answers a request without
// work, whatever the answer.
func (c *Client) alive(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, learnTimeout)
	defer cancel()
	req, err := c.request(ctx, "/api/echo", nil, "*/*")
	if err != nil {
		return false
	}
	_, err = c.roundTrip(req)
	e, ok := errors.AsType[*Error](err)
	return err == nil || ok && e.StatusCode != 0
}

// adjust learns from an answer that refuses a request for asking too much at
// once, or in a way that is too fast, and reports whether it is worth asking anew.
func (s *search) adjust(err error) bool {
	message := refusal(err)
	if message == "" {
		return false
	}
	if m := limitExceeded.FindStringSubmatch(message); m != nil {
		allowed, err := strconv.Atoi(m[1])
		if err == nil && 0 < allowed && allowed < s.limit {
			s.maxLimit, s.limit = allowed, allowed
			return true
		}
	}
	if m := rangeExceeded.FindStringSubmatch(message); m != nil {
		allowed, err := time.ParseDuration(m[1])
		seconds := int64(allowed / time.Second)
		if err == nil && 0 < seconds && seconds < s.width {
			s.maxWidth, s.width = seconds, seconds
			return true
		}
	}
	if s.fast {
		s.fast, s.params, s.usualLimit = false, plainParams(s.query), sliceLimit
		s.limit = min(s.usualLimit, s.maxLimit)
		return true
	}
	return false
}

// moved returns the end, in Unix seconds, of what Tempo searches if it refused a slice
// that starts at lo because all of it is later.
func (s *search) moved(err error, lo int64) (end int64, ok bool) {
	if withinCutoff(err) {
		return lo, true
	}
	at, ok := movedEnd(err)
	return at.Unix(), ok && at.Unix() < s.end
}

// warnUnsearched yields a warning, unless it is nil, that what is most recent is not
// searched: once. It reports whether to go on.
func (s *search) warnUnsearched(yield func(hit, error) bool, w *Warning) bool {
	again := s.checked
	s.checked = true
	return w == nil || again || yield(hit{}, s.client.skip(w))
}

// plainParams asks for traces alone: of their spans, which are not read, one.
func plainParams(query string) url.Values {
	return url.Values{"q": {cmp.Or(query, "{}")}, "spss": {"1"}}
}

// What Tempo says when a request exceeds its query_frontend settings
// search.max_result_limit, search.max_duration and query_end_cutoff.
var (
	limitExceeded  = regexp.MustCompile(`limit \d+ exceeds max limit (\d+)`)
	rangeExceeded  = regexp.MustCompile(`range specified by start and end exceeds (\w+)`)
	endBeforeStart = regexp.MustCompile(`start must be before end\. received start=\d+ end=(\d+)`)
)

// slice searches from lo to hi, in Unix seconds. The warning is about hits that may
// be missing from an answer that is below the limit.
func (s *search) slice(ctx context.Context, lo, hi int64) ([]hit, *Warning, error) {
	params := maps.Clone(s.params)
	params.Set("start", strconv.FormatInt(lo, 10))
	params.Set("end", strconv.FormatInt(hi, 10))
	params.Set("limit", strconv.Itoa(s.limit))
	var a searchAnswer
	if err := s.client.getJSON(ctx, pathSearch, params, &a); err != nil {
		return nil, nil, err
	}
	hits := make([]hit, 0, len(a.Traces))
	for _, t := range a.Traces {
		summary, err := t.summary()
		if err != nil {
			return nil, nil, fmt.Errorf("%s: search: %w", s.client.name(), err)
		}
		h := hit{TraceSummary: summary}
		if s.fast {
			h.spans, h.whole = t.spans(h.ID, s.client.cfg.Keep)
		}
		hits = append(hits, h)
	}
	slices.SortFunc(hits, func(a, b hit) int { return newestFirst(a.TraceSummary, b.TraceSummary) })
	if len(hits) >= s.limit {
		return hits, nil, nil // then it stopped early by right
	}
	return hits, a.Metrics.warning(), nil
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
		Matched int         `json:"matched"`
		Spans   []foundSpan `json:"spans"`
	} `json:"spanSets"`
	ServiceStats map[string]struct {
		SpanCount int `json:"spanCount"`
	} `json:"serviceStats"`
}

func (t *traceAnswer) summary() (TraceSummary, error) {
	id, err := servicegraph.ParseTraceID(t.TraceID)
	if err != nil {
		return TraceSummary{}, err
	}
	start, err := number(t.StartTimeUnixNano)
	if err != nil {
		return TraceSummary{}, fmt.Errorf("start of trace %s: %w", id, err)
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
