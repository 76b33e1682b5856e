package tempocompat

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/temposeries"
	"github.com/tempograph/tempograph/tempoclient/tempotest"
)

// TestSameAsTempo sends the spans of every case and of the recordings to a real Tempo server
// and to a processor, and compares all series.
//
// The spans of a trace keep their order, arrive together before any span can expire, and are moved
// so that the last span ends now. The values must then be exactly equal. This test ignores the
// configuration of a case; TestSameAsTempoConfigured uses it.
func TestSameAsTempo(t *testing.T) {
	sink := newSink(t)
	p := &pair{
		tempo: tempotest.Start(t, tempotest.Config{RemoteWriteURL: sink.url}),
		ours:  temposeries.NewProcessor(temposeries.Config{MessagingLatency: true}),
	}
	t.Run("cases", func(t *testing.T) { sendCases(t, p, cases) })
	t.Run("too old", func(t *testing.T) { sendOld(t, p) })
	t.Run("without ids", func(t *testing.T) { sendInvalid(t, p) })
	t.Run("hotrod", func(t *testing.T) { sendRecording(t, p, hotrod) })
	t.Run("mythical", func(t *testing.T) { sendRecording(t, p, mythical) })
	if !t.Failed() {
		awaitSeries(t, sink, valuesOf(p.ours.Series()))
	}
}

