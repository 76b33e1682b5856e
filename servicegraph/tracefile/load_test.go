package tracefile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	tracev1 "go.opentelemetry.io/proto/otlp/trace/v1"

	"github.com/tempograph/tempograph/servicegraph"
)

// An outcome is the graph of a trace file, and the errors on the way.
type outcome struct {
	Graph string
	Skips []string
	Err   string
}

func outcomeOf(tb testing.TB, b *servicegraph.Builder, skips []string, err error) outcome {
	tb.Helper()
	data, jsonErr := b.Graph().MarshalJSON()
	if jsonErr != nil {
		tb.Fatal(jsonErr)
	}
	o := outcome{Graph: string(data), Skips: skips}
	if err != nil {
		o.Err = err.Error()
	}
	return o
}

// plainly returns the outcome of adding spans one by one.
func plainly(tb testing.TB, spans iter.Seq2[servicegraph.Span, error], cfg servicegraph.Config) outcome {
	tb.Helper()
	b := servicegraph.NewBuilder(cfg)
	var skips []string
	var final error
	for s, err := range spans {
		skip, ok := errors.AsType[*servicegraph.SkipError](err)
		switch {
		case ok:
			b.CountSkipped(skip.Count())
			skips = append(skips, skip.Error())
		case err != nil:
			final = err
		default:
			b.Add(s)
		}
	}
	return outcomeOf(tb, b, skips, final)
}

// loaded returns the outcome of Load.
func loaded(tb testing.TB, data []byte, cfg servicegraph.Config) outcome {
	tb.Helper()
	b := servicegraph.NewBuilder(cfg)
	var skips []string
	err := Load(b, bytes.NewReader(data), "input", LoadConfig{Skipped: func(skip *servicegraph.SkipError) error {
		skips = append(skips, skip.Error())
		return nil
	}})
	return outcomeOf(tb, b, skips, err)
}

// piped returns the outcome of Load through a pipeline with segments of the given size, or without
// a pipeline if the size is 0.
func piped(tb testing.TB, r io.Reader, limit int, cfg servicegraph.Config, size int) outcome {
	tb.Helper()
	b := servicegraph.NewBuilder(cfg)
	var skips []string
	l := newLoader(b, "input", LoadConfig{Skipped: func(skip *servicegraph.SkipError) error {
		skips = append(skips, skip.Error())
		return nil
	}})
	l.limit, l.segmentSize = limit, size
	return outcomeOf(tb, b, skips, l.load(r))
}

// segmentSizes are sizes of segments. For JSON the first is too small to find a place to cut,
// and the second too small to hold two objects.
var segmentSizes = []int{1, 50, 1000, defaultSegmentSize}

// checkLoad compares the outcome of Read with that of Load, in one goroutine and in pipelines,
// and returns the outcome.
func checkLoad(tb testing.TB, data []byte, cfg servicegraph.Config) outcome {
	tb.Helper()
	want := plainly(tb, Read(bytes.NewReader(data), "input", Config{Keep: cfg.Reads}), cfg)
	if diff := cmp.Diff(want, loaded(tb, data, cfg)); diff != "" {
		tb.Errorf("Read and Load (-want +got):\n%s", diff)
	}
	for _, size := range pipelineSizes {
		checkPipeline(tb, want, data, cfg, size)
	}
	return want
}

// pipelineSizes are the sizes of segments for checkLoad.
var pipelineSizes = []int{1, 1000, defaultSegmentSize}

func checkPipeline(tb testing.TB, want outcome, data []byte, cfg servicegraph.Config, size int) {
	tb.Helper()
	if diff := cmp.Diff(want, piped(tb, bytes.NewReader(data), DefaultMaxRecord, cfg, size)); diff != "" {
		tb.Errorf("Read and a pipeline of segments of %d bytes (-want +got):\n%s", size, diff)
	}
}

// fuzzLoad compares the outcome of Read with that of one way of Load, which the number selects
// together with the configuration. All ways for each input would take four times as long.
func fuzzLoad(t *testing.T, number byte, data []byte) {
	if len(data) > maxFuzzed {
		return
	}
	cfg, way := loadConfigs[int(number)%len(loadConfigs)], int(number)/len(loadConfigs)%(1+len(pipelineSizes))
	want := plainly(t, Read(bytes.NewReader(data), "input", Config{Keep: cfg.Reads}), cfg)
	if way > 0 {
		checkPipeline(t, want, data, cfg, pipelineSizes[way-1])
	} else if diff := cmp.Diff(want, loaded(t, data, cfg)); diff != "" {
		t.Errorf("Read and Load (-want +got):\n%s", diff)
	}
}

var loadConfigs = []servicegraph.Config{
	{},
	{HTTPErrors: true, NodeAttrs: []string{"host.name"}},
	{IgnoreInternalDatabases: true, QueueNodes: true, SplitBy: []string{"service.version"}},
	{Limits: servicegraph.Limits{Nodes: 3, Edges: 2}, Window: servicegraph.Window{Traces: 2}},
}

