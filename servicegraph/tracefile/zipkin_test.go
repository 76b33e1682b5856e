package tracefile

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tempograph/tempograph/servicegraph"
)

// zipkinSpanJSON is a span with every field that is read.
const zipkinSpanJSON = `{
  "traceId": "5aab74dbb904746bb33447baae403ed6",
  "parentId": "5e3ac9a4f6e3b90",
  "id": "e457b5a2e4d86bd1",
  "kind": "CLIENT",
  "name": "get /",
  "timestamp": 1700000000000001,
  "duration": 14,
  "localEndpoint": {"serviceName": "frontEnd", "ipv4": "192.168.0.10", "port": 3306},
  "remoteEndpoint": {"serviceName": "Backend", "ipv6": "2001:db8::1", "port": 8080},
  "annotations": [{"timestamp": 1700000000000002, "value": "error"}],
  "tags": {"http.method": "GET", "service.namespace": "shop", "otel.status_code": "OK", "w3c.tracestate": "ot=th:8", "retries": 2, "k8s.namespace.name": "front", "cached": false, "nothing": null},
  "debug": true,
  "shared": true
}`

func zipkinSpanOf(id byte) servicegraph.Span {
	return servicegraph.Span{
		TraceID:  servicegraph.TraceID{0x5a, 0xab, 0x74, 0xdb, 0xb9, 0x04, 0x74, 0x6b, 0xb3, 0x34, 0x47, 0xba, 0xae, 0x40, 0x3e, 0xd6},
		SpanID:   servicegraph.SpanID{0xe4, 0x57, 0xb5, 0xa2, 0xe4, 0xd8, 0x6b, id},
		ParentID: servicegraph.SpanID{0x05, 0xe3, 0xac, 0x9a, 0x4f, 0x6e, 0x3b, 0x90},
		Service:  "frontend", Namespace: "shop", Name: "get /",
		Kind: servicegraph.KindClient, Status: servicegraph.StatusOK, Weight: 2,
		Start: 1_700_000_000_000_001_000, End: 1_700_000_000_000_015_000,
		Resource: []servicegraph.Attr{{Key: "k8s.namespace.name", Value: "front"}, {Key: "host.ip", Value: "192.168.0.10"}},
		Attrs: []servicegraph.Attr{
			{Key: "cached", Value: "false"}, {Key: "http.method", Value: "GET"}, {Key: "retries", Value: "2"},
			{Key: "network.peer.address", Value: "2001:db8::1"}, {Key: "network.peer.port", Value: "8080"}, {Key: "peer.service", Value: "backend"},
		},
	}
}

// Zipkin's spans are read from lists, from lists of lists, and from lines.
func TestZipkinForms(t *testing.T) {
	one := strings.ReplaceAll(zipkinSpanJSON, "\n", "")
	two := strings.Replace(one, "6bd1", "6bd2", 1)
	spans := []servicegraph.Span{zipkinSpanOf(0xd1), zipkinSpanOf(0xd2)}
	for name, test := range map[string]struct {
		input string
		want  []servicegraph.Span
	}{
		"a span":                  {zipkinSpanJSON, spans[:1]},
		"a list":                  {"[" + one + "," + two + "]", spans},
		"a list, indented":        {"[\n  " + zipkinSpanJSON + ",\n  " + two + "\n]\n", spans},
		"a list of traces":        {"[[" + one + "],[],[" + two + "]]", spans},
		"lines":                   {one + "\n" + two + "\n", spans},
		"lists in lines":          {"[" + one + "]\n[" + two + "]\n", spans},
		"an answer without spans": {"[]", nil},
		"no traces":               {"[ [], [ ] ]\n", nil},
		"gzip":                    {string(zip(t, []byte("["+one+","+two+"]"))), spans},
	} {
		if diff := cmp.Diff(test.want, read(t, []byte(test.input))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		got, _, err := collect(t, Read(&slow{[]byte(test.input)}, "input", Config{}))
		if err != nil {
			t.Errorf("%s, byte by byte: %v", name, err)
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s, byte by byte (-want +got):\n%s", name, diff)
		}
	}
}

// zipkinSpanWith returns the span that is read from an object with the given fields.
func zipkinSpanWith(t *testing.T, fields string) servicegraph.Span {
	t.Helper()
	spans := read(t, []byte(`[{"traceId":"1","id":"a",`+fields+`}]`))
	if len(spans) != 1 {
		t.Fatalf("%s: %d spans", fields, len(spans))
	}
	return spans[0]
}

// Translators from OTLP write each span link as a tag.
func TestZipkinLinks(t *testing.T) {
	link := servicegraph.Link{TraceID: servicegraph.TraceID{15: 7}, SpanID: servicegraph.SpanID{7: 9}}
	text := link.TraceID.String() + "|" + link.SpanID.String()
	for tags, want := range map[string][]servicegraph.Link{
		`"otlp.link.0":"` + text + `|state|{\"a\":1}|0"`:                {link},
		`"otlp.link.0":"` + text + `","otlp.link.1":"` + text + `|||0"`: {link, link},
		`"otlp.links":"` + text + `"`:                                   nil,
		`"otlp.link.0":null`:                                            nil,
	} {
		if diff := cmp.Diff(want, zipkinSpanWith(t, `"tags":{`+tags+`}`).Links); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tags, diff)
		}
	}
	spans, skips, err := collect(t, Read(strings.NewReader(`[{"traceId":"1","id":"a","name":"n","tags":{"otlp.link.0":"x|y"}}]`), "input", Config{}))
	if err != nil || len(spans) != 1 || len(skips) != 1 || !strings.Contains(skips[0].Error(), "a link of") {
		t.Errorf("a link without ids: %d spans, skipped %v, error %v", len(spans), skips, err)
	}
}

