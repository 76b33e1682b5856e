package tracefile

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/internal/semconv"
	"github.com/tempograph/tempograph/servicegraph/tracefile/internal/quote"
)

// Jaeger's and Zipkin's JSON share this file: times in microseconds, ids of 64 or 128 bits, and
// tags for values that have a field in OTLP.

// noService is the name that translators from OTLP give a service without a name, if the other
// format requires a name.
const noService = "OTLPResourceNoServiceName"

// serviceNamed returns the name of a service; empty if it has none.
func serviceNamed(name string) string {
	if strings.EqualFold(name, noService) {
		return ""
	}
	return name
}

// scopeKey is the attribute with the name of the instrumentation scope of a span.
const scopeKey = "otel.scope.name"

// addTag stores a tag as OTLP would: in a field of the span or among the attributes. Each format decides which tags are errors, and which tag counts if several have
// the same meaning.
func (s *sink) addTag(sp *servicegraph.Span, key, text string) {
	switch key {
	case "otel.status_code":
		status, _ := servicegraph.ParseStatus(strings.TrimPrefix(strings.ToUpper(text), statusPrefix))
		if status != servicegraph.StatusUnset {
			sp.Status = status
		}
	case "w3c.tracestate":
		sp.Weight = servicegraph.TraceStateWeight(text)
	case messageKey:
		s.addMessage(sp, text)
	case "otel.scope.version", "otel.library.version", "internal.span.format":
	case "otel.library.name":
		s.addScope(sp, text)
	default:
		s.addAttr(sp, key, text)
		if today := openTracing[key]; today != "" && !hasAttr(sp, today) {
			s.addAttr(sp, today, text)
		}
	}
}

// readsTag reports whether a tag with a key changes a span.
func (s *sink) readsTag(key string) bool {
	switch key {
	case "span.kind", "error", "otel.status_code", "w3c.tracestate", "otel.library.name":
		return true
	}
	return openTracing[key] != "" || s.keep(key)
}

// addAttr adds an attribute to a span if it is kept.
func (s *sink) addAttr(sp *servicegraph.Span, key, text string) {
	if s.keep(key) {
		sp.Attrs = append(sp.Attrs, servicegraph.Attr{Key: key, Value: text})
	}
}

func hasAttr(sp *servicegraph.Span, key string) bool {
	return slices.ContainsFunc(sp.Attrs, func(a servicegraph.Attr) bool { return a.Key == key })
}

// openTracing maps the tags that named the other end of a call before OpenTelemetry to
// OpenTelemetry's older names. Addresses are left out: peer.ipv4 may be one number, and
// peer.address may be the address of either end.
var openTracing = map[string]string{
	"db.instance":             "db.name",
	"db.type":                 "db.system",
	"message_bus.destination": "messaging.destination",
	"peer.hostname":           "net.peer.name",
	"peer.port":               "net.peer.port",
}

// kindNamed returns the kind with a name: see [semconv.KindNamed].
func kindNamed(name string) servicegraph.Kind { return servicegraph.Kind(semconv.KindNamed(name)) }

// parseTraceID reads an id of 64 or 128 bits. Its error quotes at most 40 bytes of the text.
func parseTraceID(s string) (servicegraph.TraceID, error) {
	return servicegraph.ParseTraceID(quote.Shorten(s, 40))
}

// parseSpanID is parseTraceID for an id of 64 bits.
func parseSpanID(s string) (servicegraph.SpanID, error) {
	return servicegraph.ParseSpanID(quote.Shorten(s, 40))
}

// A jsonText is the text of a JSON string, number or boolean. It is not ok for any other
// value.
type jsonText struct {
	text string
	ok   bool
}

func (t *jsonText) UnmarshalJSON(b []byte) error {
	switch c := b[0]; {
	case c == '"':
		t.ok = true
		return json.Unmarshal(b, &t.text)
	case c == 't', c == 'f':
		t.text, t.ok = string(b), true
	case c == '-' || '0' <= c && c <= '9':
		t.text, t.ok = string(b), true
		if f, err := strconv.ParseFloat(t.text, 64); err == nil && strings.ContainsAny(t.text, ".eE") {
			t.text = floatText(f)
		}
	}
	return nil
}

// micros returns a number of microseconds, without a fraction. A number above the int64 range
// wraps around, because Jaeger writes negative durations like this.
func (n jsonNumber) micros() (int64, error) {
	if i, err := strconv.ParseInt(string(n), 10, 64); err == nil || n == "" {
		return i, nil
	}
	if u, err := strconv.ParseUint(string(n), 10, 64); err == nil {
		return int64(u), nil
	}
	f, err := n.float()
	if err == nil && math.Abs(f) >= 1<<63 {
		err = fmt.Errorf("%q is out of range", quote.Shorten(string(n), 40))
	}
	return int64(f), err
}

// nanos returns a time in nanoseconds; 0 if the time is negative or too late for an int64.
func nanos(micros int64) int64 {
	if micros < 0 || micros > math.MaxInt64/1000 {
		return 0
	}
	return micros * 1000
}
