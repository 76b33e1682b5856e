package tempoclient

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"math"
	"net/http"
	"slices"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/tempograph/tempograph/internal/quantity"
	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/tracefile"
)

// A Trace holds the spans of one trace that Tempo has.
type Trace struct {
	ID servicegraph.TraceID

	// Spans are ordered by start, then by id. Those of one resource share their
	// Resource slice.
	Spans []servicegraph.Span

	// Warnings tell why spans may be missing. A trace without warnings may still be
	// incomplete: Tempo does not report spans that it refused on arrival.
	Warnings []*Warning
}

// Trace returns the trace with the given id, or an error for which
// errors.Is(err, ErrNotFound) holds.
//
// Tempo returns a trace from some milliseconds after its first span arrived, and does not know
// whether more spans will arrive. The warnings tell whether more spans are likely. [Client.Await]
// waits for a trace.
func (c *Client) Trace(ctx context.Context, id servicegraph.TraceID) (*Trace, error) {
	t, err := c.trace(ctx, id)
	if err != nil {
		return nil, err
	}
	t.warn(t.arriving(time.Now(), settle))
	t.warn(t.orphans())
	return t, nil
}

// trace is like Trace, without the warnings that are guesses.
func (c *Client) trace(ctx context.Context, id servicegraph.TraceID) (*Trace, error) {
	t, err := c.getTrace(ctx, "/api/v2/traces/", id, decodeTraceByID)
	if isWrongPath(err) {
		// Tempo 2.5 and older versions have only the older path, whose answer never says
		// that it is partial. If the server knows neither path, the URL is wrong.
		old, v1 := c.getTrace(ctx, "/api/traces/", id, decodeTrace)
		if !isWrongPath(v1) {
			t, err = old, v1
		}
	}
	if err != nil {
		return nil, err
	}
	if len(t.Spans) == 0 && len(t.Warnings) == 0 {
		return nil, c.notFound(id)
	}
	return t, nil
}

// getTrace requests a trace from a path and decodes the answer.
func (c *Client) getTrace(ctx context.Context, path string, id servicegraph.TraceID, protobuf func([]byte) (traceMessage, error)) (*Trace, error) {
	a, err := c.get(ctx, path+id.String(), nil, mediaProtobuf)
	if e, ok := errors.AsType[*Error](err); ok && e.StatusCode == http.StatusNotFound && e.Err == nil {
		// For an unknown trace, the body of the 404 is empty or about the trace. For an unknown
		// path, the body is another text, and e.Err is set.
		return nil, c.notFound(id)
	}
	if err != nil {
		return nil, err
	}
	decode := protobuf
	if a.mediaType == mediaJSON {
		decode = decodeTraceJSON
	}
	m, err := decode(a.body)
	t := &Trace{ID: id}
	if err == nil {
		err = c.collect(t, m.spans(c.cfg.Keep))
	}
	if err != nil {
		return nil, c.unexpected(a.req, http.StatusOK, nil, err)
	}
	if m.partial || a.partial {
		t.warn(&Warning{Kind: WarnPartial, TraceID: id, Message: cmp.Or(m.message, "Tempo calls its answer partial")})
	}
	return t, nil
}

// A traceMessage is the answer to a request for a trace.
type traceMessage struct {
	spans   func(keep func(key string) bool) iter.Seq2[servicegraph.Span, error]
	partial bool
	message string // why the answer is partial
}

// The fields of a TraceByIDResponse, and the status PARTIAL.
const (
	fieldTrace   protowire.Number = 1
	fieldStatus  protowire.Number = 3
	fieldMessage protowire.Number = 4

	statusPartial = 1
)

// decodeTraceByID decodes a TraceByIDResponse in protobuf.
func decodeTraceByID(b []byte) (traceMessage, error) {
	var (
		m     traceMessage
		trace []byte
	)
	for len(b) > 0 {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 {
			return m, notTrace(protowire.ParseError(n))
		}
		b = b[n:]
		switch {
		case num == fieldTrace && typ == protowire.BytesType:
			var v []byte
			if v, n = protowire.ConsumeBytes(b); trace == nil {
				trace = v
			} else {
				trace = slices.Concat(trace, v) // protobuf merges messages that are sent in pieces
			}
		case num == fieldStatus && typ == protowire.VarintType:
			var v uint64
			v, n = protowire.ConsumeVarint(b)
			m.partial = v == statusPartial
		case num == fieldMessage && typ == protowire.BytesType:
			var v []byte
			v, n = protowire.ConsumeBytes(b)
			m.message = string(bytes.ToValidUTF8(v, []byte("\uFFFD")))
		default:
			n = protowire.ConsumeFieldValue(num, typ, b)
		}
		if n < 0 {
			return m, notTrace(protowire.ParseError(n))
		}
		b = b[n:]
	}
	m.spans = protobufSpans(trace)
	return m, nil
}

