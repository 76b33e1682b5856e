package tracefile

import (
	"bytes"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"

	"github.com/tempograph/tempograph/servicegraph"
)

// newTestDecoder returns a fast decoder for any number of requests, whose sink is never
// flushed.
func newTestDecoder(cfg servicegraph.Config) *fastDecoder {
	s := newSink("input", Config{Keep: cfg.Reads}, &gathered{})
	s.packer = servicegraph.NewBuilder(cfg).NewPacker()
	return newFastDecoder(s)
}

// The fast decoder takes the JSON of usual writers. Tests that compare graphs would not detect a
// decoder that refuses everything.
func TestFastDecoderTakes(t *testing.T) {
	recorded, _ := hotrodRequests(t)
	requests := everything()
	requests = append(requests[:1], requests[2:]...) // the second has a time of 20 digits
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
		l := newLoader(b, "input", LoadConfig{})
		slow := &gathered{}
		l.sink.output = slow
		if err := readAll(l.sink, bytes.NewReader(input), DefaultMaxRecord); err != nil || len(slow.spans) > 0 || l.sink.spans == 0 {
			t.Errorf("%s: %d of %d spans were decoded slowly, error %v", name, len(slow.spans), l.sink.spans, err)
		}
	}
}

// oneSpanJSON is a request of one span with these fields after its ids.
func oneSpanJSON(fields string) string {
	return `{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"svc"}}]},"scopeSpans":[{"spans":[` +
		`{"traceId":"07070707070707070707070707070707","spanId":"0707070707070707"` + fields + `}]}]}]}`
}

// Read and Load agree on requests that are unusual or invalid. The fast decoder refuses these
// requests, and takes usual ones.
func TestFastDecoderRefuses(t *testing.T) {
	client := func(attributes string) string { return oneSpanJSON(`,"kind":3,"attributes":[` + attributes + `]`) }
	deep := strings.Repeat("[", 101) + strings.Repeat("]", 101)
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
		{request: oneSpanJSON(`,"kind":9,"status":{"message":"x","code":3}`), takes: true, reason: "numbers of a later version"},
		{request: oneSpanJSON(`,"startTimeUnixNano":1700000000000000000,"endTimeUnixNano":"1700000000000000001"`), takes: true},
		{request: oneSpanJSON(`,"startTimeUnixNano":"9999999999999999999"`), takes: true, reason: "too late for an int64"},
		{request: oneSpanJSON(`,"name":"\u0041\n\"","x":{"y":[1.5e+7,-0,true,false,null,"",{}]}`), takes: true},
		{request: oneSpanJSON(`,"links":[{},{"traceId":"07070707070707070707070707070707","spanId":"0707070707070707","flags":1}]`), takes: true},
		{request: oneSpanJSON(`,"traceState":"ot=th:8"`), takes: true},
		{request: oneSpanJSON(`,"kind":3,"events":[{"name":"x","timeUnixNano":true,"attributes":[{"key":"server.address","value":{"stringValue":"a"}}]},{}]`), takes: true, reason: "attributes of an event are not the span's"},
		{request: client(`{"key":"server.address","value":{"stringValue":"a\u0026b"}}`), takes: true, reason: "escapes in a value are read"},
		{request: client(`{"value":{"stringValue":"a"},"key":"server.address"}`), takes: true},
		{request: client(`{"key":"server.address","value":{"stringValue":"a"},"x":1}`), takes: true},
		{request: client(`{"key":"server.port","value":{"intValue":"80"}},{"key":"server.port","value":{"intValue":81}}`), takes: true},
		{request: client(`{"key":"server.port","value":{"doubleValue":80.50}}`), takes: true},
		{request: client(`{"key":"messaging.destination.temporary","value":{"boolValue":true}}`), takes: true},
		{request: client(`{"key":"server.address","value":{}},{"key":"server.address"}`), takes: true},
		{request: client(`{"key":"server.address","value":{"arrayValue":{"values":[{"stringValue":"a"}]}}}`), takes: true},
		{request: client(`{"key":"other","value":{"intValue":"none"}}`), takes: true, reason: "the attribute is not read"},
		{request: client("{\"key\":\"server.address\",\"value\":{\"stringValue\":\"a\xffb\xe2\x80\"}}"), takes: true, reason: "invalid UTF-8"},

		{request: strings.Replace(oneSpanJSON(``), `"07070707070707070707070707070707"`, strings.Repeat("\x00", 34), 1), reason: "an empty memo of trace ids matches no text"},
		{request: oneSpanJSON(`}`), reason: "one bracket too many"},
		{request: oneSpanJSON(`,`)},
		{request: oneSpanJSON(`,"name":"` + "\x01" + `"`)},
		{request: oneSpanJSON(`,"name":"\x41"`)},
		{request: oneSpanJSON(`,"name":"\u004g"`)},
		{request: oneSpanJSON(`,"name":5`)},
		{request: oneSpanJSON(`,"name":null`), reason: "valid, but unusual"},
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
		{request: oneSpanJSON(`,"x":` + deep), reason: "nested too deep"},
		{request: oneSpanJSON(`,"traceId":"08080808080808080808080808080808"`), reason: "repeated; the last counts"},
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
		{request: oneSpanJSON(`,"events":null`), reason: "valid, but unusual"},
		{request: oneSpanJSON(`,"events":[{"attributes":{}}]`), reason: "encoding/json ignores it"},
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
		if got := newTestDecoder(servicegraph.Config{}).decodeRequest([]byte(test.request)); got != test.takes {
			t.Errorf("takes %v, want %v (%s): %s", got, test.takes, test.reason, test.request)
		}
		checkLoad(t, []byte(test.request+"\n"+oneSpanJSON(`,"kind":2`)), servicegraph.Config{})
	}
}

