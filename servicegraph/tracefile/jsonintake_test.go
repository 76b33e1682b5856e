package tracefile

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"

	"github.com/tempograph/tempograph/servicegraph"
)

// newTestIntake returns the fast way of OTLP JSON, for any number of requests.
func newTestIntake(cfg servicegraph.Config) *jsonIntake {
	s := newSource("input", Config{Keep: cfg.Reads}, nil)
	s.intake = servicegraph.NewIntake(cfg)
	return newJSONIntake(s)
}

// What usual writers write goes the fast way: were it all refused, the graphs would be
// the same as well.
func TestJSONIntakeTakes(t *testing.T) {
	recorded, _ := hotrodRequests(t)
	requests := everything()
	requests = append(requests[:1], requests[2:]...) // the second has a time beyond 19 digits
	var indented, joined []byte
	for _, r := range requests {
		indented = append(indented, indent(t, otlpJSON(t, r, protojson.MarshalOptions{}))...)
		joined = append(joined, bytes.TrimSpace(jsonLines(t, r))...)
	}
	for name, input := range map[string][]byte{
		"HotROD":           recorded,
		"generated traces": inJSON(t, traceMessages(1000)),
		"generated export": inJSON(t, sdkMessages(1000)),
		"everything":       jsonLines(t, requests...),
		"indented":         indented,
		"in one line":      joined,
	} {
		b := servicegraph.NewBuilder(servicegraph.Config{})
		l := &loader{builder: b}
		yielded := 0
		s := newSource("input", Config{Keep: b.Config().Reads}, func(servicegraph.Span, error) bool { yielded++; return true })
		s.intake, s.loaded = servicegraph.NewIntake(b.Config()), l.take
		s.run(bytes.NewReader(input), maxRecord)
		if yielded > 0 || s.spans == 0 {
			t.Errorf("%s: %d of %d spans went the slow way", name, yielded, s.spans)
		}
	}
}

// oneSpanJSON is a request of one span with these fields behind its ids.
func oneSpanJSON(fields string) string {
	return `{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"svc"}}]},"scopeSpans":[{"spans":[` +
		`{"traceId":"07070707070707070707070707070707","spanId":"0707070707070707"` + fields + `}]}]}]}`
}

