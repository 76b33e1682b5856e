package tempoclient

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"time"

	"github.com/grafana/tempo/pkg/tempopb"

	"github.com/tempograph/tempograph/servicegraph"
)

// A Trace is what Tempo has of one trace.
type Trace struct {
	ID servicegraph.TraceID

	// Spans are ordered by start, then by id. Those of one resource share their
	// Resource slice.
	Spans []servicegraph.Span

	// Warnings say why spans may be missing. None is no promise that the trace is
	// complete: Tempo answers the same after it refused some of its spans.
	Warnings []*Warning
}

// Trace returns the trace with the given id, or an error for which
// errors.Is(err, ErrNotFound) holds.
//
// Tempo knows a trace some milliseconds after it received the first span of it, and
// does not know when it has received the last: the warnings say what speaks for more
// to come. [Client.Await] waits for it.
func (c *Client) Trace(ctx context.Context, id servicegraph.TraceID) (*Trace, error) {
	t, err := c.trace(ctx, id)
	if err != nil {
		return nil, err
	}
	t.warn(t.arriving(time.Now(), settle))
	t.warn(t.orphans())
	return t, nil
}

// trace is Trace without the warnings that are no more than a guess.
func (c *Client) trace(ctx context.Context, id servicegraph.TraceID) (*Trace, error) {
	var answer tempopb.TraceByIDResponse
	err := c.getTrace(ctx, "/api/v2/traces/", id, &answer)
	if isWrongPath(err) {
		// An older Tempo has only the older path, and no word for a part of a trace.
		// Where neither path is known, the URL is wrong.
		answer.Trace = &tempopb.Trace{}
		if v1 := c.getTrace(ctx, "/api/traces/", id, answer.Trace); !isWrongPath(v1) {
			err = v1
		}
	}
	if err != nil {
		return nil, err
	}
	t := &Trace{ID: id, Spans: spansOf(answer.Trace, c.cfg.Keep)}
	if answer.Status == tempopb.PartialStatus_PARTIAL {
		t.warn(&Warning{Kind: WarnPartial, TraceID: id, Message: answer.Message})
	}
	if len(t.Spans) == 0 && len(t.Warnings) == 0 {
		return nil, c.notFound(id)
	}
	return t, nil
}

// getTrace asks a path for a trace and decodes the answer.
func (c *Client) getTrace(ctx context.Context, path string, id servicegraph.TraceID, answer interface{ Unmarshal([]byte) error }) error {
	req, body, err := c.get(ctx, path+id.String(), nil, mediaProtobuf)
	if e, ok := errors.AsType[*Error](err); ok && e.StatusCode == http.StatusNotFound && e.Err == nil {
		// Without a text, or with one about the trace: an unknown path has another.
		return c.notFound(id)
	}
	if err != nil {
		return err
	}
	if err := answer.Unmarshal(body); err != nil {
		return c.unexpected(req, http.StatusOK, nil, fmt.Errorf("the answer is not a trace: %w", err))
	}
	return nil
}

// isWrongPath reports whether an error is a 404 that is not about the trace.
func isWrongPath(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.StatusCode == http.StatusNotFound
}

func (c *Client) notFound(id servicegraph.TraceID) error {
	return fmt.Errorf("%s: trace %s: %w", c.name(), id, ErrNotFound)
}

// settle is how long ago the newest span of a trace has ended when it is taken to be
// the last: SDKs send their spans every 5 seconds, and Collectors add to it.
const settle = 10 * time.Second

// warn adds a warning, if it is one.
func (t *Trace) warn(w *Warning) {
	if w != nil {
		t.Warnings = append(t.Warnings, w)
	}
}

// arriving returns a warning if the newest span ended less than the settle time ago.
func (t *Trace) arriving(now time.Time, settle time.Duration) *Warning {
	newest := int64(math.MinInt64)
	for _, s := range t.Spans {
		newest = max(newest, s.Start, s.End)
	}
	age := now.Sub(time.Unix(0, newest))
	if len(t.Spans) == 0 || age >= settle {
		return nil
	}
	message := fmt.Sprintf("its newest span ended %v ago", age.Round(time.Millisecond))
	if age < 0 {
		message = fmt.Sprintf("its newest span ends in %v by the local clock", (-age).Round(time.Millisecond))
	}
	return &Warning{Kind: WarnArriving, TraceID: t.ID, Message: message}
}

// orphans returns a warning if spans have parents that are not in the trace.
func (t *Trace) orphans() *Warning {
	ids := make(map[servicegraph.SpanID]bool, len(t.Spans))
	for _, s := range t.Spans {
		ids[s.SpanID] = true
	}
	var first servicegraph.SpanID
	n := 0
	for _, s := range t.Spans {
		if !s.ParentID.IsZero() && !ids[s.ParentID] {
			if n == 0 {
				first = s.SpanID
			}
			n++
		}
	}
	if n == 0 {
		return nil
	}
	return &Warning{Kind: WarnOrphans, TraceID: t.ID, Message: fmt.Sprintf("%d of its %d spans name a parent that is not there, the first is span %s", n, len(t.Spans), first)}
}
