package tempocompat

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"regexp"
	"strconv"
	"strings"
	"time"

	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
)

// The notation of the cases lists spans in order of arrival:
//
//	SERVICE:KIND ID[<PARENT][!] [[START+DURATION]] [KEY=VALUE]...
//
// without the blank between KIND and ID. KIND is c CLIENT, s SERVER, p PRODUCER, k CONSUMER, i
// INTERNAL or u UNSPECIFIED. A PARENT of 0 is an id of eight zero bytes, which on the wire differs
// from no parent. ! is status ERROR. Times are milliseconds. The default is [0+100] for spans
// without a parent and for callers, [10+50] for others. Values look like booleans, numbers or
// strings; quotes always make a string. The prefix "resource." marks attributes of the resource.
// SERVICE is written like a value; - means no service.name.
//
// Other words: trace:N puts the span before it into trace N instead of 1, link:TRACE/ID
// gives the span before it a link, push2 begins another request, and X expires all pending
// halves.

// A request is a push to Tempo: one ResourceSpans for each span, in order of arrival.
type request struct {
	spans  []*tracepb.ResourceSpans
	expire bool // all pending halves expire after this request
}

var spanWord = regexp.MustCompile(`^(.*):([cspkiu])(\d+)(?:<(\d+))?(!?)$`)

var spanKinds = map[string]tracepb.Span_SpanKind{
	"c": tracepb.Span_SPAN_KIND_CLIENT, "s": tracepb.Span_SPAN_KIND_SERVER,
	"p": tracepb.Span_SPAN_KIND_PRODUCER, "k": tracepb.Span_SPAN_KIND_CONSUMER,
	"i": tracepb.Span_SPAN_KIND_INTERNAL, "u": tracepb.Span_SPAN_KIND_UNSPECIFIED,
}

// A parser reads the spans of one case.
type parser struct {
	row    string    // the prefix of the trace ids
	prefix string    // the prefix of the service names
	epoch  time.Time // the time zero of the case

	requests []request
	resource *resourcepb.Resource
	span     *tracepb.Span
}

func (p *parser) parse(text string) ([]request, error) {
	p.requests = []request{{}}
	for _, word := range strings.Fields(text) {
		if err := p.word(word); err != nil {
			return nil, fmt.Errorf("case %s: word %q: %w", p.row, word, err)
		}
	}
	if len(p.last().spans) == 0 {
		p.requests = p.requests[:len(p.requests)-1]
	}
	return p.requests, nil
}

func (p *parser) last() *request { return &p.requests[len(p.requests)-1] }

func (p *parser) word(word string) error {
	switch m := spanWord.FindStringSubmatch(word); {
	case m != nil:
		return p.begin(m[1], m[2], m[3], m[4], m[5])
	case word == "X":
		p.last().expire = true
		p.requests = append(p.requests, request{})
		return nil
	case word == "push2":
		p.requests = append(p.requests, request{})
		return nil
	case p.span == nil:
		return fmt.Errorf("no span precedes it")
	}
	if times, ok := strings.CutPrefix(word, "["); ok {
		start, duration, _ := strings.Cut(strings.TrimSuffix(times, "]"), "+")
		return p.times(start, duration)
	}
	if trace, ok := strings.CutPrefix(word, "trace:"); ok {
		p.span.TraceId = p.traceID(trace)
		return nil
	}
	if link, ok := strings.CutPrefix(word, "link:"); ok {
		trace, id, _ := strings.Cut(link, "/")
		p.span.Links = append(p.span.Links, &tracepb.Span_Link{TraceId: p.traceID(trace), SpanId: spanID(id)})
		return nil
	}
	key, text, ok := strings.Cut(word, "=")
	if !ok {
		return fmt.Errorf("the notation has no such word")
	}
	attrs := &p.span.Attributes
	if inner, ok := strings.CutPrefix(key, "resource."); ok {
		key, attrs = inner, &p.resource.Attributes
	}
	*attrs = append(*attrs, &commonpb.KeyValue{Key: key, Value: value(text)})
	return nil
}

func (p *parser) begin(service, kind, id, parent, failed string) error {
	p.resource = &resourcepb.Resource{}
	if service != "-" {
		name := value(service)
		if s, ok := name.Value.(*commonpb.AnyValue_StringValue); ok && s.StringValue != "" {
			s.StringValue = p.prefix + s.StringValue
		}
		p.resource.Attributes = append(p.resource.Attributes, &commonpb.KeyValue{Key: "service.name", Value: name})
	}
	p.span = &tracepb.Span{TraceId: p.traceID("1"), SpanId: spanID(id), Kind: spanKinds[kind], Name: kind + id}
	if parent != "" {
		p.span.ParentSpanId = spanID(parent)
	}
	if failed != "" {
		p.span.Status = &tracepb.Status{Code: tracepb.Status_STATUS_CODE_ERROR}
	}
	p.last().spans = append(p.last().spans, &tracepb.ResourceSpans{
		Resource:   p.resource,
		ScopeSpans: []*tracepb.ScopeSpans{{Spans: []*tracepb.Span{p.span}}},
	})
	if parent == "" || kind == "c" || kind == "p" {
		return p.times("0", "100")
	}
	return p.times("10", "50")
}

func (p *parser) times(start, duration string) error {
	from, err := time.ParseDuration(start + "ms")
	if err != nil {
		return err
	}
	long, err := time.ParseDuration(duration + "ms")
	if err != nil {
		return err
	}
	p.span.StartTimeUnixNano = uint64(p.epoch.Add(from).UnixNano())
	p.span.EndTimeUnixNano = uint64(p.epoch.Add(from + long).UnixNano())
	return nil
}

// traceID returns the id of trace n of the case.
func (p *parser) traceID(number string) []byte {
	h := fnv.New128a()
	h.Write([]byte(p.row + " " + number))
	return h.Sum(nil)
}

func spanID(number string) []byte {
	n, _ := strconv.ParseUint(number, 10, 64)
	return binary.BigEndian.AppendUint64(nil, n)
}

// value returns a value of the type that the text looks like.
func value(text string) *commonpb.AnyValue {
	if s, err := strconv.Unquote(text); err == nil {
		return &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: s}}
	}
	if text == "true" || text == "false" {
		return &commonpb.AnyValue{Value: &commonpb.AnyValue_BoolValue{BoolValue: text == "true"}}
	}
	if i, err := strconv.ParseInt(text, 10, 64); err == nil {
		return &commonpb.AnyValue{Value: &commonpb.AnyValue_IntValue{IntValue: i}}
	}
	if f, err := strconv.ParseFloat(text, 64); err == nil {
		return &commonpb.AnyValue{Value: &commonpb.AnyValue_DoubleValue{DoubleValue: f}}
	}
	return &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: text}}
}