// Both ways agree on what is unusual or wrong; the fast one takes what is usual and
// leaves the rest.
func TestJSONIntakeRefuses(t *testing.T) {
	client := func(attributes string) string { return oneSpanJSON(`,"kind":3,"attributes":[` + attributes + `]`) }
	deep := strings.Repeat("[", maxSkippedDepth+1) + strings.Repeat("]", maxSkippedDepth+1)
	for _, test := range []struct {
		request string
		takes   bool
		reason  string
	}{
		{request: oneSpanJSON(``), takes: true},
		{request: " {\t\"resourceSpans\" : [ ] } ", takes: true},
		{request: `{"batches":[]}`, takes: true},
		{request: `{"trace":{"resourceSpans":[]},"metrics":{"n":"1"}}`, takes: true},
		{request: `{"resourceSpans":[{}]}`, takes: true, reason: "no resource, no spans"},
		{request: oneSpanJSON(`,"parentSpanId":""`), takes: true},
		{request: oneSpanJSON(`,"parentSpanId":"abcdefABCDEF0123"`), takes: true},
		{request: oneSpanJSON(`,"kind":"SPAN_KIND_CLIENT","status":{"code":"STATUS_CODE_ERROR"}`), takes: true},
		{request: oneSpanJSON(`,"kind":9,"status":{"message":"x","code":3}`), takes: true, reason: "from the future"},
		{request: oneSpanJSON(`,"startTimeUnixNano":1700000000000000000,"endTimeUnixNano":"1700000000000000001"`), takes: true},
		{request: oneSpanJSON(`,"startTimeUnixNano":"9999999999999999999"`), takes: true, reason: "too late for an int64"},
		{request: oneSpanJSON(`,"name":"\u0041\n\"","x":{"y":[1.5e+7,-0,true,false,null,"",{}]}`), takes: true},
		{request: oneSpanJSON(`,"links":[{},{"traceId":"07070707070707070707070707070707","spanId":"0707070707070707","flags":1}]`), takes: true},
		{request: oneSpanJSON(`,"traceState":"ot=th:8"`), takes: true},
		{request: oneSpanJSON(`,"kind":3,"events":[{"name":"x","timeUnixNano":true,"attributes":[{"key":"server.address","value":{"stringValue":"a"}}]},{}]`), takes: true, reason: "not of the span"},
		{request: client(`{"key":"server.address","value":{"stringValue":"a\u0026b"}}`), takes: true, reason: "escapes in a value are read"},
		{request: client(`{"value":{"stringValue":"a"},"key":"server.address"}`), takes: true},
		{request: client(`{"key":"server.address","value":{"stringValue":"a"},"x":1}`), takes: true},
		{request: client(`{"key":"server.port","value":{"intValue":"80"}},{"key":"server.port","value":{"intValue":81}}`), takes: true},
		{request: client(`{"key":"server.port","value":{"doubleValue":80.50}}`), takes: true},
		{request: client(`{"key":"messaging.destination.temporary","value":{"boolValue":true}}`), takes: true},
		{request: client(`{"key":"server.address","value":{}},{"key":"server.address"}`), takes: true},
		{request: client(`{"key":"server.address","value":{"arrayValue":{"values":[{"stringValue":"a"}]}}}`), takes: true},
		{request: client(`{"key":"other","value":{"intValue":"none"}}`), takes: true, reason: "nobody asks for it"},
		{request: client("{\"key\":\"server.address\",\"value\":{\"stringValue\":\"a\xffb\xe2\x80\"}}"), takes: true, reason: "invalid UTF-8"},

		{request: oneSpanJSON(`}`), reason: "a bracket too many"},
		{request: oneSpanJSON(`,`)},
		{request: oneSpanJSON(`,"name":"` + "\x01" + `"`)},
		{request: oneSpanJSON(`,"name":"\x41"`)},
		{request: oneSpanJSON(`,"name":"\u004g"`)},
		{request: oneSpanJSON(`,"name":5`)},
		{request: oneSpanJSON(`,"name":null`), reason: "right, but unusual"},
		{request: oneSpanJSON(`,"x":01`)},
		{request: oneSpanJSON(`,"x":1.`)},
		{request: oneSpanJSON(`,"x":-`)},
		{request: oneSpanJSON(`,"x":1e`)},
		{request: oneSpanJSON(`,"x":nul`)},
		{request: oneSpanJSON(`,"x":truefalse`)},
		{request: oneSpanJSON(`,"x":[1,]`)},
		{request: oneSpanJSON(`,"x":[1 2]`)},
		{request: oneSpanJSON(`,"x":[,1]`)},
		{request: oneSpanJSON(`,"x":{"a":1,}`)},
		{request: oneSpanJSON(`,"x":{"a"}`)},
		{request: oneSpanJSON(`,"x":{1:2}`)},
		{request: oneSpanJSON(`,"x":{"a":1]`)},
		{request: oneSpanJSON(`,"x":` + deep), reason: "deeper than is counted on"},
		{request: oneSpanJSON(`,"traceId":"08080808080808080808080808080808"`), reason: "a second time; the last counts"},
		{request: oneSpanJSON(`,"TraceID":"08080808080808080808080808080808"`), reason: "encoding/json ignores case"},
		{request: oneSpanJSON(`,"\u006bind":3`)},
		{request: oneSpanJSON(`,"parentSpanId":"x"`)},
		{request: oneSpanJSON(`,"parentSpanId":"BwcHBwcHBwc="`), reason: "base64"},
		{request: oneSpanJSON(`,"kind":"3"`)},
		{request: oneSpanJSON(`,"kind":3.0`)},
		{request: oneSpanJSON(`,"kind":-1`)},
		{request: oneSpanJSON(`,"kind":12`)},
		{request: oneSpanJSON(`,"kind":"CLIENT"`)},
		{request: oneSpanJSON(`,"startTimeUnixNano":"01"`)},
		{request: oneSpanJSON(`,"startTimeUnixNano":""`)},
		{request: oneSpanJSON(`,"startTimeUnixNano":1e9`)},
		{request: oneSpanJSON(`,"startTimeUnixNano":99999999999999999999`)},
		{request: oneSpanJSON(`,"endTimeUnixNano":-5`)},
		{request: oneSpanJSON(`,"status":[]`)},
		{request: oneSpanJSON(`,"events":null`), reason: "right, but unusual"},
		{request: oneSpanJSON(`,"events":[{"attributes":{}}]`), reason: "not looked at the other way"},
		{request: oneSpanJSON(`,"links":[{"traceId":"07070707070707070707070707070707"}]`)},
		{request: oneSpanJSON(`,"traceState":"ot=th\u003a8"`)},
		{request: client(`{"key":"server.port","value":{"intValue":"080"}}`)},
		{request: client(`{"key":"server.port","value":{"intValue":-0}}`)},
		{request: client(`{"key":"server.port","value":{"intValue":"9223372036854775807"}}`)},
		{request: client(`{"key":"server.port","value":{"intValue":"none"}}`)},
		{request: client(`{"key":"server.port","value":{"doubleValue":"80"}}`)},
		{request: client(`{"key":"server.port","value":{"doubleValue":1e999}}`)},
		{request: client(`{"key":"other","value":{"boolValue":"true"}}`)},
		{request: client(`{"key":"server.address","value":{"stringValue":"a","intValue":1}}`)},
		{request: client(`{"key":"server.address","value":{"stringValue":"a","stringValue":"b"}}`)},
		{request: client(`{"key":"server.address","value":{"StringValue":"a"}}`)},
		{request: client(`{"key":"server.address","key":"server.port","value":{"stringValue":"a"}}`)},
		{request: client(`{"key":"server.address","value":{"stringValue":"a"},"Value":{"stringValue":"b"}}`)},
		{request: client(`{"key":"server\u002eaddress","value":{"stringValue":"a"}}`)},
		{request: `{"resourceSpans":null}`},
		{request: `{"resourceSpans":[null]}`},
		{request: `{"resourceSpans":[],"batches":[]}`},
		{request: `{"resourceSpans":[],"resourceSpans":[]}`},
		{request: `{"trace":{}}`},
		{request: `{}`},
		{request: `[]`},
		{request: ``},
		{request: `{"resourceSpans":[{"resource":{},"resource":{}}]}`},
		{request: `{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"intValue":"svc"}}]}}]}`},
	} {
		if got := newTestIntake(servicegraph.Config{}).takeRequest([]byte(test.request)); got != test.takes {
			t.Errorf("takes %v, want %v (%s): %s", got, test.takes, test.reason, test.request)
		}
		checkLoad(t, []byte(test.request+"\n"+oneSpanJSON(`,"kind":2`)), servicegraph.Config{})
	}
}