// TestSameAsTempoConfigured repeats TestSameAsTempo for the cases with a configuration,
// with one Tempo server for each configuration. The test leaves out enable_virtual_node_label,
// which makes Tempo 2.9 restart its processor every ten seconds.
func TestSameAsTempoConfigured(t *testing.T) {
	byConfig := make(map[string][]testCase)
	for _, c := range cases {
		if lines := settings(c.cfg); len(lines) > 0 && !c.cfg.VirtualNodeLabel {
			key := strings.Join(lines, "; ")
			byConfig[key] = append(byConfig[key], c)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(byConfig)) {
		t.Run(key, func(t *testing.T) {
			t.Parallel()
			rows := byConfig[key]
			cfg := rows[0].cfg
			cfg.MessagingLatency = true
			sink := newSink(t)
			p := &pair{
				tempo: tempotest.Start(t, tempotest.Config{RemoteWriteURL: sink.url, ServiceGraphs: settings(cfg)}),
				ours:  temposeries.NewProcessor(cfg),
				cfg:   cfg,
			}
			sendCases(t, p, rows)
			awaitSeries(t, sink, valuesOf(p.ours.Series()))
		})
	}
}

// settings returns a configuration as Tempo's YAML, without the settings that tempotest
// always writes.
func settings(cfg temposeries.Config) (lines []string) {
	list := func(name string, values []string) {
		if values != nil {
			lines = append(lines, fmt.Sprintf("%s: [%s]", name, strings.Join(values, ", ")))
		}
	}
	list("peer_attributes", cfg.PeerAttributes)
	list("dimensions", cfg.Dimensions)
	if cfg.PrefixDimensions {
		lines = append(lines, "enable_client_server_prefix: true")
	}
	if cfg.SpanMultiplierKey != "" {
		lines = append(lines, "span_multiplier_key: "+cfg.SpanMultiplierKey)
	}
	if cfg.MaxItems != 0 {
		lines = append(lines, fmt.Sprintf("max_items: %d", cfg.MaxItems))
	}
	return lines
}

// sendRecording sends the spans of a file, one request for each trace.
func sendRecording(t *testing.T, p *pair, path string) {
	for _, trace := range byTrace(recording(t, path)) {
		endingAt(time.Now(), trace)
		var wire []*tracepb.ResourceSpans
		for _, s := range trace {
			wire = append(wire, resourceSpans(s))
		}
		p.push(t, wire, trace)
	}
	p.expire(t)
}

// sendCases sends the requests of the cases: first all requests before an expiry, then
// all requests after it.
func sendCases(t *testing.T, p *pair, cases []testCase) {
	rounds := make([][]request, 2)
	for i, c := range cases {
		if c.row == "T11" || c.tempo != "" {
			continue // Tempo refuses T11, see sendInvalid; the other cases are known to differ
		}
		row := fmt.Sprintf("%s.%d", c.row, i)
		parser := parser{row: row, prefix: row + ".", epoch: time.Now()}
		requests, err := parser.parse(c.spans)
		if err != nil {
			t.Fatal(err)
		}
		round := 0
		for _, r := range requests {
			rounds[round] = append(rounds[round], r)
			if r.expire {
				round++
			}
		}
	}
	for _, requests := range rounds {
		for _, r := range requests {
			p.push(t, r.spans, spansOf(t, encode(t, r.spans), p.cfg))
		}
		p.expire(t)
	}
}

// sendOld sends row L04: a span that ended more than 30 seconds from now does not reach Tempo's
// processor. The caller of this module's processor leaves such spans out.
func sendOld(t *testing.T, p *pair) {
	parser := parser{row: "L04", prefix: "L04.", epoch: time.Now()}
	requests, err := parser.parse(`A:c1 [-60000+100] B:s2<1 A:c3 [60000+100] B:s4<3 A:c5 [-20000+100] B:s6<5`)
	if err != nil {
		t.Fatal(err)
	}
	wire := requests[0].spans
	var ours []servicegraph.Span
	for i, s := range spansOf(t, encode(t, wire), temposeries.Config{}) {
		if i != 0 && i != 2 {
			ours = append(ours, s)
		}
	}
	p.push(t, wire, ours)
	p.expire(t)
}

// sendInvalid sends row T11, and a span with a zero trace id: Tempo refuses both requests.
func sendInvalid(t *testing.T, p *pair) {
	for _, spoil := range []func(*tracepb.Span){
		func(s *tracepb.Span) { s.SpanId = make([]byte, 8) },
		func(s *tracepb.Span) { s.SpanId = nil },
		func(s *tracepb.Span) { s.TraceId = make([]byte, 16) },
	} {
		parser := parser{row: "T11", prefix: "T11.", epoch: time.Now()}
		requests, err := parser.parse(`A:c1 B:s2`)
		if err != nil {
			t.Fatal(err)
		}
		spans := requests[0].spans
		spoil(spans[0].ScopeSpans[0].Spans[0])
		if status, answer := p.post(t, spans); status != http.StatusBadRequest {
			t.Errorf("Tempo answers with status %d, want 400: %s", status, answer)
		}
	}
}

// A pair holds a real Tempo server and a processor that receive the same spans.
type pair struct {
	tempo *tempotest.Tempo
	ours  *temposeries.Processor
	cfg   temposeries.Config // of both
	sent  int                // spans sent to Tempo
	ends  int                // calls of expire
}

// push sends spans to both, and returns when Tempo's generator has them. The generator
// takes requests from a queue with two workers, which could change their order, and drops
// requests when the queue is full.
func (p *pair) push(t *testing.T, wire []*tracepb.ResourceSpans, spans []servicegraph.Span) {
	t.Helper()
	if status, answer := p.post(t, wire); status != http.StatusOK {
		t.Fatalf("pushing: status %d: %s", status, answer)
	}
	for _, s := range spans {
		p.ours.Add(s)
	}
	p.sent += len(wire)
	p.await(t, 20*time.Second, func() (string, bool) {
		received := p.metric(t, "tempo_metrics_generator_spans_received_total")
		return fmt.Sprintf("the generator received %v of %d spans", received, p.sent), received == float64(p.sent)
	})
}

// expire returns when all pending halves in Tempo have expired. Tempo expires them in
// order of arrival, so expire sends one more client span, which expires last.
func (p *pair) expire(t *testing.T) {
	t.Helper()
	p.ends++
	parser := parser{row: fmt.Sprint("end ", p.ends), epoch: time.Now()}
	requests, err := parser.parse(`end:c1`)
	if err != nil {
		t.Fatal(err)
	}
	p.push(t, requests[0].spans, spansOf(t, encode(t, requests[0].spans), p.cfg))
	p.ours.Expire()
	p.await(t, 20*time.Second, func() (string, bool) {
		got := temposeries.Counters{
			Edges:   uint64(p.counter(t, "edges")),
			Expired: uint64(p.counter(t, "expired_edges")),
			Dropped: uint64(p.counter(t, "dropped_spans")),
		}
		return fmt.Sprintf("counters: Tempo %+v, processor %+v", got, p.ours.Counters()), got == p.ours.Counters()
	})
}

// await calls ask until ask returns true.
func (p *pair) await(t *testing.T, limit time.Duration, ask func() (state string, ok bool)) {
	t.Helper()
	for deadline := time.Now().Add(limit); ; time.Sleep(time.Millisecond) {
		state, ok := ask()
		if ok {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("after %v %s; Tempo's log ends:\n%s", limit, state, p.tempo.LogTail())
		}
	}
}

func (p *pair) post(t *testing.T, spans []*tracepb.ResourceSpans) (status int, answer string) {
	t.Helper()
	resp, err := http.Post(p.tempo.OTLPHTTPURL+"/v1/traces", "application/x-protobuf", bytes.NewReader(encode(t, spans)))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// counter returns a counter of Tempo's service-graphs processor.
func (p *pair) counter(t *testing.T, name string) float64 {
	t.Helper()
	return p.metric(t, "tempo_metrics_generator_processor_service_graphs_"+name)
}

// metric returns the sum of Tempo's own metric with this name, 0 if Tempo has none.
func (p *pair) metric(t *testing.T, name string) float64 {
	t.Helper()
	resp, err := http.Get(p.tempo.URL + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	sum := 0.0
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		rest, ok := strings.CutPrefix(lines.Text(), name+"{")
		if !ok {
			continue
		}
		value, err := strconv.ParseFloat(rest[strings.LastIndexByte(rest, ' ')+1:], 64)
		if err != nil {
			t.Fatalf("%s: %v", lines.Text(), err)
		}
		sum += value
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return sum
}

// awaitSeries returns when Tempo has written exactly the wanted values. Tempo reads its
// write-ahead log for remote write only every 15 seconds.
func awaitSeries(t *testing.T, s *sink, want values) {
	t.Helper()
	deadline := time.After(3 * time.Minute)
	for {
		got := s.values()
		if maps.Equal(got, want) {
			t.Logf("%d series", len(got))
			return
		}
		select {
		case <-s.changed:
		case <-deadline:
			t.Fatalf("these of %d series differ:\n%s", len(want), diff(want, got))
		}
	}
}

// diff lists the values that differ: first the value of this module, then Tempo's.
func diff(ours, tempo values) string {
	all := maps.Clone(ours)
	maps.Copy(all, tempo)
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(all)) {
		a, inOurs := ours[name]
		z, inTempo := tempo[name]
		if a != z || inOurs != inTempo {
			fmt.Fprintf(&b, "%s: ours %v (%t), Tempo %v (%t)\n", name, a, inOurs, z, inTempo)
		}
	}
	return b.String()
}
