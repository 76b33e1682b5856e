package tempoclient

import (
	"bytes"
	"cmp"
	"context"
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

	"github.com/tempograph/tempograph/internal/quantity"
	"github.com/tempograph/tempograph/servicegraph"
)

// Search yields each trace that the query finds once. The traces are ordered by start, the
// newest first, and by id among equal starts.
//
// Tempo's search has no pages: it returns the first traces that it meets, up to a limit. Search
// therefore asks for the whole range with the highest limit that the server accepts. If
// Query.Limit is set, Search asks only for the newest traces. Search asks for slices of the
// range only if the answer reaches the limit, is too large or takes too long. An answer with a
// round number of traces may be cut by a limit that Tempo does not report, so Search then makes
// another search for some of the traces, which shows whether there are more. Slices that are
// shorter than Query.Late can miss traces that arrived late or lasted long: Search then warns
// with [WarnSliced].
//
// An error of the type [*servicegraph.SkipError] is a [*Warning] that traces may be
// missing, and the search goes on; any other error ends the sequence.
func (c *Client) Search(ctx context.Context, q Query) iter.Seq2[TraceSummary, error] {
	return func(yield func(TraceSummary, error) bool) {
		s, err := c.find(ctx, q)
		if s == nil {
			yield(TraceSummary{}, err)
			return
		}
		for _, w := range s.warnings {
			if !yield(TraceSummary{}, c.skip(w)) {
				return
			}
		}
		for _, f := range q.newest(s.traces()) {
			if !yield(f.TraceSummary, nil) {
				return
			}
		}
		if err != nil {
			yield(TraceSummary{}, err)
		}
	}
}

// find searches for all traces of a query. With an error, the returned search holds the traces
// that were found before the error. It is nil if the query has no valid time range.
func (c *Client) find(ctx context.Context, q Query) (*search, error) {
	now := time.Now()
	start, end, err := q.TimeRange(now)
	if err != nil {
		return nil, err
	}
	s := newSearch(c, plainParams(q.TraceQL), start.Unix(), end.Unix(), now.Unix()+1, int64((q.late()+time.Second-1)/time.Second))
	s.needed = q.Limit
	return s, s.run(ctx)
}

// traces returns the traces that were found, in the order of Search.
func (s *search) traces() []*foundTrace {
	found := slices.Collect(maps.Values(s.found))
	slices.SortFunc(found, func(a, b *foundTrace) int { return newestFirst(a.TraceSummary, b.TraceSummary) })
	return found
}

// newest returns the first of the traces, up to the limit of the query.
func (q Query) newest(found []*foundTrace) []*foundTrace {
	if q.Limit > 0 && len(found) > q.Limit {
		return found[:q.Limit]
	}
	return found
}

// newestFirst is the order of Search.
func newestFirst(a, b TraceSummary) int {
	return cmp.Or(b.Start.Compare(a.Start), bytes.Compare(a.ID[:], b.ID[:]))
}

const (
	// maxLimit is the highest limit that Tempo 3 accepts, unless configured otherwise. Tempo 2
	// accepts any limit. An answer with as many traces has some 100 MB.
	maxLimit = 262144

	// maxSlice is the longest time, in seconds, that Tempo searches in one request
	// unless configured otherwise: 168 hours.
	maxSlice = 168 * 3600
)

// A search finds all traces in a time range. It asks for slices of the range, the newest first:
// a single slice if the server accepts the whole range.
type search struct {
	client *Client
	params url.Values // the parameters that are the same for all slices
	found  map[servicegraph.TraceID]*foundTrace

	first, last int64 // the range, in Unix seconds
	end         int64 // end of the part of the range that is not searched yet
	now         int64
	late        int64 // Query.Late with its default, in seconds

	needed  int  // how many of the newest traces the query needs; 0 for all traces
	ordered bool // whether requests are for the newest traces
	cut     bool // whether there are older traces than those found

	limit    int   // limit of the next request
	most     int   // the highest limit that the server accepts
	width    int64 // width of the next slice, in seconds
	maxWidth int64 // width of the widest slice that the server accepts

	silent   int  // slices in a row without an answer
	checked  bool // whether the client has checked that Tempo searches the range up to its end
	warnings []*Warning
	requests int
}

func newSearch(c *Client, params url.Values, first, last, now, late int64) *search {
	s := &search{
		client: c, params: params, found: make(map[servicegraph.TraceID]*foundTrace),
		first: first, last: last, end: last, now: now, late: late,
		limit: maxLimit, most: math.MaxInt32, maxWidth: maxSlice,
	}
	s.width = s.widest()
	return s
}

