package tempoclient

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/tempograph/tempograph/internal/quantity"
	"github.com/tempograph/tempograph/servicegraph"
)

const pathSearch = "/api/search"

// maxTraceJSON is the size of the largest description of one trace, in bytes, that is decoded
// whole. For a larger description, only the summary is decoded.
const maxTraceJSON = 4 << 20

// A foundTrace is a trace in the answer to a search.
type foundTrace struct {
	TraceSummary
	known  int         // how many spans the trace has: the sum of Tempo's counts for each service
	failed int         // how many of the known spans have the status error
	shown  *shownSpans // nil if the description of the trace is too large
}

// shownSpans are the spans of a trace that a search shows.
type shownSpans struct {
	SpanSets []struct {
		Matched int         `json:"matched"`
		Spans   []shownSpan `json:"spans"`
	} `json:"spanSets"`
	ServiceStats map[string]serviceStats `json:"serviceStats"`
}

// searchTraces sends a search, passes the traces of the answer to add one by one while they arrive,
// and returns the number of traces. add must tolerate the same traces again, because the request
// may be retried. The memory that add may take is bounded: the search fails with errTooLarge when
// the descriptions of the traces, or the traces themselves at perTrace bytes each, exceed
// Config.MaxBytes.
func (c *Client) searchTraces(ctx context.Context, params url.Values, add func(*foundTrace) error) (n int, metrics jobsMetrics, err error) {
	err = c.withRetries(ctx, func() error {
		req, err := c.request(ctx, pathSearch, params, mediaJSON)
		if err != nil {
			return err
		}
		err = c.exchange(req, func(_ *http.Response, body *bufio.Reader) error {
			n, metrics, err = c.readSearch(body, add)
			return err
		})
		if e, ok := errors.AsType[*Error](err); ok && e.slow && tooMuch(err) {
			e.final = true
		}
		return err
	})
	return n, metrics, err
}

// perTrace is the approximate memory of a found trace, in bytes.
const perTrace = 256

// readSearch decodes the answer to a search, one trace after the other.
func (c *Client) readSearch(body *bufio.Reader, add func(*foundTrace) error) (n int, metrics jobsMetrics, err error) {
	dec := json.NewDecoder(body)
	other := "" // a field of another answer, for example about an error
	expected := false
	err = eachField(dec, func(key string) error {
		switch key {
		case "traces":
			expected = true
			return eachElement(dec, func(raw json.RawMessage) error {
				n++
				if int64(n)*perTrace > c.cfg.MaxBytes {
					return fmt.Errorf("%w than %s when decoded", errTooLarge, quantity.Of(c.cfg.MaxBytes, "byte"))
				}
				f, err := decodeFound(raw)
				if err != nil {
					return err
				}
				return add(f)
			})
		case "metrics":
			expected = true
			return jsonError(dec.Decode(&metrics))
		}
		other = key
		var skipped json.RawMessage
		return jsonError(dec.Decode(&skipped))
	})
	if err == nil && other != "" && !expected {
		err = notJSON(fmt.Errorf("the field %q, and neither traces nor metrics", other))
	}
	return n, metrics, err
}

// decodeFound decodes the description of a trace.
func decodeFound(raw json.RawMessage) (*foundTrace, error) {
	type summary struct {
		TraceID           string      `json:"traceID"` // without leading zeros
		RootServiceName   string      `json:"rootServiceName"`
		RootTraceName     string      `json:"rootTraceName"`
		StartTimeUnixNano json.Number `json:"startTimeUnixNano"`
		DurationMs        int64       `json:"durationMs"`
	}
	var t struct {
		summary
		shownSpans
	}
	large := len(raw) > maxTraceJSON || checkDensity(raw, maxTraceJSON) != nil
	var target any = &t
	if large {
		target = &t.summary
	}
	if err := json.Unmarshal(raw, target); err != nil {
		return nil, notJSON(err)
	}
	id, err := servicegraph.ParseTraceID(t.TraceID)
	if err != nil {
		return nil, fmt.Errorf("search: %w", err)
	}
	start, err := number(t.StartTimeUnixNano)
	if err != nil {
		return nil, fmt.Errorf("search: start of trace %s: %w", id, err)
	}
	f := &foundTrace{TraceSummary: TraceSummary{
		ID:          id,
		RootService: t.RootServiceName,
		RootName:    t.RootTraceName,
		Start:       time.Unix(0, start),
		Duration:    time.Duration(t.DurationMs) * time.Millisecond,
	}}
	if large {
		return f, nil
	}
	f.shown = &t.shownSpans
	for _, set := range t.SpanSets {
		f.Matched += set.Matched
	}
	for _, s := range t.ServiceStats {
		f.known += s.SpanCount
		f.failed += s.ErrorCount
	}
	return f, nil
}

type serviceStats struct {
	SpanCount  int `json:"spanCount"`
	ErrorCount int `json:"errorCount"`
}

// eachField calls visit after the key of each field of a JSON object; visit decodes the
// value.
func eachField(dec *json.Decoder, visit func(key string) error) error {
	if err := expect(dec, '{'); err != nil {
		return err
	}
	for dec.More() {
		token, err := dec.Token()
		if err != nil {
			return jsonError(err)
		}
		if err := visit(token.(string)); err != nil {
			return err
		}
	}
	return expect(dec, '}')
}

// eachElement calls visit with each element of a JSON list, which may be null.
func eachElement(dec *json.Decoder, visit func(json.RawMessage) error) error {
	token, err := dec.Token()
	if err != nil {
		return jsonError(err)
	}
	if token == nil {
		return nil
	}
	if token != json.Delim('[') {
		return notJSON(fmt.Errorf("%v in place of a list", token))
	}
	for dec.More() {
		var raw json.RawMessage
		if err := dec.Decode(&raw); err != nil {
			return jsonError(err)
		}
		if err := visit(raw); err != nil {
			return err
		}
	}
	return expect(dec, ']')
}

func expect(dec *json.Decoder, delim json.Delim) error {
	token, err := dec.Token()
	if err != nil {
		return jsonError(err)
	}
	if token == nil {
		return notJSON(fmt.Errorf("null in place of %v", delim))
	}
	if token != delim {
		return notJSON(fmt.Errorf("%v in place of %v", token, delim))
	}
	return nil
}

// jsonError turns an error of the JSON decoder into one that says that the answer is not JSON. An
// error from reading the body is returned unchanged.
func jsonError(err error) error {
	switch {
	case err == nil || isBodyError(err):
		return err
	case err == io.EOF:
		err = io.ErrUnexpectedEOF
	}
	return notJSON(err)
}

// number reads a 64-bit number, which protobuf's JSON mapping omits if the number is zero.
func number(n json.Number) (int64, error) {
	if n == "" {
		return 0, nil
	}
	return n.Int64()
}
