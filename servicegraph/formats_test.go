package servicegraph_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	commonv1 "go.opentelemetry.io/proto/otlp/common/v1"
	resourcev1 "go.opentelemetry.io/proto/otlp/resource/v1"
	tracev1 "go.opentelemetry.io/proto/otlp/trace/v1"
	"golang.org/x/tools/txtar"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	sg "github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/tracefile"
)

// A spanFormat is a file format of traces.
type spanFormat struct {
	name  string
	write func(testing.TB, []sg.Span) []byte
	can   func(*sg.Span) bool // the format can express everything in a span that its edges depend on
	folds bool                // all names become lower case
}

var spanFormats = []spanFormat{
	{name: "OTLP protobuf", write: writeProto, can: func(*sg.Span) bool { return true }},
	{name: "OTLP JSON", write: writeJSON, can: func(*sg.Span) bool { return true }},
	{name: "Jaeger JSON", write: writeJaeger, can: canJaeger},
	{name: "Zipkin JSON", write: writeZipkin, can: canZipkin, folds: true},
}

// canTags is can for formats that write times as a start and a duration, and the kind and the status as
// tags: attributes with the keys of these tags cannot be distinguished from them.
func canTags(s *sg.Span) bool {
	isTag := func(a sg.Attr) bool { return a.Key == "span.kind" || a.Key == "error" }
	return s.Start > 0 && s.End > s.Start && !slices.ContainsFunc(s.Attrs, isTag)
}

// canJaeger is can for Jaeger, in which a reference of a span without a parent to a span of its trace is
// the parent.
func canJaeger(s *sg.Span) bool {
	isInTrace := func(l sg.Link) bool { return l.TraceID == s.TraceID }
	return canTags(s) && !(s.ParentID.IsZero() && slices.ContainsFunc(s.Links, isInTrace))
}

// canZipkin is can for Zipkin, in which names are in lower case: a name in the case of the service is then
// exactly its name.
func canZipkin(s *sg.Span) bool {
	isInCase := func(a sg.Attr) bool { return a.Key == "service.peer.name" && strings.ToLower(a.Value) != a.Value }
	return canTags(s) && !slices.ContainsFunc(s.Attrs, isInCase)
}

// TestFormats writes the spans of each scenario in every format. The edges must not depend on the
// format, as far as the format can express the spans.
func TestFormats(t *testing.T) {
	compared := make(map[string]int)
	runScenarios(t, "scenarios", func(t *testing.T, given []txtar.File, _ string) string {
		var cfg sg.Config
		if len(given) == 2 {
			cfg = parseConfig(t, section(t, given, 0, "config"))
		}
		spans := mustParse(t, section(t, given, len(given)-1, "spans"))
		for _, f := range spanFormats {
			if checkFormat(t, &f, cfg, spans) {
				compared[f.name]++
			}
		}
		return describe(buildWith(cfg, spans))
	})
	for _, f := range spanFormats {
		t.Logf("%s: %d scenarios", f.name, compared[f.name])
		if compared[f.name] < 200 {
			t.Errorf("%s expresses only %d scenarios", f.name, compared[f.name])
		}
	}
}

// checkFormat compares the edges of spans with those of the spans in a file. It returns false if the
// format cannot express the spans.
func checkFormat(t *testing.T, f *spanFormat, cfg sg.Config, spans []sg.Span) bool {
	t.Helper()
	if len(spans) == 0 {
		return false
	}
	for i := range spans {
		s := &spans[i]
		if s.SpanID.IsZero() || s.TraceID.IsZero() || !isWritable(s.Weight) || !f.can(s) {
			return false
		}
	}
	text := f.write(t, spans)
	got, err := sg.Build(tracefile.Read(bytes.NewReader(text), "file", tracefile.Config{Keep: cfg.Reads}), cfg)
	if err != nil {
		t.Fatalf("%s: %v", f.name, err)
	}
	want := edgeCounts(buildWith(cfg, spans), f.folds)
	if diff := cmp.Diff(want, edgeCounts(got, f.folds)); diff != "" {
		t.Errorf("%s gives other edges (-want +got):\n%s", f.name, diff)
	}
	return true
}

// edgeCounts returns the edges of a graph without times and attributes.
func edgeCounts(g *sg.Graph, folds bool) []string {
	var lines []string
	for e := range g.Edges() {
		line := fmt.Sprintf("%v %v -> %v %v %v n%v e%v recovered %v retries %v %+v caller %v %v callee %v %v", e.ID.From, e.ID.From.Type, e.ID.To, e.ID.To.Type, e.ID.Kind,
			e.Calls, e.Errors, e.Recovered, e.Retries, e.Evidence, e.Caller.Calls, e.Caller.Errors, e.Callee.Calls, e.Callee.Errors)
		if folds {
			line = strings.ToLower(line)
		}
		lines = append(lines, line)
	}
	slices.Sort(lines)
	return lines
}

