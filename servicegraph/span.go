package servicegraph

import (
	"encoding/hex"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/tempograph/tempograph/servicegraph/internal/histogram"
	"github.com/tempograph/tempograph/servicegraph/internal/semconv"
)

// A TraceID names a trace: 16 bytes, as in W3C trace context and OTLP. The
// zero value is invalid.
type TraceID [16]byte

// A SpanID names a span within its trace: 8 bytes, as in W3C trace context and OTLP. The
// zero value is invalid as the id of a span, and means "no parent" as the id of a parent.
type SpanID [8]byte

// String returns the id as 32 lower-case hexadecimal digits.
func (id TraceID) String() string { return hex.EncodeToString(id[:]) }

// IsZero reports whether the id is the invalid all-zero id.
func (id TraceID) IsZero() bool { return id == TraceID{} }

// String returns the id as 16 lower-case hexadecimal digits.
func (id SpanID) String() string { return hex.EncodeToString(id[:]) }

// IsZero reports whether the id is all zero.
func (id SpanID) IsZero() bool { return id == SpanID{} }

// ParseTraceID reads a trace id of 1 to 32 hexadecimal digits. Shorter ids are padded
// with zeros on the left: Tempo's search strips leading zeros, and a 64-bit id is the low
// half of a 128-bit id.
func ParseTraceID(s string) (id TraceID, err error) {
	if !parseHex(id[:], s) {
		return TraceID{}, fmt.Errorf("trace id %q: want 1 to 32 hexadecimal digits", s)
	}
	return id, nil
}

// ParseSpanID reads a span id of 1 to 16 hexadecimal digits. Shorter ids are padded with
// zeros on the left.
func ParseSpanID(s string) (id SpanID, err error) {
	if !parseHex(id[:], s) {
		return SpanID{}, fmt.Errorf("span id %q: want 1 to 16 hexadecimal digits", s)
	}
	return id, nil
}

// parseHex fills id from the right with the digits of s. It reports whether s has at least
// one digit, nothing but hexadecimal digits, and no more of them than fit into id.
func parseHex(id []byte, s string) bool {
	if s == "" || len(s) > 2*len(id) {
		return false
	}
	_, err := hex.Decode(id, []byte(strings.Repeat("0", 2*len(id)-len(s))+s))
	return err == nil
}

// A Kind is the role of a span in a call, with OTLP's numbers.
type Kind uint8

const (
	KindUnset    Kind = iota // not set by the instrumentation
	KindInternal             // work inside a service
	KindServer               // the callee side of a request
	KindClient               // the caller side of a request
	KindProducer             // the sending side of a message
	KindConsumer             // the receiving side of a message
)

// String returns the lower-case name of the kind, "kind(n)" for an unknown one.
func (k Kind) String() string {
	if int(k) < len(semconv.KindNames) {
		return semconv.KindNames[k]
	}
	return fmt.Sprintf("kind(%d)", uint8(k))
}

// A Status is the status of a span, with OTLP's numbers.
type Status uint8

const (
	StatusUnset Status = iota // no status was recorded: not an error
	StatusOK                  // explicitly successful
	StatusError               // failed
)

// An Attr is one attribute. Values that are not strings are given as their
// text: "5432", "true", "0.5". See [AttrText].
type Attr struct{ Key, Value string }

// A Link points from a span to another span, which may belong to another trace.
type Link struct {
	TraceID TraceID
	SpanID  SpanID
}

// A Span is one timed operation of one service, in the format that every source
// delivers. It is a plain value: a [Builder] copies what it needs and keeps no reference
// to the span or its slices.
type Span struct {
	TraceID  TraceID
	SpanID   SpanID
	ParentID SpanID // zero for a root

	Service   string // resource attribute service.name; empty if missing
	Namespace string // resource attribute service.namespace

	Name   string
	Kind   Kind
	Status Status

	// Start and End are Unix times in nanoseconds. A span without an End, or without a
	// Start, is unfinished; an End before the Start means a broken clock. Such spans count
	// as calls and have no latency.
	Start, End int64

	Links []Link

	Resource []Attr // attributes of the resource, if the source keeps them
	Attrs    []Attr // attributes of the span

	// Weight is the number of spans that this span stands for under sampling; zero means
	// one. It is rounded to a multiple of 1/4096 with at most 24 significant bits, so that
	// sums of weights are exact in any order.
	Weight float64
}

// A SkipError reports that a source left out one malformed record, or the traces beyond a
// limit, and went on reading. A source yields it in the sequence of spans; [Build] counts it
// in [Report.Skipped] or [Report.LeftOutTraces].
type SkipError struct {
	Source string // file name or address
	Record int    // number of the record in the source, counted from 1; 0 if unknown
	Offset int64  // byte offset of the record in the source after decompression; -1 if unknown
	Err    error

	// Traces is how many traces a limit left out, at least; 0 if the error is about a record.
	Traces uint64

	// Limited says which traces the limit let through, for the headings of a graph: "newest
	// 1,000 traces of the last 1h (limit reached)". Without it, headings give their number.
	Limited string

	// More is how many further parts of the same record were left out that no other SkipError
	// describes. Of a record with many faults, a source describes the first few and counts the
	// rest.
	More int
}

// Count returns how many parts of the record the error stands for.
func (e *SkipError) Count() int { return 1 + e.More }

// Error names the source, the position and the reason.
func (e *SkipError) Error() string {
	var b strings.Builder
	b.WriteString(e.Source)
	if e.Record > 0 {
		fmt.Fprintf(&b, ": record %d", e.Record)
	}
	if e.Offset >= 0 {
		fmt.Fprintf(&b, " at byte %d", e.Offset)
	}
	fmt.Fprintf(&b, ": %v", e.Err)
	return b.String()
}