// A request that is refused leaves nothing behind, however much of it was read.
func TestJSONIntakeTakesAllOrNothing(t *testing.T) {
	d := newTestIntake(servicegraph.Config{})
	good := strings.TrimSpace(string(jsonLines(t, everything()[0])))
	for n := range len(good) {
		if d.takeRequest([]byte(good[:n])) || d.source.intake.Len() > 0 || d.source.spans > 0 {
			t.Fatalf("took %d of %d bytes", n, len(good))
		}
	}
	if d.takeRequest([]byte(good+"x")) || d.source.intake.Len() > 0 {
		t.Error("took a request with something behind it")
	}
	if !d.takeRequest([]byte(good)) || d.source.intake.Len() != 2 {
		t.Error("did not take the whole")
	}
}

// Requests come to the builder in their order, whichever way each goes: of a span that
// comes twice the first counts, and a window forgets the oldest traces.
func TestJSONIntakeKeepsOrder(t *testing.T) {
	fast := oneSpanJSON(`,"kind":2,"name":"a"`)
	slow := oneSpanJSON(`,"kind":2,"name":null`)
	in := func(service, trace, request string) string {
		request = strings.Replace(request, `"svc"`, `"`+service+`"`, 1)
		return strings.Replace(request, "07070707070707070707070707070707", strings.Repeat(trace, 32), 1) + "\n"
	}
	for _, lines := range []string{
		in("first", "1", fast) + in("second", "1", slow),
		in("first", "1", slow) + in("second", "1", fast),
		in("a", "1", fast) + in("b", "2", slow) + in("c", "3", fast) + in("d", "4", slow) + in("e", "1", fast) + in("f", "2", slow),
	} {
		for _, cfg := range loadConfigs {
			checkLoad(t, []byte(lines), cfg)
		}
	}
}

