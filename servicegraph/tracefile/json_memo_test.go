package tracefile

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/tempograph/tempograph/servicegraph"
)

// If the prefix of an attribute is known, only the rest of the attribute is read.
func TestKnownAttrs(t *testing.T) {
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

// More prefixes of attributes than the memo holds are read correctly.
func TestAttrPrefixesForget(t *testing.T) {
	var attributes []string
	for i := range 2 * len(newTestDecoder(servicegraph.Config{}).attrNames.table) {
		attributes = append(attributes, fmt.Sprintf(`{"key":"%d is a key","value":{"stringValue":"x"}}`, i))
	}
	attributes = append(attributes, `{"key":"server.address","value":{"stringValue":"a"}}`)
	line := oneSpanJSON(`,"kind":3,"attributes":[` + strings.Join(attributes, ",") + `]`)
	checkLoad(t, []byte(line+"\n"+line), servicegraph.Config{})
}

// A memo distinguishes texts that have the same place, keeps the last few of them, and finds the
// text that followed another text last time.
func TestPrefixMemo(t *testing.T) {
	const ways, hashed, maxText = 4, 32, 100
	m := newPrefixMemo[int](prefixConfig{texts: 8 * ways, ways: ways, hashFrom: 8, hashTo: hashed, maxText: maxText})
	text := func(i int) []byte { return fmt.Appendf(nil, "%s:%d;", strings.Repeat("x", hashed), i) }
	for i := range 3 * ways {
		known := text(i)
		if m.find(known) != nil {
			t.Fatalf("found text %d before it was learned", i)
		}
		m.learn(known, i)
		if p := m.find(append(known, "and more"...)); p == nil || !bytes.Equal(p.text, text(i)) || p.is != i {
			t.Fatalf("text %d: got %+v", i, p)
		}
		clear(known) // the memo has a copy
		if m.find(text(i)[:hashed+2]) != nil {
			t.Fatalf("found a part of text %d", i)
		}
	}
	remembered := 0
	for i := range 3 * ways {
		if m.search(text(i)) != nil {
			remembered++
		}
	}
	if remembered != ways {
		t.Errorf("%d texts with one place are remembered, want %d", remembered, ways)
	}
	m.search(text(3*ways - 1)) // makes this text the one used last, so that another text is forgotten
	m.learn(text(100), 100)
	if m.search(text(3*ways-1)) == nil {
		t.Error("the text used last is forgotten")
	}
	for _, other := range [][]byte{text(1)[:hashed-1], append(text(1), make([]byte, maxText)...)} {
		if m.learn(other, 0) != nil {
			t.Errorf("learned a text of %d bytes", len(other))
		}
	}
	first, second := m.learn(text(200), 200), m.learn(text(201), 201)
	m.last = first
	clear(m.table) // so that only the guess finds it
	if m.find(text(201)) != second {
		t.Error("the text that followed is not found after it")
	}
}

// A known prefix of an element of resourceSpans may come again before other text. It has the same
// meaning, whatever follows, and the fast decoder takes the request if it is valid.
func TestKnownResources(t *testing.T) {
	service := func(name string) string {
		return `"resource":{"attributes":[{"key":"host.name","value":{"stringValue":"` + strings.Repeat("h", minResourcePrefix) +
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
	late := `{"x":"` + strings.Repeat("x", minResourcePrefix) + `","scopeSpans":[{"spans":[`
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
		{"the resource after the spans", true, request(late+span(2)+`]}],`+service("a")+`}`, late+span(3)+`]}],`+service("b")+`}`, late+span(3)+`]}]}`)},
		{"another key", true, `{"batches":[` + usual("a") + `]}`},
		{"an element in an element", false, request(before + known + `]}]}`)},
	} {
		d := newTestDecoder(servicegraph.Config{})
		if !d.decodeRequest([]byte(request(known, usual("b")))) {
			t.Fatal("refused a usual request")
		}
		if got := d.decodeRequest([]byte(test.last)); got != test.takes {
			t.Errorf("%s: takes %v", test.reason, got)
		}
		for _, cfg := range loadConfigs {
			checkLoad(t, []byte(request(known, usual("b"))+"\n"+test.last+"\n"+request(usual("c"))), cfg)
		}
	}
}

// A known resource has the right number in every batch of the packer.
func TestKnownResourcesInBatches(t *testing.T) {
	d := newTestDecoder(servicegraph.Config{})
	b := servicegraph.NewBuilder(servicegraph.Config{})
	spans := 0
	take := func(services ...string) {
		t.Helper()
		for _, service := range services {
			spans++
			request := fmt.Sprintf(`{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"%s"}},{"key":"host.name","value":{"stringValue":"%0128d"}}]},`+
				`"scopeSpans":[{"spans":[{"traceId":"07070707070707070707070707070707","spanId":"%016x","kind":2}]}]}]}`, service, 0, spans)
			if !d.decodeRequest([]byte(request)) {
				t.Fatal("refused a usual request")
			}
		}
		b.AddBatch(d.sink.packer.Batch())
	}
	take("a", "b", "a")
	for i := range 1 << 14 { // more than a packer remembers
		d.sink.packer.AddResource(fmt.Append(nil, i), "other", "", nil)
	}
	take("c", "a", "b", "a")
	for node := range b.Graph().Nodes() {
		if want := map[string]float64{"a": 4, "b": 2, "c": 1}[node.ID.Name]; node.Requests.Calls != want {
			t.Errorf("%v requests of %s, want %v", node.Requests.Calls, node.ID.Name, want)
		}
	}
}
