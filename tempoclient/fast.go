package tempoclient

import (
	"cmp"
	"encoding/json"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/tempograph/tempograph/servicegraph"
)

// maxSpansPerTrace is how many spans of a trace a search shows at most, unless
// Tempo is configured to show fewer.
const maxSpansPerTrace = 100

// graphAttrs and graphResourceAttrs are the attributes that name the nodes of a graph,
// of those that servicegraph.Config.Reads knows. Tempo reads no more than 1,024
// characters of a query, so the rest, which only adds detail, is left out.
var (
	graphAttrs = [...]string{
		"service.peer.name", "service.peer.namespace", "peer.service",
		"db.system.name", "db.system", "db.namespace", "db.name",
		"messaging.system", "messaging.destination.name", "messaging.destination",
		"messaging.destination.template", "messaging.destination.temporary", "messaging.operation.type",
		"gen_ai.provider.name", "gen_ai.system", "faas.invoked_name", "rpc.service",
		"server.address", "server.port", "net.peer.name", "net.peer.port", "url.full", "http.url", "http.host",
		"network.peer.address", "net.sock.peer.addr", "net.peer.ip",
		"http.request.resend_count", "http.response.status_code", "http.status_code",
	}
	graphResourceAttrs = [...]string{"deployment.environment.name", "deployment.environment"}
)

// fastParams asks for all spans of the traces that a query finds, with what a graph
// needs of each.
func fastParams(query string) url.Values {
	// A conjunction of two pipelines holds the spans of both. What stands before the
	// && becomes a pipeline, if it is none, by a condition that always holds.
	query = "(" + cmp.Or(query, "{}") + " | count() > 0) && ({} | select(span:parentID, name, kind, status, " +
		"resource.service.name, resource.service.namespace"
	for _, key := range graphAttrs {
		query += ", span." + key
	}
	for _, key := range graphResourceAttrs {
		query += ", resource." + key
	}
	return url.Values{"q": {query + "))"}, "spss": {strconv.Itoa(maxSpansPerTrace)}}
}

// foundSpan is a span in the answer to a search. What was selected and is not among
// its fields is an attribute, under its name without the scope.
type foundSpan struct {
	SpanID            string      `json:"spanID"`
	Name              string      `json:"name"`
	StartTimeUnixNano json.Number `json:"startTimeUnixNano"`
	DurationNanos     json.Number `json:"durationNanos"`
	Attributes        []keyValue  `json:"attributes"`
}

// spans returns the spans of a trace that the search shows, if they can be all that
// Tempo has.
func (t *traceAnswer) spans(id servicegraph.TraceID, keep func(key string) bool) (spans []servicegraph.Span, whole bool) {
	known := 0
	for _, stats := range t.ServiceStats {
		known += stats.SpanCount
	}
	if len(t.SpanSets) != 1 {
		return nil, false
	}
	set := t.SpanSets[0]
	if len(set.Spans) < max(set.Matched, known) {
		return nil, false
	}
	for _, f := range set.Spans {
		s, ok := f.span(id, keep)
		if !ok {
			return nil, false
		}
		spans = append(spans, s)
	}
	// Tempo finds a trace that is spread over blocks only in those where the query
	// finds something, and counts only the spans there. What is missing then is
	// likely to be somebody's parent.
	if (&Trace{Spans: spans}).orphans() != nil {
		return nil, false
	}
	slices.SortStableFunc(spans, byStart)
	return spans, true
}

func (f *foundSpan) span(trace servicegraph.TraceID, keep func(key string) bool) (s servicegraph.Span, ok bool) {
	id, err1 := servicegraph.ParseSpanID(f.SpanID)
	start, err2 := number(f.StartTimeUnixNano)
	duration, err3 := number(f.DurationNanos) // not one of an int64 where the end is missing
	if err1 != nil || err2 != nil || err3 != nil || start < 0 || duration < 0 || start > math.MaxInt64-duration {
		return s, false
	}
	s = servicegraph.Span{TraceID: trace, SpanID: id, Name: f.Name, Start: start, End: start + duration}
	kind, status := -1, -1
	for _, a := range attrsOf(f.Attributes) {
		switch a.Key {
		case "parentID", "span:parentID":
			parent, err := servicegraph.ParseSpanID(a.Value)
			if err != nil {
				return s, false
			}
			s.ParentID = parent
		case "kind":
			kind = slices.Index(kinds[:], a.Value)
		case "status":
			status = slices.Index(statuses[:], a.Value)
		case "service.name":
			s.Service = a.Value
		case "service.namespace":
			s.Namespace = a.Value
		default:
			switch {
			case !keep(a.Key):
			case slices.Contains(graphResourceAttrs[:], a.Key):
				s.Resource = append(s.Resource, a)
			default:
				s.Attrs = append(s.Attrs, a)
			}
		}
	}
	if kind < 0 || status < 0 {
		return s, false
	}
	s.Kind, s.Status = servicegraph.Kind(kind), servicegraph.Status(status)
	for _, attrs := range [][]servicegraph.Attr{s.Attrs, s.Resource} {
		slices.SortStableFunc(attrs, func(a, b servicegraph.Attr) int { return strings.Compare(a.Key, b.Key) })
	}
	return s, true
}

// TraceQL's names, in the order of OTLP's numbers.
var (
	kinds    = [...]string{"unspecified", "internal", "server", "client", "producer", "consumer"}
	statuses = [...]string{"unset", "ok", "error"}
)

// number reads a number of 64 bits, which is left out where it is zero.
func number(n json.Number) (int64, error) {
	if n == "" {
		return 0, nil
	}
	return n.Int64()
}