// A request that is refused leaves nothing in the packer, however much of it was read.
func TestFastDecoderTakesAllOrNothing(t *testing.T) {
	d := newTestDecoder(servicegraph.Config{})
	good := strings.TrimSpace(string(jsonLines(t, everything()[0])))
	for n := range len(good) {
		if d.decodeRequest([]byte(good[:n])) || d.sink.packer.Len() > 0 || d.sink.spans > 0 {
			t.Fatalf("took %d of %d bytes", n, len(good))
		}
	}
	if d.decodeRequest([]byte(good+"x")) || d.sink.packer.Len() > 0 {
		t.Error("took a request that another byte follows")
	}
	if !d.decodeRequest([]byte(good)) || d.sink.packer.Len() != 2 {
		t.Error("did not take the whole request")
	}
}

// Requests reach the builder in their order, whichever decoder reads each of them. The order
// matters: if a span is delivered twice, the first delivery counts, and a window forgets the oldest
// traces.
func TestFastDecoderKeepsOrder(t *testing.T) {
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

// jsonTokens are the tokens of JSON and the blanks between them.
var jsonTokens = regexp.MustCompile(`"(?:[^"\\]|\\.)*"|[-+.0-9a-zA-Z]+|\s+|.`)

// foreignTokens are tokens to put where they do not belong.
var foreignTokens = []string{
	`null`, `true`, `{}`, `[]`, `0`, `-1`, `2`, `1e3`, `"x"`, `""`, `"5"`, `"0007"`, `"\u0061"`, `"\n"`, ` `, "\n", `{`, `}`, `[`, `]`, `,`, `:`, `"`,
	`"key"`, `"Key"`, `"value"`, `"kind"`, `"attributes"`, `"spans"`, `"stringValue"`, `"intValue"`, `"traceId"`, `"batches"`,
	`"07070707070707070707070707070707"`, `"0707070707070707"`, "\xff", "\x00",
}

// mutated returns JSON with one to three tokens that are missing, doubled or replaced.
func mutated(rng *rand.Rand, text string) string {
	tokens := jsonTokens.FindAllString(text, -1)
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
	return strings.Join(tokens, "")
}

// Read and Load agree on requests with tokens that are missing, doubled or replaced.
func TestLoadMutatedJSON(t *testing.T) {
	n := 3000
	if testing.Short() {
		n = 300
	}
	rng := rand.New(rand.NewPCG(3, 4))
	requests := everything()
	requests[1].ResourceSpans = requests[1].ResourceSpans[:2] // the third is only long
	plain := strings.TrimSpace(string(jsonLines(t, requests[0]))) + "\n" + strings.TrimSpace(string(jsonLines(t, requests[1])))
	last := string(jsonLines(t, request("svc", span(9, "last"))))
	for range n {
		text := mutated(rng, plain)
		checkLoad(t, []byte(text+"\n"+last), loadConfigs[rng.IntN(len(loadConfigs))])
		if t.Failed() {
			t.Fatalf("%q", text)
		}
	}
}

// FuzzLoadJSON gives Read and Load the same bytes of OTLP JSON.
func FuzzLoadJSON(f *testing.F) {
	for i, seed := range small(everything()) {
		f.Add(byte(2*i), jsonLines(f, seed, request("svc", span(1, "a"))))
		f.Add(byte(2*i+1), indent(f, otlpJSON(f, seed, protojson.MarshalOptions{})))
	}
	for i := range len(loadConfigs) * (1 + len(pipelineSizes)) {
		f.Add(byte(i), []byte(oneSpanJSON(`,"kind":3,"attributes":[{"key":"db.system.name","value":{"stringValue":"x"}}]`)))
	}
	f.Add(byte(0), []byte(oneSpanJSON(`,"kind":3,"attributes":[{"key":"server.port","value":{"intValue":"80"}},{"key":"server.port","value":{"intValue":"81"}}]`)))
	f.Fuzz(fuzzLoad)
}
