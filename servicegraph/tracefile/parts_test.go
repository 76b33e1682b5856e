package tracefile

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/tempograph/tempograph/servicegraph"
)

// TestManyFaultsInOneRecord: in every format, the first invalid parts of a record are reported one
// by one, and the rest in one error. All of them count in the report of the graph.
func TestManyFaultsInOneRecord(t *testing.T) {
	const parts = 5000
	list := func(before, element, after string) string {
		return before + strings.Repeat(element+",", parts-1) + element + after
	}
	scope := protowire.AppendBytes([]byte{0x12}, bytes.Repeat([]byte("\x12\x00"), parts))
	resource := protowire.AppendBytes([]byte{0x0a}, scope)
	for name, input := range map[string]string{
		"OTLP JSON":          list(`{"resourceSpans":[{"scopeSpans":[{"spans":[`, "{}", "]}]}]}"),
		"OTLP JSON, links":   list(`{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"01020304050607080102030405060708","spanId":"0102030405060708","links":[`, `{"traceId":"1"}`, "]}]}]}]}"),
		"one message":        string(resource),
		"delimited messages": string(protowire.AppendBytes(nil, resource)),
		"Jaeger":             list(`{"data":[{"spans":[`, "{}", "]}]}"),
	} {
		if got := checkLoad(t, []byte(input), servicegraph.Config{}); got.Err == "" && name != "OTLP JSON, links" {
			t.Errorf("%s: no error for an input without spans", name)
		}
		_, skips, _ := collect(t, Read(strings.NewReader(input), "input", Config{}))
		if len(skips) != maxDescribed+1 {
			t.Errorf("%s: %d errors, want %d", name, len(skips), maxDescribed+1)
			continue
		}
		last := skips[maxDescribed]
		want := fmt.Sprintf("input: record 1 at byte %d: 4,990 more parts left out besides those reported", last.Offset)
		if last.Error() != want || last.Count() != parts-maxDescribed {
			t.Errorf("%s: the last error counts %d: %s\nwant %s", name, last.Count(), last, want)
		}
		g, _ := servicegraph.Build(Read(strings.NewReader(input), "input", Config{}), servicegraph.Config{})
		if n := g.Report().Skipped; n != parts {
			t.Errorf("%s: the graph counts %d skipped records, want %d", name, n, parts)
		}
	}
}

// TestRepeatedFields: a protobuf field that occurs again and again is merged in time that grows
// with its size. If each occurrence copied all earlier ones, this test would not end.
func TestRepeatedFields(t *testing.T) {
	ids := "\x0a\x10" + strings.Repeat("\x01", 16) + "\x12\x08" + strings.Repeat("\x01", 8)
	const times = 2_000_000
	for name, body := range map[string]string{
		"status":    ids + strings.Repeat("\x7a\x02\x18\x02", times),
		"attribute": ids + string(protowire.AppendBytes([]byte{0x4a}, []byte("\x0a\x01k"+strings.Repeat("\x12\x02\x18\x01", times)))),
	} {
		scope := protowire.AppendBytes([]byte{0x12}, []byte(body))
		spans, skips, err := collect(t, ReadMessage(protowire.AppendBytes([]byte{0x0a}, protowire.AppendBytes([]byte{0x12}, scope)), "input", Config{}))
		if len(spans) != 1 || len(skips) > 0 || err != nil {
			t.Fatalf("%s: %d spans, skipped %v, error %v", name, len(spans), skips, err)
		}
		if name == "status" && spans[0].Status != servicegraph.StatusError || name == "attribute" && (len(spans[0].Attrs) != 1 || spans[0].Attrs[0].Value != "1") {
			t.Errorf("%s: %+v", name, spans[0])
		}
	}
}