// isWritable reports whether a weight can be written as a tracestate: a power of two.
func isWritable(weight float64) bool {
	fraction, _ := math.Frexp(weight)
	return weight == 0 || fraction == 0.5 && weight >= 1 && weight <= 16
}

// traceState returns the tracestate of a span with a weight.
func traceState(weight float64) string {
	if weight <= 1 {
		return ""
	}
	return "ot=th:" + strconv.FormatUint(uint64(16-16/weight), 16)
}

// otlpOf returns the spans as OTLP, each with a resource of its own.
func otlpOf(spans []sg.Span) *tracev1.TracesData {
	data := new(tracev1.TracesData)
	value := func(text string) *commonv1.AnyValue {
		if n, err := strconv.ParseInt(text, 10, 64); err == nil && strconv.FormatInt(n, 10) == text {
			return &commonv1.AnyValue{Value: &commonv1.AnyValue_IntValue{IntValue: n}}
		}
		return &commonv1.AnyValue{Value: &commonv1.AnyValue_StringValue{StringValue: text}}
	}
	attr := func(key, text string) *commonv1.KeyValue { return &commonv1.KeyValue{Key: key, Value: value(text)} }
	for i := range spans {
		s := &spans[i]
		resource, scope := new(resourcev1.Resource), new(commonv1.InstrumentationScope)
		for _, a := range resourceAttrs(s) {
			resource.Attributes = append(resource.Attributes, attr(a.Key, a.Value))
		}
		out := &tracev1.Span{
			TraceId: s.TraceID[:], SpanId: s.SpanID[:], Name: s.Name, Kind: tracev1.Span_SpanKind(s.Kind),
			StartTimeUnixNano: uint64(s.Start), EndTimeUnixNano: uint64(s.End), Status: &tracev1.Status{Code: tracev1.Status_StatusCode(s.Status)},
			TraceState: traceState(s.Weight),
		}
		if !s.ParentID.IsZero() {
			out.ParentSpanId = s.ParentID[:]
		}
		for _, a := range s.Attrs {
			switch a.Key {
			case "otel.scope.name":
				scope.Name = a.Value
			case "otel.status_description":
				out.Status.Message = a.Value
			default:
				out.Attributes = append(out.Attributes, attr(a.Key, a.Value))
			}
		}
		for _, l := range s.Links {
			out.Links = append(out.Links, &tracev1.Span_Link{TraceId: l.TraceID[:], SpanId: l.SpanID[:]})
		}
		data.ResourceSpans = append(data.ResourceSpans, &tracev1.ResourceSpans{
			Resource: resource, ScopeSpans: []*tracev1.ScopeSpans{{Scope: scope, Spans: []*tracev1.Span{out}}},
		})
	}
	return data
}

// resourceAttrs returns the attributes of the resource of a span, with those that have fields.
func resourceAttrs(s *sg.Span) []sg.Attr {
	attrs := slices.Clone(s.Resource)
	if s.Service != "" {
		attrs = append(attrs, sg.Attr{Key: "service.name", Value: s.Service})
	}
	if s.Namespace != "" {
		attrs = append(attrs, sg.Attr{Key: "service.namespace", Value: s.Namespace})
	}
	return attrs
}

func writeProto(t testing.TB, spans []sg.Span) []byte {
	data, err := proto.Marshal(otlpOf(spans))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// writeJSON writes OTLP JSON. It differs from the JSON of protobuf in the ids, which are in
// hexadecimal.
func writeJSON(t testing.TB, spans []sg.Span) []byte {
	text, err := protojson.Marshal(otlpOf(spans))
	if err != nil {
		t.Fatal(err)
	}
	var data map[string]any
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&data); err != nil {
		t.Fatal(err)
	}
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, e := range v {
				walk(e)
			}
		case map[string]any:
			for key, e := range v {
				if id, ok := e.(string); ok && (key == "traceId" || key == "spanId" || key == "parentSpanId") {
					var bytes []byte
					if err := json.Unmarshal([]byte(strconv.Quote(id)), &bytes); err != nil {
						t.Fatal(err)
					}
					v[key] = fmt.Sprintf("%x", bytes)
				}
				walk(e)
			}
		}
	}
	walk(data)
	return marshalJSON(t, data)
}

