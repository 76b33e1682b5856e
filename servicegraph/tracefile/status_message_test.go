package tracefile

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tempograph/tempograph/servicegraph"
)

// TestStatusMessages reads three failed calls in every format. The messages of their statuses tell that
// two of them were canceled. Only a graph that asks for outcomes reads the messages.
func TestStatusMessages(t *testing.T) {
	const trace = "0102030405060708090a0b0c0d0e0f10"
	messages := []string{"context canceled", `Get \"http://shop/\": context canceled`, "connection refused"}
	list := func(of func(n int, message string) string) string {
		var all []string
		for i, m := range messages {
			all = append(all, of(i+1, m))
		}
		return strings.Join(all, ",")
	}
	otlp := func(key string) string {
		return `{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"web"}}]},"scopeSpans":[{"spans":[` + list(func(n int, m string) string {
			return fmt.Sprintf(`{"traceId":%q,"spanId":"000000000000000%d","name":"GET","kind":3,"startTimeUnixNano":"170000000000000010%d",`+
				`"endTimeUnixNano":"1700000000000001000","attributes":[{"key":"server.address","value":{"stringValue":"shop"}}],"status":{%s:"%s","code":2}}`, trace, n, n, key, m)
		}) + "]}]}]}\n"
	}
	jaeger := `{"data":[{"traceID":"` + trace + `","processes":{"p":{"serviceName":"web"}},"spans":[` + list(func(n int, m string) string {
		return fmt.Sprintf(`{"traceID":%q,"spanID":"%d","operationName":"GET","startTime":1700000000000100,"duration":100,"processID":"p","tags":[{"key":"span.kind","value":"client"},`+
			`{"key":"server.address","value":"shop"},{"key":"error","value":true},{"key":"otel.status_description","value":"%s"}]}`, trace, n, m)
	}) + `]}]}`
	zipkin := func(tag string) string {
		return "[" + list(func(n int, m string) string {
			return fmt.Sprintf(`{"traceId":%q,"id":"000000000000000%d","kind":"CLIENT","name":"get","timestamp":1700000000000100,"duration":100,"localEndpoint":{"serviceName":"web"},`+
				`"tags":{"server.address":"shop","otel.status_code":"ERROR",%q:"%s"}}`, trace, n, tag, m)
		}) + "]"
	}
	for name, text := range map[string]string{
		"OTLP JSON":              otlp(`"message"`),
		"OTLP JSON, known bytes": otlp(`"message"`) + strings.ReplaceAll(otlp(`"message"`), "000000000000000", "000000000000001"),
		"OTLP JSON, as a whole":  otlp(`"mess\u0061ge"`),
		"OTLP protobuf":          string(delimited(t, parseOTLPJSON(t, []byte(otlp(`"message"`))))),
		"Jaeger":                 jaeger,
		"Zipkin":                 zipkin("otel.status_description"),
		"Zipkin, tag error":      zipkin("error"),
	} {
		for _, cfg := range []servicegraph.Config{{}, {NotErrors: []string{"canceled"}}} {
			loaded := servicegraph.NewBuilder(cfg)
			if err := Load(loaded, strings.NewReader(text), name, LoadConfig{}); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			read, err := servicegraph.Build(Read(strings.NewReader(text), name, Config{Keep: cfg.Reads}), cfg)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			for way, g := range map[string]*servicegraph.Graph{"loaded": loaded.Graph(), "read": read} {
				calls, errors := 0.0, 0.0
				for e := range g.Edges() {
					calls += e.Calls
					errors += e.Errors
				}
				want := calls
				if len(cfg.NotErrors) > 0 {
					want /= 3
				}
				if calls == 0 || errors != want {
					t.Errorf("%s, %s, without %q: %v of %v calls failed, want %v", name, way, cfg.NotErrors, errors, calls, want)
				}
			}
		}
		for s, err := range Read(strings.NewReader(text), name, Config{}) {
			if err != nil || hasAttr(&s, messageKey) {
				t.Errorf("%s: a span has the message of its status, which no one asked for: %v, %v", name, s.Attrs, err)
			}
		}
	}
}