// Of attributes whose beginning was seen before, what differs behind it counts.
func TestJSONHeadsKnown(t *testing.T) {
	for _, attributes := range []string{
		`{"key":"server.address","value":{"stringValue":"a"}},{"key":"server.address","value":{"stringValue":"b"}}`,
		`{"key":"server.address","value":{"stringValue":"a"}},{"key":"server.address","value":{"stringValue":"b"} , "x":{}}`,
		`{"key":"server.address","value":{"stringValue":"a"}},{"key":"server.address","value":{"stringValue":"b" } }`,
		`{"key":"server.address","value":{"stringValue":"a"}},{"key":"server.address","value":{"stringValue":"b","intValue":"1"}}`,
		`{"key":"server.address","value":{"stringValue":"a"}},{"key":"server.address","value":{"stringValue":"b"},"key":"x"}`,
		`{"key":"server.address","value":{"stringValue":"a"}},{"key":"server.address","value":{"stringValue":7}}`,
		`{"key":"server.port","value":{"intValue":"1"}},{"key":"server.port","value":{"intValue":2}},{"key":"server.port","value":{"intValue":"x"}}`,
		`{"value":{"stringValue":"a"},"key":"server.address"},{"value":{"stringValue":"b"},"key":"peer.service"}`,
		`{"key":"server.address","value":{"arrayValue":{}}},{"key":"server.address","value":{"arrayValue":{"values":[]}}}`,
	} {
		checkLoad(t, []byte(oneSpanJSON(`,"kind":3,"attributes":[`+attributes+`]`)), servicegraph.Config{})
	}
}

// There are more heads than places for them.
func TestJSONHeadsForget(t *testing.T) {
	var attributes []string
	for i := range 2 * len(jsonHeads{}) {
		attributes = append(attributes, fmt.Sprintf(`{"key":"%d is a key","value":{"stringValue":"x"}}`, i))
	}
	attributes = append(attributes, `{"key":"server.address","value":{"stringValue":"a"}}`)
	line := oneSpanJSON(`,"kind":3,"attributes":[` + strings.Join(attributes, ",") + `]`)
	checkLoad(t, []byte(line+"\n"+line), servicegraph.Config{})
}

// Openings that begin alike are told apart, more of them than are remembered.
func TestJSONOpenings(t *testing.T) {
	var k jsonOpenings
	resource := func(i int) []byte {
		return fmt.Appendf(nil, `{"attributes":[{"key":"%s","value":{"intValue":%d}}]}`, strings.Repeat("x", len(openingStart{})), i)
	}
	opening := func(i int) []byte {
		return fmt.Appendf(nil, `{"resource":%s,"scopeSpans":[{"spans":[`, resource(i))
	}
	for i := range 3 * maxWithOneStart {
		known := opening(i)
		if k.find(known) != nil {
			t.Fatalf("found opening %d before it was added", i)
		}
		k.learn(known, resource(i), 5)
		if o := k.find(append(known, "and more"...)); o == nil || !bytes.Equal(o.text, known) || !bytes.Equal(o.resource, resource(i)) || o.seen != 5 {
			t.Fatalf("opening %d: got %+v", i, o)
		}
		if k.find(known[:len(known)-1]) != nil {
			t.Fatalf("found a part of opening %d", i)
		}
	}
	if n := len(k.byStart[openingStart(opening(0))]); n != maxWithOneStart {
		t.Errorf("%d openings with one start are remembered", n)
	}
	for i := range 2 * maxOpenings {
		k.learn(fmt.Appendf(nil, `{"%0200d":1}`, i*1000000007), nil, 0)
	}
	if k.n > maxOpenings || len(k.byStart) > maxOpenings {
		t.Errorf("%d openings are remembered", k.n)
	}
	k.learn([]byte(`{"scopeSpans":[{"spans":[`), nil, 0)
	if k.find([]byte(`{"scopeSpans":[{"spans":[`)) != nil {
		t.Error("a short opening is remembered")
	}
}

