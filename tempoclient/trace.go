package tempoclient

import (
	"context"
	"errors"
	"fmt"
	"net/http"

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
	// complete: Tempo answers the same while a trace is still arriving, and after
	// it refused some of its spans.
	Warnings []*Warning
}

// Trace returns the trace with the given id, or an error for which
// errors.Is(err, ErrNotFound) holds.
//
// Tempo knows a trace some milliseconds after it received it, and some seconds
// before a search finds it.
func (c *Client) Trace(ctx context.Context, id servicegraph.TraceID) (*Trace, error) {
	req, body, err := c.get(ctx, "/api/v2/traces/"+id.String(), nil, mediaProtobuf)
	if e, ok := errors.AsType[*Error](err); ok && e.StatusCode == http.StatusNotFound && e.Err == nil {
		// Without a text: an unknown path would have one.
		return nil, c.notFound(id)
	}
	if err != nil {
		return nil, err
	}
	var answer tempopb.TraceByIDResponse
	if err := answer.Unmarshal(body); err != nil {
		return nil, c.unexpected(req, http.StatusOK, nil, fmt.Errorf("the answer is not a trace: %w", err))
	}
	t := &Trace{ID: id, Spans: spansOf(answer.Trace, c.cfg.Keep)}
	if answer.Status == tempopb.PartialStatus_PARTIAL {
		t.Warnings = append(t.Warnings, &Warning{Kind: WarnPartial, TraceID: id, Message: answer.Message})
	}
	if len(t.Spans) == 0 && len(t.Warnings) == 0 {
		return nil, c.notFound(id)
	}
	return t, nil
}

func (c *Client) notFound(id servicegraph.TraceID) error {
	return fmt.Errorf("%s: trace %s: %w", c.name(), id, ErrNotFound)
}