// Unwrap returns the reason.
func (e *SkipError) Unwrap() error { return e.Err }

// AttrText returns the text of an attribute's value for an [Attr]. Every source uses it, so
// that equal values have equal texts, wherever they come from. A value is a string, a bool, an
// int64 or a float64. For any other value, such as a list, a map or bytes, AttrText returns
// false: such values name no part of a graph, and sources leave them out.
//
// Floating point numbers have no exponent from 0.000001 to below 10²¹: 1000000 is "1000000".
// U+FFFD replaces every byte of a string that is not UTF-8.
func AttrText(value any) (text string, ok bool) {
	switch v := value.(type) {
	case string:
		return semconv.ValidText(v), true
	case bool:
		return strconv.FormatBool(v), true
	case int64:
		return strconv.FormatInt(v, 10), true
	case float64:
		format := byte('f')
		if abs := math.Abs(v); abs != 0 && (abs < 1e-6 || abs >= 1e21) {
			format = 'e'
		}
		return strconv.FormatFloat(v, format, -1, 64), true
	}
	return "", false
}

// KindOf returns the kind with a number of OTLP, KindUnset for a number that OTLP does not
// have yet.
func KindOf(number int64) Kind {
	if number < 0 || number > int64(KindConsumer) {
		return KindUnset
	}
	return Kind(number)
}

// ParseKind returns the kind with a name, in any case: see [Kind.String].
func ParseKind(name string) (Kind, bool) {
	i := indexFold(semconv.KindNames[:], name)
	return Kind(max(i, 0)), i >= 0
}

// StatusOf returns the status with a number of OTLP, StatusUnset for a number that OTLP does
// not have yet.
func StatusOf(number int64) Status {
	if number < 0 || number > int64(StatusError) {
		return StatusUnset
	}
	return Status(number)
}

// ParseStatus returns the status with a name, in any case: see [Status.String].
func ParseStatus(name string) (Status, bool) {
	i := indexFold(statusNames[:], name)
	return Status(max(i, 0)), i >= 0
}

var statusNames = [...]string{"unset", "ok", "error"}

// String returns the lower-case name of the status, "status(n)" for an unknown one.
func (s Status) String() string {
	if int(s) < len(statusNames) {
		return statusNames[s]
	}
	return fmt.Sprintf("status(%d)", uint8(s))
}

// indexFold returns the index of a name, in any case, -1 if it is not in the list.
func indexFold(names []string, name string) int {
	for i, n := range names {
		if strings.EqualFold(n, name) {
			return i
		}
	}
	return -1
}

// TraceStateWeight returns how many spans a span with a W3C tracestate stands for: the
// reciprocal of the probability with which the span was sampled. It takes the probability from
// the threshold that OpenTelemetry's consistent samplers write ("ot=th:c" is 1 in 4), or else
// from the power of two that their predecessors wrote ("ot=p:2;r:9" is 1 in 4 as well). The
// weight is at least 1, or 0 if it is unknown because the tracestate has neither, or a
// malformed one; [Span.Weight] takes 0 as 1.
func TraceStateWeight(tracestate string) float64 {
	for member := range strings.SplitSeq(tracestate, ",") {
		fields, ok := strings.CutPrefix(strings.Trim(member, " \t"), "ot=")
		if !ok {
			continue
		}
		weight := 0.0
		for field := range strings.SplitSeq(fields, ";") {
			if threshold, ok := strings.CutPrefix(field, "th:"); ok {
				return thresholdWeight(threshold)
			}
			if power, ok := strings.CutPrefix(field, "p:"); ok {
				weight = powerWeight(power)
			}
		}
		return weight // keys are unique: there is no second "ot"
	}
	return 0
}

// powerWeight returns 2ᵖ for p in decimal digits, at most 62, and otherwise 0: with 63 a
// sampler states that the probability is unknown.
func powerWeight(digits string) float64 {
	p, err := strconv.ParseUint(digits, 10, 64)
	if err != nil || len(digits) > 2 || p > 62 {
		return 0
	}
	return float64(uint64(1) << p)
}

// thresholdWeight returns 2⁵⁶/(2⁵⁶-T) for the threshold T in 1 to 14 hexadecimal digits without
// the trailing zeros, and 0 for other text: of 2⁵⁶ equally likely random numbers, the sampler
// dropped those below T.
func thresholdWeight(digits string) float64 {
	const maxDigits, all = 14, 1 << 56
	if len(digits) == 0 || len(digits) > maxDigits {
		return 0
	}
	var t uint64
	for i := range maxDigits {
		t <<= 4
		if i >= len(digits) {
			continue
		}
		switch c := digits[i]; {
		case '0' <= c && c <= '9':
			t |= uint64(c - '0')
		case 'a' <= c && c <= 'f':
			t |= uint64(c-'a') + 10
		default:
			return 0
		}
	}
	return all / float64(all-t)
}

// roundWeight returns a weight as a positive multiple of 1/4096 with at most 24 significant
// bits: see maxWeight. A weight that is 0, negative or not a number counts as 1.
func roundWeight(w float64) float32 {
	if w == 0 || math.IsNaN(w) || w < 0 {
		return 1
	}
	return float32(max(math.Round(min(w, 1<<32)*4096), 1) / 4096)
}

// maxWeight is where weighted counts stop.
const maxWeight = histogram.MaxWeight

// plus returns the sum of two weighted counts, at most maxWeight.
func plus(a, b float64) float64 { return histogram.Sum(a, b) }
