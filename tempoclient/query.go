package tempoclient

import (
	"fmt"
	"math"
	"time"

	"github.com/tempograph/tempograph/servicegraph"
)

// A Query selects traces.
type Query struct {
	// TraceQL selects the traces with at least one matching span, for example
	// {resource.service.name="checkout" && status=error}. An empty query selects all traces.
	TraceQL string

	// Start and End bound the time: a search finds the traces that overlap the range, in
	// whole seconds. A zero End means now, a zero Start one hour before the End.
	Start, End time.Time

	// Limit is the largest number of traces to find: the newest ones. Zero means all. If there
	// are more, [Client.Spans] warns with [WarnLimit]. The limit makes the search cheaper:
	// Tempo 2.9 and later versions do not look for older traces.
	Limit int

	// Late is how late a trace may arrive at Tempo and still be found: the client searches this
	// far past End, and leaves out the traces outside the range. Tempo files traces that arrive
	// late under the time of their arrival. Zero means 5 minutes, a negative value none.
	Late time.Duration

	// Exact makes [Client.Spans] fetch every trace by its id. By default, Spans reads the spans of
	// a trace from search answers if a fetch would give the same spans.
	Exact bool

	// Settle makes [Client.Spans] warn of every trace whose newest span ended less
	// than this time before the trace was read ([WarnArriving]). Zero turns these
	// warnings off: a range that ends now always contains such traces.
	Settle time.Duration

	// [Client.Spans] calls Progress before it yields the spans of a trace, in the goroutine of
	// the loop. Progress may be nil.
	Progress func(Progress)
}

// Progress tells how far [Client.Spans] has come.
type Progress struct {
	Found   int // traces that the search found
	Fetched int // traces read so far, including the one whose spans come next
	Spans   int // spans of these traces
	Cost    Cost
}

// Cost tells how [Client.Spans] gets the spans of the traces that it found.
type Cost struct {
	Requests int // all requests so far, without retries
	Selected int // traces read from search answers
	Compared int // traces fetched by their ids and compared with the spans that searches show
	ByID     int // traces fetched by their ids, for one of these reasons:

	Exact      int // Query.Exact is set, or the query found only a few traces
	Attributes int // a search cannot show all attributes that Config.Keep keeps
	Sparse     int // the query selects only a few of many traces
	Linked     int // the trace has links, which a search does not show
	Incomplete int // the search did not show all spans of the trace, or parents are missing, so that spans may be missing
	Differs    int // the search and the fetch of a trace with the same root service gave different spans, or a trace had sampling weights
}

// A TraceSummary describes a trace that a search found.
type TraceSummary struct {
	ID          servicegraph.TraceID
	RootService string // a text in angle brackets, such as "<root span not yet received>", if Tempo has no root span of the trace
	RootName    string
	Start       time.Time // of the earliest span in the answer; other spans of the trace can be earlier
	Duration    time.Duration
	Matched     int // number of spans that the query matches
}

const defaultLate = 5 * time.Minute

// TimeRange returns the time range with its defaults, extended to whole seconds, because Tempo
// searches whole seconds. The end is after the start.
func (q Query) TimeRange(now time.Time) (start, end time.Time, err error) {
	if q.End.IsZero() {
		q.End = now
	}
	if q.Start.IsZero() {
		q.Start = q.End.Add(-time.Hour)
	}
	if q.Start.After(q.End) {
		return start, end, fmt.Errorf("search: the time range is reversed: it starts at %s, after its end at %s",
			q.Start.UTC().Format(time.RFC3339), q.End.UTC().Format(time.RFC3339))
	}
	first, last := q.Start.Unix(), q.End.Unix()
	if q.End.Nanosecond() > 0 || last == first {
		last++
	}
	if first < 0 || last > math.MaxUint32 {
		return start, end, fmt.Errorf("search: the time range from %s to %s is not between the years 1970 and 2106",
			q.Start.UTC().Format(time.RFC3339), q.End.UTC().Format(time.RFC3339))
	}
	return time.Unix(first, 0), time.Unix(last, 0), nil
}

// late returns Late with its default.
func (q Query) late() time.Duration {
	switch {
	case q.Late < 0:
		return 0
	case q.Late == 0:
		return defaultLate
	}
	return q.Late
}
