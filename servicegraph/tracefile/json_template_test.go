package tracefile

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tempograph/tempograph/servicegraph"
)

// namedSpanJSON is a request of the n'th span with these fields after its name.
func namedSpanJSON(n int, fields string) string {
	return fmt.Sprintf(`{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"svc"}}]},"scopeSpans":[{"spans":[`+
		`{"traceId":"07070707070707070707070707070707","spanId":"%016x","flags":257,"name":"GET /a/longer/name"%s}]}]}]}`, n+1, fields)
}

// clientJSON are the fields of a client span.
func clientJSON(port, host, path string) string {
	return `,"kind":3,"startTimeUnixNano":"1700000000000000000","endTimeUnixNano":"1700000000000000001","attributes":[` +
		`{"key":"server.port","value":{"intValue":` + port + `}},{"key":"server.address","value":{"stringValue":` + host + `}},` +
		`{"key":"url.path","value":{"stringValue":` + path + `}}],"dropped":0,"events":[{"timeUnixNano":"1","name":"e","attributes":[{"key":"server.address","value":{"stringValue":"x"}}]}],"status":{"message":"m","code":2}}`
}

// matched returns a number that grows with each span that matches a template, and shrinks with each
// span that matches none.
func matched(d *fastDecoder) int {
	sum := 0
	for i := range d.templates {
		sum += d.templates[i].balance
	}
	return sum
}

// The graph is the same as without templates, for spans that match a template, whatever their
// values, and for spans that match none.
func TestTemplates(t *testing.T) {
	usual := clientJSON(`"80"`, `"a"`, `"/"`)
	usual = usual[:len(usual)-1] // without the last bracket
	with := func(old, new string) string {
		if strings.Count(usual, old) != 1 {
			t.Fatalf("not once: %s", old)
		}
		return strings.Replace(usual, old, new, 1)
	}
	for _, test := range []struct {
		fields string
		match  bool
		reason string
	}{
		{fields: usual, match: true},
		{fields: with(`"1700000000000000000"`, `"1600000000000000000"`), match: true},
		{fields: with(`"1700000000000000001"`, `"9999999999999999999"`), match: true, reason: "too late for an int64"},
		{fields: with(`"1700000000000000001"`, `1700000000000000002`), match: true},
		{fields: with(`"80"`, `"8080"`), match: true},
		{fields: with(`"80"`, `"8"`), match: true},
		{fields: with(`"80"`, `80`), match: true},
		{fields: with(`"a"`, `"ab"`), match: true},
		{fields: with(`"a"`, `""`), match: true},
		{fields: with(`"a"`, `"\u0061\n"`), match: true},
		{fields: with(`"a"`, "\"\xff\""), match: true},
		{fields: with(`"a"`, ` "b"`), match: true},
		{fields: with(`"a"`, `"b" `), reason: "blanks after a value are not skipped"},
		{fields: with(`"/"`, `"/orders/\"7\""`), match: true},
		{fields: with(`"dropped":0`, `"dropped":{"all":[1,2]}`), match: true},
		{fields: with(`"dropped":0`, `"dropped":01`)},
		{fields: with(`"timeUnixNano":"1"`, `"timeUnixNano":"22"`), match: true},
		{fields: with(`"x"`, `"y"`), match: true, reason: "of an event"},
		{fields: with(`"m"`, `"n"`), match: true},

		{fields: with(`"kind":3`, `"kind":2`), reason: "the kind is never a slot"},
		{fields: with(`"code":2`, `"code":1`)},
		{fields: with(`,"kind":3`, ``)},
		{fields: with(`"url.path"`, `"url.full"`)},
		{fields: with(`{"key":"server.port","value":{"intValue":"80"}},`, ``)},
		{fields: with(`{"stringValue":"a"}`, `{"stringValue":"b","x":1}`)},
		{fields: with(`{"stringValue":"a"}`, `{"intValue":"1"}`)},
		{fields: with(`"80"`, `"none"`), reason: "a malformed number is for the slow decoder"},
		{fields: with(`"80"`, `80,80`)},
		{fields: with(`"1700000000000000000"`, `"x"`)},
		{fields: usual + `,"kind":3`, reason: "a second time"},
		{fields: usual + `,"x":1`},
		{fields: usual + `}`, match: true, reason: "the fault is after the span"},
		{fields: usual[:len(usual)-1]},
		{fields: ``},
	} {
		d := newTestDecoder(servicegraph.Config{})
		var lines strings.Builder
		for i := range 3 {
			known := namedSpanJSON(i, usual)
			lines.WriteString(known + "\n")
			before := matched(d)
			if !d.decodeRequest([]byte(known)) {
				t.Fatal("refused a usual request")
			}
			// The first span makes the attributes known, and the second makes the template known.
			if got := matched(d) > before; got != (i == 2) {
				t.Fatalf("span %d: matched %v", i, got)
			}
		}
		last := namedSpanJSON(3, test.fields)
		before := matched(d)
		d.decodeRequest([]byte(last))
		if got := matched(d) > before; got != test.match {
			t.Errorf("matched %v, want %v (%s): %s", got, test.match, test.reason, test.fields)
		}
		lines.WriteString(last + "\n" + namedSpanJSON(4, usual) + "\n")
		for _, cfg := range loadConfigs {
			checkLoad(t, []byte(lines.String()), cfg)
		}
	}
}

