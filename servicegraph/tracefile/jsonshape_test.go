package tracefile

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tempograph/tempograph/servicegraph"
)

// namedSpanJSON is a request of the n'th span with these fields behind its name.
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

// shaped returns a number that is greater after a span of a known shape, and less after
// one that has none of those behind its name.
func shaped(d *jsonIntake) int {
	sum := 0
	for i := range d.shapes {
		sum += d.shapes[i].balance
	}
	return sum
}

// A span of a known shape is read as one, whatever its values; what has another shape, or
// none, is read as if there were no shapes.
func TestJSONShapes(t *testing.T) {
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
		shaped bool
		reason string
	}{
		{fields: usual, shaped: true},
		{fields: with(`"1700000000000000000"`, `"1600000000000000000"`), shaped: true},
		{fields: with(`"1700000000000000001"`, `"9999999999999999999"`), shaped: true, reason: "too late for an int64"},
		{fields: with(`"1700000000000000001"`, `1700000000000000002`), shaped: true},
		{fields: with(`"80"`, `"8080"`), shaped: true},
		{fields: with(`"80"`, `"8"`), shaped: true},
		{fields: with(`"80"`, `80`), shaped: true},
		{fields: with(`"a"`, `"ab"`), shaped: true},
		{fields: with(`"a"`, `""`), shaped: true},
		{fields: with(`"a"`, `"\u0061\n"`), shaped: true},
		{fields: with(`"a"`, "\"\xff\""), shaped: true},
		{fields: with(`"a"`, ` "b"`), shaped: true},
		{fields: with(`"a"`, `"b" `), reason: "blanks behind a value are not passed over"},
		{fields: with(`"/"`, `"/orders/\"7\""`), shaped: true},
		{fields: with(`"dropped":0`, `"dropped":{"all":[1,2]}`), shaped: true},
		{fields: with(`"dropped":0`, `"dropped":01`)},
		{fields: with(`"timeUnixNano":"1"`, `"timeUnixNano":"22"`), shaped: true},
		{fields: with(`"x"`, `"y"`), shaped: true, reason: "of an event"},
		{fields: with(`"m"`, `"n"`), shaped: true},

		{fields: with(`"kind":3`, `"kind":2`), reason: "a kind is no value of a shape"},
		{fields: with(`"code":2`, `"code":1`)},
		{fields: with(`,"kind":3`, ``)},
		{fields: with(`"url.path"`, `"url.full"`)},
		{fields: with(`{"key":"server.port","value":{"intValue":"80"}},`, ``)},
		{fields: with(`{"stringValue":"a"}`, `{"stringValue":"b","x":1}`)},
		{fields: with(`{"stringValue":"a"}`, `{"intValue":"1"}`)},
		{fields: with(`"80"`, `"none"`), reason: "a number that is none is for the slow way"},
		{fields: with(`"80"`, `80,80`)},
		{fields: with(`"1700000000000000000"`, `"x"`)},
		{fields: usual + `,"kind":3`, reason: "a second time"},
		{fields: usual + `,"x":1`},
		{fields: usual + `}`, shaped: true, reason: "what is wrong is behind the span"},
		{fields: usual[:len(usual)-1]},
		{fields: ``},
	} {
		d := newTestIntake(servicegraph.Config{})
		var lines strings.Builder
		for i := range 3 {
			known := namedSpanJSON(i, usual)
			lines.WriteString(known + "\n")
			before := shaped(d)
			if !d.takeRequest([]byte(known)) {
				t.Fatal("refused what is usual")
			}
			// The first makes its attributes known, the second the shape.
			if got := shaped(d) > before; got != (i == 2) {
				t.Fatalf("span %d: shaped %v", i, got)
			}
		}
		last := namedSpanJSON(3, test.fields)
		before := shaped(d)
		d.takeRequest([]byte(last))
		if got := shaped(d) > before; got != test.shaped {
			t.Errorf("shaped %v, want %v (%s): %s", got, test.shaped, test.reason, test.fields)
		}
		lines.WriteString(last + "\n" + namedSpanJSON(4, usual) + "\n")
		for _, cfg := range loadConfigs {
			checkLoad(t, []byte(lines.String()), cfg)
		}
	}
}