func TestLoad(t *testing.T) {
	_, recorded := hotrodRequests(t)
	whole := &tracev1.TracesData{}
	for _, r := range everything() {
		whole.ResourceSpans = append(whole.ResourceSpans, r.ResourceSpans...)
	}
	for name, data := range map[string][]byte{
		"all there is":     delimited(t, everything()...),
		"one message":      message(t, whole),
		"JSON":             jsonLines(t, everything()...),
		"HotROD":           delimited(t, recorded...),
		"generated traces": traceMessages(5000),
		"generated export": sdkMessages(5000),
		"traces in JSON":   inJSON(t, traceMessages(5000)),
		"export in JSON":   inJSON(t, sdkMessages(5000)),
		"empty":            {},
		"damaged":          append(delimited(t, request("svc", &tracev1.Span{TraceId: []byte{1}})), 3, 0x0a, 0x7f, 0),
	} {
		for _, cfg := range loadConfigs {
			t.Run(name, func(t *testing.T) { checkLoad(t, data, cfg) })
		}
	}
}

// Read and Load agree on recordings of other programs. One of them has fields in falling
// order.
func TestLoadRecordings(t *testing.T) {
	for _, path := range []string{hotrod, dataset(t, "mythical/mythical.pb.gz"), dataset(t, "hotrod/hotrod-all.pb.gz"), dataset(t, "hotrod/hotrod-all.jsonl.gz")} {
		want := plainly(t, ReadFile(path, Config{}), servicegraph.Config{})
		b := servicegraph.NewBuilder(servicegraph.Config{})
		err := LoadFile(b, path, LoadConfig{})
		if diff := cmp.Diff(want, outcomeOf(t, b, nil, err)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", path, diff)
		}
	}
}

// Protobuf in memory is decoded in place: from where the reader stands to its end and no further, also
// if a message is over the limit or ends early.
func TestLoadInPlace(t *testing.T) {
	var spans []*tracev1.Span
	for range 4000 {
		spans = append(spans, span(1, "a span of a large message"))
	}
	small, large := traceMessages(100), delimited(t, request("svc", spans...))
	const limit = 30_000
	if len(large) < 2*headSize {
		t.Fatalf("a message of %d bytes is in the first part of the input", len(large))
	}
	inputs := map[string][]byte{
		"whole":                  slices.Concat(small, small),
		"a large message inside": slices.Concat(small, large, small),
		"a large message at end": slices.Concat(small, large),
		"cut off":                slices.Concat(small, small[:len(small)-1]),
		"cut off inside a large": slices.Concat(small, large[:len(large)-1]),
	}
	padded := func(n int) []byte { return delimited(t, request("svc", span(1, strings.Repeat("a", n)))) }
	for before := range 6 { // the length of the large message is before or across the end of the first 64 KiB
		var start []byte
		for len(start) < headSize-1000 {
			start = append(start, padded(100)...)
		}
		for n := 0; len(start) < headSize-before; n++ {
			if len(start)+len(padded(n)) == headSize-before {
				start = append(start, padded(n)...)
			}
		}
		inputs[fmt.Sprintf("a large message %d bytes before the end of the first part", before)] = slices.Concat(start, large, small)
	}
	for name, data := range inputs {
		around := slices.Concat([]byte("before"), data, small) // whose end is in the capacity only
		r := bytes.NewReader(around[:len(around)-len(small)])
		r.Seek(int64(len("before")), io.SeekStart)
		want := piped(t, iotest.HalfReader(bytes.NewReader(data)), limit, servicegraph.Config{}, 0)
		if diff := cmp.Diff(want, piped(t, r, limit, servicegraph.Config{}, 0)); diff != "" {
			t.Errorf("%s: copied and in place (-want +got):\n%s", name, diff)
		}
		if faulty := name != "whole"; faulty != (want.Err != "" || want.Skips != nil) {
			t.Errorf("%s: skips %q and error %q", name, want.Skips, want.Err)
		}
	}
}

// An error of the callback ends reading, and the builder keeps the spans before it.
func TestLoadStops(t *testing.T) {
	data := delimited(t,
		request("svc", span(1, "a")),
		request("svc", &tracev1.Span{TraceId: []byte{1}}),
		request("svc", span(2, "b")),
	)
	b := servicegraph.NewBuilder(servicegraph.Config{})
	enough := errors.New("enough")
	if err := Load(b, bytes.NewReader(data), "input", LoadConfig{Skipped: func(*servicegraph.SkipError) error { return enough }}); err != enough {
		t.Errorf("got error %v", err)
	}
	if r := b.Graph().Report(); r.Spans != 1 || r.Skipped != 1 {
		t.Errorf("got %+v", r)
	}
}

// FuzzLoad gives Read and Load the same bytes, which are mostly damaged. Both must find the same
// spans and the same faults.
func FuzzLoad(f *testing.F) {
	for i, seed := range small(everything()) {
		f.Add(byte(2*i), delimited(f, seed, seed))
		f.Add(byte(2*i+1), message(f, seed))
	}
	f.Fuzz(fuzzLoad)
}
