package tempocompat

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/temposeries"
	"github.com/tempograph/tempograph/servicegraph/tracefile"
)

// Recordings of real programs. The recording mythical is not part of the repository.
const (
	hotrod   = "../../examples/traces/hotrod.jsonl.gz"
	datasets = "../../../shared/datasets/"
	mythical = datasets + "mythical/mythical.pb.gz"
)

// recording returns the spans of a file, with all attributes, in the order of their
// export. It skips the test if the file is missing.
func recording(t *testing.T, path string) []servicegraph.Span {
	t.Helper()
	if _, err := os.Stat(path); err != nil {
		t.Skipf("no recording here: %v", err)
	}
	var spans []servicegraph.Span
	for s, err := range tracefile.ReadFile(path, tracefile.Config{}) {
		if err != nil {
			t.Fatal(err)
		}
		spans = append(spans, s)
	}
	return spans
}

// TestKnownAnswers compares totals with recorded totals that Tempo wrote for the recordings in real
// time. No span of the recordings expires.
func TestKnownAnswers(t *testing.T) {
	for _, c := range []struct{ name, spans, answer string }{
		{"hotrod", hotrod, datasets + "hotrod/expected-tempo.txt"},
		{"mythical", mythical, datasets + "mythical/expected-tempo.txt"},
	} {
		t.Run(c.name, func(t *testing.T) {
			answer, err := os.ReadFile(c.answer)
			if err != nil {
				t.Skipf("no answer of Tempo here: %v", err)
			}
			p := temposeries.NewProcessor(temposeries.Config{})
			for _, s := range recording(t, c.spans) {
				p.Add(s)
			}
			p.Expire()
			got := make(values)
			for name, value := range valuesOf(p.Series()) {
				if strings.Contains(name, "_total{") {
					got[name] = value
				}
			}
			if diff := cmp.Diff(parseAnswer(t, answer), got); diff != "" {
				t.Errorf("totals (-Tempo +got):\n%s", diff)
			}
		})
	}
}

// parseAnswer reads the part of Prometheus's text format that the answers use.
func parseAnswer(t *testing.T, text []byte) values {
	t.Helper()
	v := make(values)
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() {
		name, rest, ok1 := strings.Cut(lines.Text(), "{")
		pairs, number, ok2 := strings.Cut(rest, "} ")
		labels := map[string]string{"__name__": name}
		for pair := range strings.SplitSeq(pairs, ", ") {
			var label, value string
			if _, err := fmt.Sscanf(strings.Replace(pair, "=", " ", 1), "%s %q", &label, &value); err != nil {
				t.Fatalf("%q: %v", lines.Text(), err)
			}
			labels[label] = value
		}
		var value float64
		if _, err := fmt.Sscan(number, &value); err != nil || !ok1 || !ok2 {
			t.Fatalf("%q: %v", lines.Text(), err)
		}
		v[seriesName(labels)] = value
	}
	return v
}

// byTrace returns the spans of each trace in their order.
func byTrace(spans []servicegraph.Span) [][]servicegraph.Span {
	var traces [][]servicegraph.Span
	index := make(map[servicegraph.TraceID]int)
	for _, s := range spans {
		i, ok := index[s.TraceID]
		if !ok {
			i = len(traces)
			index[s.TraceID] = i
			traces = append(traces, nil)
		}
		traces[i] = append(traces[i], s)
	}
	return traces
}

// endingAt moves spans so that the last span ends at the given time.
func endingAt(end time.Time, spans []servicegraph.Span) {
	var last int64
	for _, s := range spans {
		last = max(last, s.End)
	}
	for i := range spans {
		spans[i].Start += end.UnixNano() - last
		spans[i].End += end.UnixNano() - last
	}
}

// resourceSpans returns a span as OTLP protobuf.
func resourceSpans(s servicegraph.Span) *tracepb.ResourceSpans {
	resource := []servicegraph.Attr{{Key: "service.name", Value: s.Service}}
	if s.Namespace != "" {
		resource = append(resource, servicegraph.Attr{Key: "service.namespace", Value: s.Namespace})
	}
	span := &tracepb.Span{
		TraceId:           s.TraceID[:],
		SpanId:            s.SpanID[:],
		Name:              s.Name,
		Kind:              tracepb.Span_SpanKind(s.Kind),
		StartTimeUnixNano: uint64(s.Start),
		EndTimeUnixNano:   uint64(s.End),
		Status:            &tracepb.Status{Code: tracepb.Status_StatusCode(s.Status)},
		Attributes:        keyValues(s.Attrs),
	}
	if !s.ParentID.IsZero() {
		span.ParentSpanId = s.ParentID[:]
	}
	for _, l := range s.Links {
		span.Links = append(span.Links, &tracepb.Span_Link{TraceId: l.TraceID[:], SpanId: l.SpanID[:]})
	}
	return &tracepb.ResourceSpans{
		Resource:   &resourcepb.Resource{Attributes: keyValues(append(resource, s.Resource...))},
		ScopeSpans: []*tracepb.ScopeSpans{{Spans: []*tracepb.Span{span}}},
	}
}

func keyValues(attrs []servicegraph.Attr) []*commonpb.KeyValue {
	var out []*commonpb.KeyValue
	for _, a := range attrs {
		out = append(out, &commonpb.KeyValue{Key: a.Key, Value: &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: a.Value}}})
	}
	return out
}
