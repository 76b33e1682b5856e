package tempoclient

import (
	"encoding/json"
	"math"
	"slices"

	"github.com/tempograph/tempograph/servicegraph"
)

// shownSpan is a span in the answer to a search. The query also selects attributes without a field
// of their own; the answer lists them by name, without the scope.
type shownSpan struct {
	SpanID            string      `json:"spanID"`
	Name              string      `json:"name"`
	StartTimeUnixNano json.Number `json:"startTimeUnixNano"`
	DurationNanos     json.Number `json:"durationNanos"`
	Attributes        []keyValue  `json:"attributes"`
}

// span returns the span, if the answer shows what the query of the selection asks for.
func (f *shownSpan) span(trace servicegraph.TraceID, from *selection) (s servicegraph.Span, ok bool) {
	keep, keys := from.client.cfg.Keep, from.keys
	id, err1 := servicegraph.ParseSpanID(f.SpanID)
	start, err2 := number(f.StartTimeUnixNano)
	duration, err3 := number(f.DurationNanos) // not an int64 if Tempo does not know the end
	if err1 != nil || err2 != nil || err3 != nil || start < 0 || duration < 0 || start > math.MaxInt64-duration {
		return s, false
	}
	s = servicegraph.Span{TraceID: trace, SpanID: id, Name: f.Name, Start: start, End: start + duration}
	var hasKind, hasStatus bool
	scope, message := "", ""
	for _, kv := range f.Attributes {
		value, scalar := kv.text()
		switch kv.Key {
		case "parentID", "span:parentID":
			parent, err := servicegraph.ParseSpanID(value)
			if err != nil {
				return s, false
			}
			s.ParentID = parent
		case "kind":
			s.Kind, hasKind = parseKind(value)
		case "status":
			s.Status, hasStatus = servicegraph.ParseStatus(value)
		case "service.name":
			s.Service = value
		case "service.namespace":
			s.Namespace = value
		case scopeIntrinsic:
			scope = value
		case messageIntrinsic:
			message = value
		default:
			resource, known := keys[kv.Key]
			switch a := (servicegraph.Attr{Key: kv.Key, Value: value}); {
			case !known || !scalar || !keep(kv.Key):
			case value == absent && isDedicated(kv.Key):
			case resource:
				s.Resource = append(s.Resource, a)
			default:
				s.Attrs = append(s.Attrs, a)
			}
		}
	}
	if !hasKind || hasStatus != from.showsStatus {
		return s, false
	}
	if scope != "" && keep(scopeKey) && !slices.ContainsFunc(s.Attrs, func(a servicegraph.Attr) bool { return a.Key == scopeKey }) {
		s.Attrs = append(s.Attrs, servicegraph.Attr{Key: scopeKey, Value: scope})
	}
	s.Attrs, s.Resource = inOrder(s.Attrs), inOrder(s.Resource)
	if keep(messageKey) {
		addMessage(&s, message)
	}
	return s, true
}

// unspecified is TraceQL's name of KindUnset. All other names of kinds and statuses in TraceQL
// are those of package servicegraph.
const unspecified = "unspecified"

// parseKind returns the kind with a name in TraceQL.
func parseKind(name string) (kind servicegraph.Kind, ok bool) {
	if name == unspecified {
		return servicegraph.KindUnset, true
	}
	kind, ok = servicegraph.ParseKind(name)
	return kind, ok && kind != servicegraph.KindUnset
}
