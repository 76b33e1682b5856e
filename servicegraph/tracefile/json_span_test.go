package tracefile

import (
	"encoding/json"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// decodedSpan is a jsonSpan as encoding/json decodes it.
type decodedSpan struct {
	TraceID    string     `json:"traceId"`
	SpanID     string     `json:"spanId"`
	ParentID   string     `json:"parentSpanId"`
	TraceState string     `json:"traceState"`
	Name       string     `json:"name"`
	Kind       jsonNumber `json:"kind"`
	Start      jsonNumber `json:"startTimeUnixNano"`
	End        jsonNumber `json:"endTimeUnixNano"`
	Status     struct {
		Code jsonNumber `json:"code"`
	} `json:"status"`
	Attributes []json.RawMessage `json:"attributes"`
	Links      []json.RawMessage `json:"links"`
}

func (j *jsonSpan) decoded() (d decodedSpan) {
	d = decodedSpan{
		TraceID: string(j.traceID), SpanID: string(j.spanID), ParentID: string(j.parentID),
		TraceState: j.traceState, Name: j.name, Kind: j.kind, Start: j.start, End: j.end,
	}
	d.Status.Code = j.status
	for a := range j.attributes.elements() {
		d.Attributes = append(d.Attributes, a)
	}
	for l := range j.links.elements() {
		d.Links = append(d.Links, l)
	}
	return d
}

// TestSpanAsInEncodingJSON: a span has the fields that encoding/json decodes, with keys in any case,
// escapes, repeated keys, null and bytes that are not UTF-8, and is invalid if encoding/json refuses
// it.
func TestSpanAsInEncodingJSON(t *testing.T) {
	span := `{"traceId":"07070707070707070707070707070707", "spanId":"BwcHBwcHBwc=","parentSpanId":"","TRACEstate":"ot=th\u003a8",` +
		`"name":"a\n` + "\xff\xe2\x80" + `b","\u006bind":"SPAN_KIND_CLIENT","kind":3 ,"startTimeUnixNano":"1700000000000000000","endTimeUnixNano":1.7e18,` +
		`"attributes":[{"key":"a","value":{"stringValue":"b"}} , {}],"links":[{"traceId":"x"}],"events":[{"name":"x"}],"flags":256,` +
		`"status":{"code":"STATUS_CODE_ERROR","message":"x","Code":2},"name":null,"statuſ":{"code":1}}`
	n := 20_000
	if testing.Short() {
		n = 2000
	}
	rng := rand.New(rand.NewPCG(8, 9))
	valid := 0
	for i := range n {
		text := []byte(span)
		if i > 0 {
			text = []byte(mutated(rng, span))
		}
		if !json.Valid(text) {
			continue
		}
		valid++
		var want decodedSpan
		wantErr := json.Unmarshal(text, &want)
		var got jsonSpan
		if err := got.read(text); (err == nil) != (wantErr == nil) {
			t.Fatalf("%q: error %v, encoding/json returns %v", text, err, wantErr)
		}
		if wantErr != nil {
			continue
		}
		if diff := cmp.Diff(want, got.decoded(), cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("%q (-want +got):\n%s", text, diff)
		}
	}
	if valid < n/25 {
		t.Errorf("only %d of %d texts are valid JSON", valid, n)
	}
}