// What an element of resourceSpans begins with may come again before something else: it
// means the same, whatever is behind it. The fast way takes what is right.
func TestJSONOpeningsKnown(t *testing.T) {
	service := func(name string) string {
		return `"resource":{"attributes":[{"key":"host.name","value":{"stringValue":"` + strings.Repeat("h", len(openingStart{})) +
			`"}},{"key":"service.name","value":{"stringValue":"` + name + `"}}]}`
	}
	spans := 0
	span := func(kind int) string {
		spans++
		return fmt.Sprintf(`{"traceId":"0707070707070707070707070707%04x","spanId":"%016x","kind":%d}`, spans/5+1, spans, kind)
	}
	request := func(elements ...string) string {
		return `{"resourceSpans":[` + strings.Join(elements, ",") + `]}`
	}
	usual := func(name string) string {
		return `{` + service(name) + `,"scopeSpans":[{"scope":{"name":"s"},"spans":[` + span(2) + `,` + span(3) + `]}]}`
	}
	known := usual("a")
	before := known[:strings.Index(known, `{"traceId"`)]
	late := `{"x":"` + strings.Repeat("x", len(openingStart{})) + `","scopeSpans":[{"spans":[`
	for _, test := range []struct {
		reason string
		takes  bool
		last   string
	}{
		{"the same", true, request(usual("a"))},
		{"another service", true, request(usual("b"), usual("a"), usual("b"))},
		{"no spans", true, request(before+`]}]}`, usual("b"))},
		{"more scopes", true, request(before + span(2) + `],"schemaUrl":"u"},{},{"spans":[` + span(3) + `]}],"schemaUrl":"u"}`)},
		{"a second list of spans", false, request(before + span(2) + `],"spans":[]}]}`)},
		{"a second list of scopes", false, request(before + span(2) + `]}],"scopeSpans":[]}`)},
		{"a second resource", false, request(before + span(2) + `]}],` + service("b") + `}`)},
		{"a list of spans that ends early", false, request(before + span(2) + `,]}]}`)},
		{"not ended", false, `{"resourceSpans":[` + before},
		{"the resource behind the spans", true, request(late+span(2)+`]}],`+service("a")+`}`, late+span(3)+`]}],`+service("b")+`}`, late+span(3)+`]}]}`)},
		{"another key", true, `{"batches":[` + usual("a") + `]}`},
		{"an element in an element", false, request(before + known + `]}]}`)},
	} {
		d := newTestIntake(servicegraph.Config{})
		if !d.takeRequest([]byte(request(known, usual("b")))) {
			t.Fatal("refused what is usual")
		}
		if got := d.takeRequest([]byte(test.last)); got != test.takes {
			t.Errorf("%s: takes %v", test.reason, got)
		}
		for _, cfg := range loadConfigs {
			checkLoad(t, []byte(request(known, usual("b"))+"\n"+test.last+"\n"+request(usual("c"))), cfg)
		}
	}
}

// The number that an opening has for its resource is forgotten with the intake's.
func TestJSONOpeningsForgetNumbers(t *testing.T) {
	d := newTestIntake(servicegraph.Config{})
	b := servicegraph.NewBuilder(servicegraph.Config{})
	spans := 0
	take := func(services ...string) {
		t.Helper()
		for _, service := range services {
			spans++
			request := fmt.Sprintf(`{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"%s"}},{"key":"host.name","value":{"stringValue":"%0128d"}}]},`+
				`"scopeSpans":[{"spans":[{"traceId":"07070707070707070707070707070707","spanId":"%016x","kind":2}]}]}]}`, service, 0, spans)
			if !d.takeRequest([]byte(request)) {
				t.Fatal("refused what is usual")
			}
		}
		b.Take(d.source.intake.Batch())
	}
	take("a", "b", "a")
	for i := range 1 << 14 { // more than an intake remembers
		d.source.intake.Resource(fmt.Append(nil, i), "other", "", nil)
	}
	take("c", "a", "b", "a")
	for node := range b.Graph().Nodes() {
		if want := map[string]float64{"a": 4, "b": 2, "c": 1}[node.ID.Name]; node.Requests.Calls != want {
			t.Errorf("%v requests of %s, want %v", node.Requests.Calls, node.ID.Name, want)
		}
	}
}