// The kind and the tags determine which end is the remote one, and its name.
func TestZipkinEnds(t *testing.T) {
	const local, remote = `"localEndpoint":{"serviceName":"a"},`, `"remoteEndpoint":{"serviceName":"B"}`
	type found struct {
		Service string
		Kind    servicegraph.Kind
		Attrs   []servicegraph.Attr
	}
	attrs := func(pairs ...string) (list []servicegraph.Attr) {
		for i := 0; i < len(pairs); i += 2 {
			list = append(list, servicegraph.Attr{Key: pairs[i], Value: pairs[i+1]})
		}
		return list
	}
	for _, test := range []struct {
		fields string
		want   found
		reason string
	}{
		{local + `"kind":"CLIENT",` + remote, found{"a", servicegraph.KindClient, attrs("peer.service", "b")}, "names are lower case"},
		{local + `"kind":"SERVER",` + remote, found{"a", servicegraph.KindServer, attrs("peer.service", "b")}, "the caller"},
		{local + `"kind":"PRODUCER",` + remote, found{"a", servicegraph.KindProducer, attrs("messaging.system", "b")}, "the broker"},
		{local + `"kind":"CONSUMER",` + remote, found{"a", servicegraph.KindConsumer, attrs("messaging.system", "b")}, "the broker"},
		{local + `"kind":"PRODUCER","tags":{"messaging.system":"kafka"},` + remote, found{"a", servicegraph.KindProducer, attrs("messaging.system", "kafka")}, "a tag knows better"},
		{local + remote, found{"a", servicegraph.KindClient, attrs("peer.service", "b")}, "rule 5: without a kind, both ends named"},
		{local + `"kind":null,` + remote, found{"a", servicegraph.KindClient, attrs("peer.service", "b")}, "null is no kind"},
		{local + `"kind":"other",` + remote, found{"a", servicegraph.KindClient, attrs("peer.service", "b")}, "a kind from the future is none"},
		{local + `"tags":{"span.kind":"SPAN_KIND_SERVER"},` + remote, found{"a", servicegraph.KindServer, attrs("peer.service", "b")}, "with the prefix of OTLP"},
		{local + `"tags":{"span.kind":"internal"},` + remote, found{"a", servicegraph.KindInternal, attrs("peer.service", "b")}, "translated from OTLP"},
		{local + `"name":"x"`, found{"a", servicegraph.KindUnset, nil}, "a local span"},
		{remote, found{"", servicegraph.KindUnset, attrs("peer.service", "b")}, "only the other end is named"},
		{`"localEndpoint":null,"remoteEndpoint":{}`, found{}, "no ends"},
		{local + `"remoteEndpoint":{"ipv4":"10.0.0.1","port":0}`, found{"a", servicegraph.KindUnset, attrs("network.peer.address", "10.0.0.1")}, "an address is not a name"},
		{local + `"kind":"CLIENT","tags":{"server.address":"b","server.port":"80"},` + remote, found{"a", servicegraph.KindClient, attrs("server.address", "b", "server.port", "80")}, "the name was made of the address"},
		{local + `"kind":"CLIENT","tags":{"peer.service":"Bee"},` + remote, found{"a", servicegraph.KindClient, attrs("peer.service", "bee")}, "a tag knows better"},
		{`"localEndpoint":{"serviceName":"OTLPResourceNoServiceName"},"kind":"SERVER"`, found{"", servicegraph.KindServer, nil}, "stands for no name"},
	} {
		s := zipkinSpanWith(t, test.fields)
		if diff := cmp.Diff(test.want, found{s.Service, s.Kind, s.Attrs}); diff != "" {
			t.Errorf("%s: %s (-want +got):\n%s", test.reason, test.fields, diff)
		}
	}
}