// decodeTrace decodes a Trace in protobuf.
func decodeTrace(b []byte) (traceMessage, error) {
	return traceMessage{spans: protobufSpans(b)}, nil
}

// protobufSpans returns the spans of a Trace, which has the fields of OTLP's TracesData.
func protobufSpans(b []byte) func(keep func(string) bool) iter.Seq2[servicegraph.Span, error] {
	return func(keep func(string) bool) iter.Seq2[servicegraph.Span, error] {
		return tracefile.ReadMessage(b, "answer", tracefile.Config{Keep: keep})
	}
}

// decodeTraceJSON decodes the answer of a server that knows only JSON.
func decodeTraceJSON(b []byte) (traceMessage, error) {
	var m struct {
		Trace, Batches, ResourceSpans presence
		Status                        status
		Message                       string
	}
	if err := json.Unmarshal(b, &m); err != nil {
		return traceMessage{}, notTrace(err)
	}
	spans := func(keep func(string) bool) iter.Seq2[servicegraph.Span, error] {
		if !m.Trace && !m.Batches && !m.ResourceSpans {
			return func(func(servicegraph.Span, error) bool) {}
		}
		return tracefile.Read(bytes.NewReader(b), "answer", tracefile.Config{Keep: keep})
	}
	return traceMessage{spans: spans, partial: bool(m.Status), message: m.Message}, nil
}

// presence reports whether a field of JSON is neither null nor empty.
type presence bool

func (p *presence) UnmarshalJSON(b []byte) error {
	*p = presence(len(b) > len(`{}`) && string(b) != "null")
	return nil
}

// status reports whether a status in the JSON of protobuf is PARTIAL, as a name or as a
// number.
type status bool

func (s *status) UnmarshalJSON(b []byte) error {
	*s = string(b) == `"PARTIAL"` || string(b) == "1"
	return nil
}

func notTrace(err error) error { return fmt.Errorf("the answer is not a trace: %w", err) }

// collect adds spans to a trace, in order, up to Config.MaxBytes of memory. If some spans
// cannot be read, there is a warning; if no span can be read, there is an error.
func (c *Client) collect(t *Trace, spans iter.Seq2[servicegraph.Span, error]) error {
	left := c.cfg.MaxBytes
	var first error
	n := 0
	for s, err := range spans {
		if skipped, ok := errors.AsType[*servicegraph.SkipError](err); ok {
			if n++; first == nil {
				first = skipped.Err
			}
			continue
		}
		if err != nil {
			return notTrace(err)
		}
		if left -= sizeOf(&s); left < 0 {
			return fmt.Errorf("%w than %s when decoded", errTooLarge, quantity.Of(c.cfg.MaxBytes, "byte"))
		}
		t.Spans = append(t.Spans, s)
	}
	switch {
	case n > 0 && len(t.Spans) == 0:
		return notTrace(first)
	case n > 0:
		t.warn(&Warning{Kind: WarnTruncated, TraceID: t.ID, Message: fmt.Sprintf("parts of the answer could not be read, the first: %v", first)})
	}
	slices.SortStableFunc(t.Spans, byStart)
	return nil
}

// sizeOf returns about how much memory a span takes.
func sizeOf(s *servicegraph.Span) int64 {
	const span, attr, link = 256, 32, 24
	size := span + len(s.Name) + attr*len(s.Attrs) + link*len(s.Links)
	for _, a := range s.Attrs {
		size += len(a.Value)
	}
	return int64(size)
}

// byStart is the order of the spans of a trace.
func byStart(a, b servicegraph.Span) int {
	return cmp.Or(cmp.Compare(a.Start, b.Start), bytes.Compare(a.SpanID[:], b.SpanID[:]))
}

// isWrongPath reports whether an error is a 404 that does not concern the trace.
func isWrongPath(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.StatusCode == http.StatusNotFound
}

func (c *Client) notFound(id servicegraph.TraceID) error {
	return fmt.Errorf("%s: trace %s: %w", c.name(), id, ErrNotFound)
}

// settle is the age at which the newest span of a trace probably is the last one: SDKs
// send their spans every 5 seconds, and Collectors add to that.
const settle = 10 * time.Second

// warn adds a warning, unless it is nil.
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
	return &Warning{Kind: WarnOrphans, TraceID: t.ID, Message: fmt.Sprintf("the parents of %s of its %s are missing; the first span without its parent is %s", quantity.Number(n), quantity.Of(len(t.Spans), "span"), first)}
}