// A template that matches the beginning of a span and not its end changes nothing and gets no
// slot. No template keeps the bytes that it was learned from.
func TestTemplatesUndo(t *testing.T) {
	d := newTestDecoder(servicegraph.Config{})
	usual := strings.TrimSuffix(clientJSON(`"80"`, `"a"`, `"/"`), "}")
	other := strings.Replace(strings.TrimSuffix(clientJSON(`"81"`, `"b"`, `"/x"`), "}"), `"dropped":0`, `"dropped":0,"links":[]`, 1)
	var lines strings.Builder
	for i, fields := range []string{usual, usual, usual, other, usual, other, usual} {
		request := []byte(namedSpanJSON(i, fields))
		lines.Write(append(request, '\n'))
		if !d.decodeRequest(request) {
			t.Fatal("refused a usual request")
		}
		clear(request)
	}
	for i := range d.templates {
		if known := d.templates[i].templates[0]; known != nil && len(known.slots) != 3 {
			t.Errorf("%d slots, want the times and the end: %+v", len(known.slots), known.slots)
		}
	}
	b := servicegraph.NewBuilder(servicegraph.Config{})
	b.AddBatch(d.sink.packer.Batch())
	want := checkLoad(t, []byte(lines.String()), servicegraph.Config{})
	if diff := cmp.Diff(want, outcomeOf(t, b, nil, nil)); diff != "" {
		t.Errorf("Load and the decoder, request by request (-want +got):\n%s", diff)
	}
}

// A field of the template that a span also has before its name is repeated.
func TestTemplatesRepeatedField(t *testing.T) {
	usual := strings.TrimSuffix(clientJSON(`"80"`, `"a"`, `"/"`), "}")
	d := newTestDecoder(servicegraph.Config{})
	var lines strings.Builder
	for i := range 3 {
		lines.WriteString(namedSpanJSON(i, usual) + "\n")
		d.decodeRequest([]byte(namedSpanJSON(i, usual)))
	}
	twice := strings.Replace(namedSpanJSON(3, usual), `"flags":257`, `"kind":2`, 1)
	if d.decodeRequest([]byte(twice)) {
		t.Error("took a repeated kind")
	}
	lines.WriteString(twice + "\n" + namedSpanJSON(4, usual))
	checkLoad(t, []byte(lines.String()), servicegraph.Config{})
}