// A tag "error" is an error; an annotation is not.
func TestZipkinErrors(t *testing.T) {
	for fields, want := range map[string]servicegraph.Status{
		`"name":"x"`:                                       servicegraph.StatusUnset,
		`"tags":{"error":""}`:                              servicegraph.StatusError,
		`"tags":{"error":"404"}`:                           servicegraph.StatusError,
		`"tags":{"error":true}`:                            servicegraph.StatusError,
		`"tags":{"error":null}`:                            servicegraph.StatusUnset,
		`"tags":{"error":"false"}`:                         servicegraph.StatusUnset,
		`"tags":{"otel.status_code":"Error"}`:              servicegraph.StatusError,
		`"tags":{"otel.status_code":"OK","error":"false"}`: servicegraph.StatusOK,
		`"tags":{"http.status_code":"500"}`:                servicegraph.StatusUnset,
		`"annotations":[{"timestamp":1,"value":"error"}]`:  servicegraph.StatusUnset,
	} {
		if got := zipkinSpanWith(t, fields).Status; got != want {
			t.Errorf("%s: status %d, want %d", fields, got, want)
		}
	}
}

func TestZipkinTimes(t *testing.T) {
	const at = 1_700_000_000_000_000_000
	for fields, want := range map[string][2]int64{
		`"timestamp":1700000000000000,"duration":5`:   {at, at + 5000},
		`"timestamp":1700000000000000`:                {at, 0}, // unfinished
		`"timestamp":1700000000000000,"duration":0`:   {at, 0}, // less than a microsecond is written as one
		`"timestamp":1700000000000000.5,"duration":5`: {at, at + 5000},
		`"duration":5`:                {0, 0},
		`"timestamp":-1,"duration":5`: {0, 0},
	} {
		if s := zipkinSpanWith(t, fields); s.Start != want[0] || s.End != want[1] {
			t.Errorf("%s: from %d to %d, want %d", fields, s.Start, s.End, want)
		}
	}
}