// A shape that fits a span in the beginning and not to its end takes nothing of it, and
// opens nothing. No shape keeps anything of the bytes that it was learned from.
func TestJSONShapesTakeBack(t *testing.T) {
	d := newTestIntake(servicegraph.Config{})
	usual := strings.TrimSuffix(clientJSON(`"80"`, `"a"`, `"/"`), "}")
	other := strings.Replace(strings.TrimSuffix(clientJSON(`"81"`, `"b"`, `"/x"`), "}"), `"dropped":0`, `"dropped":0,"links":[]`, 1)
	var lines strings.Builder
	for i, fields := range []string{usual, usual, usual, other, usual, other, usual} {
		request := []byte(namedSpanJSON(i, fields))
		lines.Write(append(request, '\n'))
		if !d.takeRequest(request) {
			t.Fatal("refused what is usual")
		}
		clear(request)
	}
	for i := range d.shapes {
		if shape := d.shapes[i].shapes[0]; shape != nil && len(shape.open) != 3 {
			t.Errorf("%d values are open, want the times and the end: %+v", len(shape.open), shape.open)
		}
	}
	b := servicegraph.NewBuilder(servicegraph.Config{})
	b.Take(d.source.intake.Batch())
	want := checkLoad(t, []byte(lines.String()), servicegraph.Config{})
	if diff := cmp.Diff(want, outcomeOf(t, b, nil, nil)); diff != "" {
		t.Errorf("Load and the intake, request by request (-want +got):\n%s", diff)
	}
}

// A span that has a field of the shape before its name as well has it twice.
func TestJSONShapesTwice(t *testing.T) {
	usual := strings.TrimSuffix(clientJSON(`"80"`, `"a"`, `"/"`), "}")
	d := newTestIntake(servicegraph.Config{})
	var lines strings.Builder
	for i := range 3 {
		lines.WriteString(namedSpanJSON(i, usual) + "\n")
		d.takeRequest([]byte(namedSpanJSON(i, usual)))
	}
	twice := strings.Replace(namedSpanJSON(3, usual), `"flags":257`, `"kind":2`, 1)
	if d.takeRequest([]byte(twice)) {
		t.Error("took a kind that comes twice")
	}
	lines.WriteString(twice + "\n" + namedSpanJSON(4, usual))
	checkLoad(t, []byte(lines.String()), servicegraph.Config{})
}

// Where hardly a span looks like one before, shapes are not looked for, for a while.
func TestJSONShapesRest(t *testing.T) {
	d := newTestIntake(servicegraph.Config{})
	take := func(n int, fields string) {
		t.Helper()
		if !d.takeRequest([]byte(namedSpanJSON(n, fields))) {
			t.Fatal("refused what is usual")
		}
	}
	var lines strings.Builder
	rests := 0
	for i := range 3 * maxBalance {
		different := fmt.Sprintf(`,"kind":3,"attributes":[{"key":"server.address","value":{"stringValue":"a"}}],"%d":0`, i)
		take(i, different)
		lines.WriteString(namedSpanJSON(i, different) + "\n")
		for j := range d.shapes {
			rests = max(rests, d.shapes[j].rest)
		}
	}
	if rests == 0 {
		t.Error("no rest")
	}
	same := `,"kind":3,"attributes":[{"key":"server.address","value":{"stringValue":"b"}}]`
	for i := range rests {
		take(i, same)
	}
	take(0, same)
	before := shaped(d)
	if take(1, same); shaped(d) < before {
		t.Error("no shape is known after the rest")
	}
	checkLoad(t, []byte(lines.String()), servicegraph.Config{})
}

// A span that is very long, or has any number of links, has no shape.
func TestJSONShapesUnlearned(t *testing.T) {
	for _, fields := range []string{
		`,"links":[{"traceId":"07070707070707070707070707070707","spanId":"0707070707070707"}]`,
		`,"traceState":"ot=th:8"`,
		`,"parentSpanId":"0707070707070708"`,
		`,"long":"` + strings.Repeat("x", maxShapeLen) + `"`,
	} {
		d := newTestIntake(servicegraph.Config{})
		var lines strings.Builder
		for i := range 4 {
			request := namedSpanJSON(i, `,"kind":3`+fields)
			lines.WriteString(request + "\n")
			if !d.takeRequest([]byte(request)) {
				t.Fatal("refused what is usual")
			}
		}
		if shaped(d) != -4 {
			t.Errorf("learned: %.100s", fields)
		}
		checkLoad(t, []byte(lines.String()), servicegraph.Config{})
	}
}

// Spans with some of the same fields in some of a few ways, and now and then a byte that
// is wrong, come to the same graph both ways.
func TestLoadShapes(t *testing.T) {
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

// randomFields are fields behind the name of a span.
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