// run searches slice after slice.
func (s *search) run(ctx context.Context) error {
	s.limit = s.firstLimit()
	for s.end > s.first {
		lo, hi := max(s.first, s.end-s.width), s.end
		n, kept, jobs, err := s.slice(ctx, lo, s.reach(lo, hi))
		if err != nil {
			if s.ordered && ctx.Err() == nil {
				s.anyOrder() // the user's query may have a hint that excludes mostRecent
				continue
			}
			if err := s.recover(ctx, lo, hi, err); err != nil {
				return err
			}
			continue
		}
		s.silent = 0
		if !s.checked {
			s.warnUnsearched(s.client.unsearched(ctx, time.Unix(s.last, 0)))
		}
		if n < s.limit && looksLikeLimit(n) && s.isCut(ctx, lo, hi, n) {
			s.limit, s.most = n, n
		}
		if n >= s.limit && (lo == s.first && hi == s.last && s.askNewest(ctx, kept) || s.narrow(lo, hi)) {
			continue
		}
		s.warnSlice(lo, hi, n, jobs)
		s.width = s.nextWidth(hi-lo, n)
		s.limit = min(maxLimit, s.most)
		s.end = lo
		if s.hasEnough(lo) {
			s.cut, s.end = true, s.first
		}
	}
	return nil
}

// reach returns the end of the search for a slice. It is after the slice, so that the search
// finds late traces, except for a short slice: slices are short where there are many traces,
// and each search would find the traces of many later slices again.
func (s *search) reach(lo, hi int64) int64 {
	if s.isShort(lo, hi) {
		return hi
	}
	return max(hi, min(searchEnd(lo, hi, s.now, s.late), lo+s.maxWidth))
}

// recent is how long Tempo keeps data in its ingesters, in seconds, unless configured
// otherwise.
const recent = 1800

// searchEnd returns the end of a search for the traces between lo and hi, in Unix seconds.
// Tempo files a trace that arrived late under a time after hi. Tempo divides the recent part of
// a range into equal parts (query_frontend.search.ingester_shards, 3 by default), searches each
// part separately, and misses a trace that lies in one part and is filed under another.
// searchEnd therefore returns an end so late, usually in the future, that all traces and their
// times of arrival lie in the first part.
func searchEnd(lo, hi, now, late int64) int64 {
	const parts = 4
	arrived := min(hi+late, max(hi, now))
	if arrived < now-recent {
		return arrived
	}
	return lo + parts*(arrived-lo)
}

// isShort reports whether a slice is shorter than Query.Late and is not the whole range.
func (s *search) isShort(lo, hi int64) bool {
	return hi-lo < s.late && (lo > s.first || hi < s.last)
}

// slice searches from lo to hi, in Unix seconds, and keeps the traces that overlap the
// range of the query. It returns how many traces the answer has, and how many of them it kept.
func (s *search) slice(ctx context.Context, lo, hi int64) (n, kept int, jobs jobsMetrics, err error) {
	params := maps.Clone(s.params)
	params.Set("start", strconv.FormatInt(lo, 10))
	params.Set("end", strconv.FormatInt(hi, 10))
	params.Set("limit", strconv.Itoa(s.limit))
	s.requests++
	in := make(map[servicegraph.TraceID]bool) // a retried request shows the same traces again
	n, jobs, err = s.client.searchTraces(ctx, params, func(f *foundTrace) error {
		begins, ends := f.Start.Unix(), f.Start.Add(f.Duration+time.Millisecond).Unix()
		if begins > s.last || ends < s.first {
			return nil // the trace is outside the range: the search reaches past its end
		}
		if int64(len(s.found))*perTrace > s.client.cfg.MaxBytes {
			return fmt.Errorf("%w: the first %s take %s (Config.MaxBytes): ask for a shorter time range, or set a limit",
				errTooMany, quantity.Of(len(s.found), "trace"), quantity.Of(s.client.cfg.MaxBytes, "byte"))
		}
		in[f.ID] = true
		f.shown = nil
		s.merge(f)
		return nil
	})
	return n, len(in), jobs, err
}

// errTooMany says that all slices together have more traces than the client may hold.
var errTooMany = errors.New("too many traces")