// jsonTokens are the tokens of JSON and the blanks between them.
var jsonTokens = regexp.MustCompile(`"(?:[^"\\]|\\.)*"|[-+.0-9a-zA-Z]+|\s+|.`)

// foreignTokens come where they do not belong.
var foreignTokens = []string{
	`null`, `true`, `{}`, `[]`, `0`, `-1`, `2`, `1e3`, `"x"`, `""`, `"5"`, `"0007"`, `"\u0061"`, `"\n"`, ` `, "\n", `{`, `}`, `[`, `]`, `,`, `:`, `"`,
	`"key"`, `"Key"`, `"value"`, `"kind"`, `"attributes"`, `"spans"`, `"stringValue"`, `"intValue"`, `"traceId"`, `"batches"`,
	`"07070707070707070707070707070707"`, `"0707070707070707"`, "\xff", "\x00",
}

// Both ways agree on requests with tokens that are missing, doubled, or others.
func TestLoadMutatedJSON(t *testing.T) {
	n := 3000
	if testing.Short() {
		n = 300
	}
	rng := rand.New(rand.NewPCG(3, 4))
	requests := everything()
	requests[1].ResourceSpans = requests[1].ResourceSpans[:2] // the third is long, and says nothing else
	plain := strings.TrimSpace(string(jsonLines(t, requests[0]))) + "\n" + strings.TrimSpace(string(jsonLines(t, requests[1])))
	last := string(jsonLines(t, request("svc", span(9, "last"))))
	for range n {
		tokens := jsonTokens.FindAllString(plain, -1)
		for range 1 + rng.IntN(3) {
			i, j := rng.IntN(len(tokens)), rng.IntN(len(tokens))
			switch rng.IntN(5) {
			case 0:
				tokens[i] = ""
			case 1:
				tokens[i] += tokens[i]
			case 2:
				tokens[i], tokens[j] = tokens[j], tokens[i]
			case 3:
				tokens[i] = foreignTokens[rng.IntN(len(foreignTokens))]
			case 4:
				tokens[i] += foreignTokens[rng.IntN(len(foreignTokens))]
			}
		}
		checkLoad(t, []byte(strings.Join(tokens, "")+"\n"+last), loadConfigs[rng.IntN(len(loadConfigs))])
		if t.Failed() {
			t.Fatalf("%q", strings.Join(tokens, ""))
		}
	}
}

// FuzzLoadJSON gives both ways of OTLP JSON into a graph the same bytes.
func FuzzLoadJSON(f *testing.F) {
	for i := range loadConfigs {
		f.Add(byte(i), jsonLines(f, everything()[0], request("svc", span(1, "a"))))
		f.Add(byte(i), []byte(oneSpanJSON(`,"kind":3,"attributes":[{"key":"db.system.name","value":{"stringValue":"x"}}]`)))
	}
	f.Add(byte(0), indent(f, otlpJSON(f, everything()[0], protojson.MarshalOptions{})))
	f.Add(byte(0), []byte(oneSpanJSON(`,"kind":3,"attributes":[{"key":"server.port","value":{"intValue":"80"}},{"key":"server.port","value":{"intValue":"81"}}]`)))
	f.Fuzz(func(t *testing.T, config byte, data []byte) {
		if len(data) > 1<<16 {
			return // the fuzzer's time is better spent on shapes
		}
		checkLoad(t, data, loadConfigs[int(config)%len(loadConfigs)])
	})
}