func TestZipkinFaults(t *testing.T) {
	const good = `{"traceId":"1","id":"a"}`
	for _, test := range []struct {
		name, input string
		spans       int
		skips       []string
		final       string
	}{
		{name: "a span without an id", input: "[" + good + `,{"traceId":"1","name":"x"},` + good + "]", spans: 2,
			skips: []string{`input: record 2 at byte 26: span "x": span id "": want 1 to 16 hexadecimal digits`}},
		{name: "an id that is too long", input: "[" + good + `,{"traceId":"` + strings.Repeat("1", 33) + `","id":"a"}]`, spans: 1,
			skips: []string{`input: record 2 at byte 26: span "": trace id "` + strings.Repeat("1", 33) + `": want 1 to 32 hexadecimal digits`}},
		{name: "an invalid parent", input: `{"traceId":"1","id":"a","parentId":"p"}` + "\n" + good, spans: 1,
			skips: []string{`input: record 1 at byte 0: span "": parentId: span id "p": want 1 to 16 hexadecimal digits`}},
		{name: "tags of the wrong type", input: "[" + good + `,{"traceId":"1","id":"a","tags":[]}]`, spans: 1,
			skips: []string{"input: record 2 at byte 26: tags: want an object, got array"}},
		{name: "an endpoint of the wrong type", input: "[" + good + `,{"traceId":"1","id":"a","localEndpoint":"web"}]`, spans: 1,
			skips: []string{"input: record 2 at byte 26: localEndpoint: want an object, got string"}},
		{name: "an object that is not a span", input: good + "\n" + `{"level":"info"}` + "\n" + good, spans: 2,
			skips: []string{"input: record 2 at byte 25: no span: `{\"level\":\"info\"}`"}},
		{name: "a line that is not JSON", input: good + "\nhello\n" + good, spans: 2,
			skips: []string{`input: record 2 at byte 25: not a JSON object: "hello"`}},
		{name: "cut off", input: "[" + good + "," + good[:10], spans: 1,
			final: "reading input: the JSON object at byte 26 ends early (unexpected EOF) after 1 span; it was cut off while being written or copied"},
		{name: "cut off in the last line", input: good + "\n" + good[:10], spans: 1,
			skips: []string{"input: record 2 at byte 25: the JSON object is cut off"}},
		{name: "the first line cut off", input: `d":"a"}` + "\n" + good, spans: 1,
			skips: []string{`input: record 1 at byte 0: not a JSON object: ` + "`d\":\"a\"}`"}},
		{name: "a list without its end", input: "[" + good, spans: 1,
			final: "reading input: a list of JSON ends early (unexpected EOF) after 1 span; it was cut off while being written or copied"},
		{name: "spans of version 1", input: `[{"traceId":"1","id":"a","annotations":[{"timestamp":1,"value":"sr","endpoint":{"serviceName":"a"}}],"binaryAnnotations":[]}]`,
			skips: []string{`input: record 1 at byte 1: span "": version 1 of Zipkin's JSON, which is not read: export the spans in version 2`},
			final: `reading input: no span could be read: 1 record left out, the first at byte 1: span "": version 1 of Zipkin's JSON, which is not read: export the spans in version 2`},
	} {
		spans, skips, err := collect(t, Read(strings.NewReader(test.input), "input", Config{}))
		if len(spans) != test.spans {
			t.Errorf("%s: %d spans, want %d", test.name, len(spans), test.spans)
		}
		var got []string
		for _, s := range skips {
			got = append(got, s.Error())
		}
		if diff := cmp.Diff(test.skips, got); diff != "" {
			t.Errorf("%s: skipped (-want +got):\n%s", test.name, diff)
		}
		if final := fmt.Sprint(err); err != nil && final != test.final || err == nil && test.final != "" {
			t.Errorf("%s: error (-want +got):\n%s", test.name, cmp.Diff(test.final, final))
		}
	}
}

// All spans of the samples are read.
func TestZipkinSamplesRead(t *testing.T) {
	files, err := os.ReadDir(dataset(t, "zipkin"))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, f := range files {
		if strings.HasSuffix(f.Name(), ".json") && !strings.HasSuffix(f.Name(), ".links.json") {
			spans, skips, err := collect(t, ReadFile(dataset(t, "zipkin/"+f.Name()), Config{}))
			if len(skips) > 0 || err != nil {
				t.Errorf("%s: %v %v", f.Name(), skips, err)
			}
			n += len(spans)
		}
	}
	if n != 1102 {
		t.Errorf("%d spans, want 1102", n)
	}
}

// TestZipkinLocalAddress: a call that lost its trace context goes to the service whose spans have
// the address as that of their local endpoint.
func TestZipkinLocalAddress(t *testing.T) {
	const spans = `[
		{"traceId": "1", "id": "1", "kind": "CLIENT", "timestamp": 1700000000000001, "duration": 9, "localEndpoint": {"serviceName": "web", "ipv4": "10.0.0.1"}, "remoteEndpoint": {"ipv4": "10.0.0.2", "port": 80}},
		{"traceId": "2", "id": "2", "kind": "SERVER", "timestamp": 1700000000000001, "duration": 9, "localEndpoint": {"serviceName": "cart", "ipv4": "10.0.0.2", "port": 80}}
	]`
	b := servicegraph.NewBuilder(servicegraph.Config{})
	if err := b.AddAll(Read(strings.NewReader(spans), "zipkin.json", Config{})); err != nil {
		t.Fatal(err)
	}
	id := servicegraph.EdgeID{
		From: servicegraph.NodeID{Name: "web", Type: servicegraph.TypeService}, To: servicegraph.NodeID{Name: "cart", Type: servicegraph.TypeService}, Kind: servicegraph.EdgeRequest,
	}
	if e, ok := b.Graph().Edge(id); !ok || e.Evidence.Address != 1 {
		t.Errorf("the edge is %+v", e)
	}
}