// If hardly any span resembles an earlier one, templates are not tried for a while.
func TestTemplatesPause(t *testing.T) {
	d := newTestDecoder(servicegraph.Config{})
	take := func(n int, fields string) {
		t.Helper()
		if !d.decodeRequest([]byte(namedSpanJSON(n, fields))) {
			t.Fatal("refused a usual request")
		}
	}
	var lines strings.Builder
	pauses := 0
	for i := range 3 * maxBalance {
		different := fmt.Sprintf(`,"kind":3,"attributes":[{"key":"server.address","value":{"stringValue":"a"}}],"%d":0`, i)
		take(i, different)
		lines.WriteString(namedSpanJSON(i, different) + "\n")
		for j := range d.templates {
			pauses = max(pauses, d.templates[j].pause)
		}
	}
	if pauses == 0 {
		t.Error("no pause")
	}
	same := `,"kind":3,"attributes":[{"key":"server.address","value":{"stringValue":"b"}}]`
	for i := range pauses {
		take(i, same)
	}
	take(0, same)
	before := matched(d)
	if take(1, same); matched(d) < before {
		t.Error("no template is learned after the pause")
	}
	checkLoad(t, []byte(lines.String()), servicegraph.Config{})
}

// A span that is very long, or has a field that a template never has, is not learned.
func TestTemplatesUnlearned(t *testing.T) {
	for _, fields := range []string{
		`,"links":[{"traceId":"07070707070707070707070707070707","spanId":"0707070707070707"}]`,
		`,"traceState":"ot=th:8"`,
		`,"parentSpanId":"0707070707070708"`,
		`,"long":"` + strings.Repeat("x", maxTemplate) + `"`,
	} {
		d := newTestDecoder(servicegraph.Config{})
		var lines strings.Builder
		for i := range 4 {
			request := namedSpanJSON(i, `,"kind":3`+fields)
			lines.WriteString(request + "\n")
			if !d.decodeRequest([]byte(request)) {
				t.Fatal("refused a usual request")
			}
		}
		if matched(d) != -4 {
			t.Errorf("learned: %.100s", fields)
		}
		checkLoad(t, []byte(lines.String()), servicegraph.Config{})
	}
}

// Read and Load give the same graph for spans that share some fields, in a few notations and
// sometimes with a wrong byte.
func TestLoadTemplates(t *testing.T) {
	n := 1000
	if testing.Short() {
		n = 100
	}
	rng := rand.New(rand.NewPCG(5, 6))
	for range n {
		var lines strings.Builder
		for i := range 30 {
			line := []byte(namedSpanJSON(i, randomFields(rng)))
			if rng.IntN(20) == 0 {
				line[rng.IntN(len(line))] = "\"{}[],: 0a\\"[rng.IntN(11)]
			}
			lines.Write(append(line, '\n'))
		}
		checkLoad(t, []byte(lines.String()), loadConfigs[rng.IntN(len(loadConfigs))])
		if t.Failed() {
			t.Fatal(lines.String())
		}
	}
}

// randomFields returns fields after the name of a span.
func randomFields(rng *rand.Rand) string {
	one := func(of ...string) string { return of[rng.IntN(len(of))] }
	attributes := func() string {
		var list []string
		for _, key := range []string{"server.address", "http.url", "server.port", "db.system.name", "other"} {
			if rng.IntN(8) == 0 {
				continue
			}
			value := `"stringValue":` + one(`"a"`, `"a"`, `"a"`, `"bc"`, `""`, `"\u0061"`, `"http://h:1/x"`)
			if key == "server.port" {
				value = `"intValue":` + one(`"80"`, `"80"`, `"8080"`, `8`, `"-1"`)
			}
			list = append(list, `{"key":"`+key+`","value":{`+value+`}}`)
		}
		return strings.Join(list, ",")
	}
	fields := `,"kind":` + one("3", "3", "2", "1", `"SPAN_KIND_CLIENT"`)
	fields += `,"startTimeUnixNano":"17000000000` + one("00000000", "0", "11111111") + `","endTimeUnixNano":"1700000000100000000"`
	fields += `,"attributes":[` + attributes() + `]`
	if rng.IntN(3) == 0 {
		fields += `,"events":[{"timeUnixNano":"` + one("1", "22") + `","attributes":[` + attributes() + `]}]`
	}
	return fields + one(``, `,"status":{}`, `,"status":{"code":2}`, `,"status":{"code":2,"message":"m"}`, `,"status":{"code":2,"message":"no"}`, `,"kind":3`)
}