func marshalJSON(t testing.TB, v any) []byte {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// writeJaeger writes the answer of Jaeger's API, as the translator of the Collector makes it.
func writeJaeger(t testing.TB, spans []sg.Span) []byte {
	type object = map[string]any
	tag := func(key, text string) object {
		if n, err := strconv.ParseInt(text, 10, 64); err == nil && strconv.FormatInt(n, 10) == text {
			return object{"key": key, "type": "int64", "value": n}
		}
		return object{"key": key, "type": "string", "value": text}
	}
	traces := make(map[sg.TraceID]object)
	for i := range spans {
		s := &spans[i]
		trace := traces[s.TraceID]
		if trace == nil {
			trace = object{"traceID": s.TraceID.String(), "spans": []object{}, "processes": object{}}
			traces[s.TraceID] = trace
		}
		var tags, ofProcess, references []object
		for _, a := range resourceAttrs(s) {
			if a.Key != "service.name" {
				ofProcess = append(ofProcess, tag(a.Key, a.Value))
			}
		}
		if s.Kind != sg.KindUnset {
			tags = append(tags, tag("span.kind", s.Kind.String()))
		}
		for _, a := range s.Attrs {
			tags = append(tags, tag(a.Key, a.Value))
		}
		switch s.Status {
		case sg.StatusError:
			tags = append(tags, tag("otel.status_code", "ERROR"), object{"key": "error", "type": "bool", "value": true})
		case sg.StatusOK:
			tags = append(tags, tag("otel.status_code", "OK"))
		}
		if state := traceState(s.Weight); state != "" {
			tags = append(tags, tag("w3c.tracestate", state))
		}
		if !s.ParentID.IsZero() {
			references = append(references, object{"refType": "CHILD_OF", "traceID": s.TraceID.String(), "spanID": s.ParentID.String()})
		}
		for _, l := range s.Links {
			references = append(references, object{"refType": "FOLLOWS_FROM", "traceID": l.TraceID.String(), "spanID": l.SpanID.String()})
		}
		service := s.Service
		if service == "" {
			service = "OTLPResourceNoServiceName"
		}
		process := fmt.Sprintf("p%d", i)
		trace["processes"].(object)[process] = object{"serviceName": service, "tags": ofProcess}
		trace["spans"] = append(trace["spans"].([]object), object{
			"traceID": s.TraceID.String(), "spanID": s.SpanID.String(), "operationName": s.Name, "references": references,
			"startTime": s.Start / 1000, "duration": (s.End - s.Start) / 1000, "tags": tags, "processID": process,
		})
	}
	return marshalJSON(t, object{"data": slices.Collect(maps.Values(traces))})
}

// writeZipkin writes version 2 of Zipkin's JSON, as the translator of the Collector makes it.
func writeZipkin(t testing.TB, spans []sg.Span) []byte {
	type object = map[string]any
	list := []object{}
	for i := range spans {
		s := &spans[i]
		tags := make(map[string]string)
		for _, a := range resourceAttrs(s) {
			tags[a.Key] = a.Value
		}
		delete(tags, "service.name")
		for _, a := range s.Attrs {
			tags[a.Key] = a.Value
		}
		for i, l := range s.Links {
			tags[fmt.Sprintf("otlp.link.%d", i)] = l.TraceID.String() + "|" + l.SpanID.String() + "||{}|0"
		}
		switch s.Status {
		case sg.StatusError:
			tags["otel.status_code"], tags["error"] = "ERROR", "true"
		case sg.StatusOK:
			tags["otel.status_code"] = "OK"
		}
		if state := traceState(s.Weight); state != "" {
			tags["w3c.tracestate"] = state
		}
		service := s.Service
		if service == "" {
			service = "OTLPResourceNoServiceName"
		}
		span := object{
			"traceId": s.TraceID.String(), "id": s.SpanID.String(), "name": s.Name,
			"timestamp": s.Start / 1000, "duration": (s.End - s.Start) / 1000,
			"localEndpoint": object{"serviceName": service},
		}
		switch s.Kind {
		case sg.KindUnset:
		case sg.KindInternal:
			tags["span.kind"] = "internal"
		default:
			span["kind"] = strings.ToUpper(s.Kind.String())
		}
		if !s.ParentID.IsZero() {
			span["parentId"] = s.ParentID.String()
		}
		if len(tags) > 0 {
			span["tags"] = tags
		}
		list = append(list, span)
	}
	return marshalJSON(t, list)
}