// merge adds a trace to those that were found. Each slice shows only the parts of a trace
// that are stored in its time.
func (s *search) merge(f *foundTrace) {
	old := s.found[f.ID]
	if old == nil {
		s.found[f.ID] = f
		return
	}
	end := old.Start.Add(old.Duration)
	if e := f.Start.Add(f.Duration); e.After(end) {
		end = e
	}
	if f.Start.Before(old.Start) {
		old.Start = f.Start
	}
	old.Duration = end.Sub(old.Start)
	old.Matched, old.known, old.failed = max(old.Matched, f.Matched), max(old.known, f.known), max(old.failed, f.failed)
}

// looksLikeLimit reports whether n is a number that people choose for a limit, such as 20, 1000 or
// a power of two.
func looksLikeLimit(n int) bool {
	return n >= 20 && (n%100 == 0 || n == 20 || n == 50 || n&(n-1) == 0)
}

// isCut reports whether the server, or a proxy in front of the server, returns at most n traces
// without reporting this limit. With such a limit, a search for a part of the slice finds traces
// that the search of the whole slice did not find, and another search of the whole slice finds n
// traces again. Without such a limit, another search finds more than n traces if new traces have
// arrived in the slice.
func (s *search) isCut(ctx context.Context, lo, hi int64, n int) bool {
	before := len(s.found)
	if s.params.Get("q") == everything.filter() {
		// A part of a large answer is enough: if a server leaves out some hundred traces, the ids
		// of some of them end with each digit.
		const enough = 500
		digits := min(max(enough*len(allDigits)/n, 1), len(allDigits)/2)
		s.params.Set("q", share{digits: allDigits[:digits]}.filter())
		_, _, _, err := s.slice(ctx, lo, s.reach(lo, hi))
		s.params.Set("q", everything.filter())
		if err == nil && len(s.found) == before || ctx.Err() != nil {
			return false
		}
	}
	if len(s.found) == before && !s.halfDiffers(ctx, lo, hi, n) {
		return false
	}
	again, _, _, err := s.slice(ctx, lo, s.reach(lo, hi))
	return err == nil && again == n
}

// halfDiffers searches about half of a slice. It reports whether that search finds n traces or
// more, including some that the search of the whole slice did not find. isCut uses halfDiffers for
// queries to which no filter can be added.
func (s *search) halfDiffers(ctx context.Context, lo, hi int64, n int) bool {
	var starts []int64
	for _, f := range s.found {
		if at := f.Start.Unix(); lo < at && at < hi {
			starts = append(starts, at)
		}
	}
	if len(starts) == 0 {
		return false
	}
	slices.Sort(starts)
	before := len(s.found)
	found, _, _, err := s.slice(ctx, starts[len(starts)/2], s.reach(lo, hi))
	return err == nil && found >= n && len(s.found) > before
}

// narrow prepares another search of a slice whose answer reached the limit. It returns false if the
// slice cannot be searched in smaller parts.
func (s *search) narrow(lo, hi int64) bool {
	switch {
	case hi-lo > 1:
		s.width = (hi - lo) / 2
	case s.limit < s.most:
		s.limit = int(min(int64(s.limit)*4, int64(s.most)))
	default:
		return false
	}
	return true
}

// warnSlice adds warnings about traces that the answer for a slice may lack.
func (s *search) warnSlice(lo, hi int64, n int, jobs jobsMetrics) {
	if n >= s.limit {
		s.warn(&Warning{Kind: WarnLimit, Message: fmt.Sprintf(
			"more than %s in the second from %s, and this Tempo returns no more: raise its query_frontend.search.max_result_limit, or ask for fewer traces in TraceQL",
			quantity.Of(s.limit, "trace"), time.Unix(lo, 0).UTC().Format(time.RFC3339))})
	} else if w := jobs.warning(); w != nil {
		s.warn(w)
	}
	if s.isShort(lo, hi) && !slices.ContainsFunc(s.warnings, func(w *Warning) bool { return w.Kind == WarnSliced }) {
		s.warn(&Warning{Kind: WarnSliced, Message: fmt.Sprintf(
			"the range was searched in slices as short as %d s, because it holds too much for one search: traces that arrived more than some seconds late or lasted minutes may be missing", hi-lo)})
	}
}

func (s *search) warn(w *Warning) { s.warnings = append(s.warnings, w) }

// nextWidth returns the width of the next, earlier slice after a slice of the given width with that
// number of traces. If the next slice has as many traces per second, its answer stays below the
// limit.
func (s *search) nextWidth(width int64, traces int) int64 {
	limit := min(maxLimit, s.most)
	switch {
	case traces < limit/4:
		width *= 4
	case traces < limit/2:
		width *= 2
	case traces > limit/4*3:
		width /= 2
	}
	return min(max(width, 1), s.widest())
}

// widest returns the width of the widest slice, in seconds. If Tempo's limit allows, the width
// leaves room for Query.Late in the same request.
func (s *search) widest() int64 {
	if s.maxWidth > 2*s.late {
		return s.maxWidth - s.late
	}
	return s.maxWidth
}

// recover prepares another search after an error, or returns the error if another search
// is useless.
func (s *search) recover(ctx context.Context, lo, hi int64, err error) error {
	if s.adjust(err) {
		return nil
	}
	if end, ok := s.moved(err, lo); ok {
		s.end = max(end, s.first)
		if at := time.Unix(end, 0); cutoffAt(time.Now(), at) > 0 || withinCutoff(err) {
			s.warnUnsearched(unsearchedSince(at))
		}
		return nil
	}
	if tooMuch(err) && hi-lo > 1 {
		if parts := s.parts(ctx, err); parts > 0 {
			s.maxWidth = max((hi-lo)/parts, 1)
			s.width = s.widest()
			return nil
		}
	}
	return err
}

// tooMuch reports whether a search failed because it took too long or its answer is too
// large, for the client or for the parts of Tempo.
func tooMuch(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && (e.StatusCode == http.StatusGatewayTimeout || e.exceedsMessage() ||
		errors.Is(err, context.DeadlineExceeded) || errors.Is(err, errHungUp) || errors.Is(err, errBrokeOff) && e.slow || errors.Is(err, errTooLarge))
}

// maxSilent is how many slices in a row may get no answer before a search ends.
const maxSilent = 3

// parts returns into how many parts to divide a slice whose search was too much for the server, and
// 0 to give up. If the server answered with an error, the slice is halved. If the server was silent
// for the whole timeout, the parts are much smaller, and the search gives up after maxSilent such
// slices in a row, or if the server does not answer a trivial request. Otherwise a server that
// hangs would cost a timeout for each halving of the range.
func (s *search) parts(ctx context.Context, err error) int64 {
	if e, ok := errors.AsType[*Error](err); ok && e.StatusCode != 0 {
		return 2
	}
	if s.silent++; s.silent > maxSilent || !s.client.alive(ctx) {
		return 0
	}
	return 16
}

// alive reports whether Tempo, or a proxy in front of Tempo, answers a request that costs no work.
// Any answer counts, also an error.
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

// adjust learns a limit from an answer that refuses a request because of the limit. It
// reports whether the search can go on.
func (s *search) adjust(err error) bool {
	message := refusal(err)
	if m := limitExceeded.FindStringSubmatch(message); m != nil {
		allowed, err := strconv.Atoi(m[1])
		if err == nil && 0 < allowed && allowed < s.limit {
			s.most, s.limit = allowed, allowed
			return true
		}
	}
	if m := rangeExceeded.FindStringSubmatch(message); m != nil {
		allowed, err := time.ParseDuration(m[1])
		seconds := int64(allowed / time.Second)
		if err == nil && 0 < seconds && seconds < s.maxWidth {
			s.maxWidth = seconds
			s.width = s.widest()
			return true
		}
	}
	return false
}

// moved returns the end of the time that Tempo searches, in Unix seconds, if Tempo refused a slice
// because the slice starts, at lo, after that end.
func (s *search) moved(err error, lo int64) (end int64, ok bool) {
	if withinCutoff(err) {
		return lo, true
	}
	at, ok := movedEnd(err)
	return at.Unix(), ok && at.Unix() < s.end
}

// warnUnsearched adds the warning w that Tempo does not search the most recent moments, unless w is
// nil or the search has such a warning already.
func (s *search) warnUnsearched(w *Warning) {
	if w != nil && !s.checked {
		s.warn(w)
	}
	s.checked = true
}

// plainParams returns the parameters of a search for the summaries of traces, with a single span
// for each trace.
func plainParams(query string) url.Values {
	return url.Values{"q": {cmp.Or(query, "{}")}, "spss": {"1"}}
}

// The messages of Tempo about a request that exceeds its query_frontend settings
// search.max_result_limit, search.max_duration and query_end_cutoff.
var (
	limitExceeded  = regexp.MustCompile(`limit \d+ exceeds max limit (\d+)`)
	rangeExceeded  = regexp.MustCompile(`range specified by start and end exceeds (\w+)`)
	endBeforeStart = regexp.MustCompile(`start must be before end\. received start=\d+ end=(\d+)`)
)
