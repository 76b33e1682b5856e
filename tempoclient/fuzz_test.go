package tempoclient

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/tempograph/tempograph/servicegraph"
)

// The fuzz targets decode any bytes as an answer of Tempo. Decoding must not panic, and every span
// must be valid.

func checkSpan(t *testing.T, s servicegraph.Span) {
	t.Helper()
	if s.Kind > servicegraph.KindConsumer || s.Status > servicegraph.StatusError || s.Start < 0 {
		t.Errorf("span %+v", s)
	}
	for _, text := range []string{s.Service, s.Namespace, s.Name} {
		if !utf8.ValidString(text) {
			t.Errorf("text %q", text)
		}
	}
	for _, attrs := range [][]servicegraph.Attr{s.Attrs, s.Resource} {
		for _, a := range attrs {
			if !utf8.ValidString(a.Key) || !utf8.ValidString(a.Value) {
				t.Errorf("attribute %q", a)
			}
		}
	}
}

// An answering client gets the same answer to every request with the given Accept header, and no
// answer to other requests. One client serves all inputs of a target, because making a client takes
// longer than decoding most inputs.
type answering struct {
	*Client
	body []byte
}

func newAnswering(f *testing.F, contentType string) *answering {
	a := new(answering)
	a.Client = newClient(f, "http://tempo", Config{Transport: roundTripper(func(req *http.Request) (*http.Response, error) {
		resp := &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {contentType}}, Body: io.NopCloser(bytes.NewReader(a.body))}
		if accept := req.Header.Get("Accept"); accept != contentType {
			resp.StatusCode, resp.Body = http.StatusNotFound, http.NoBody
		}
		return resp, nil
	})})
	return a
}

func FuzzTrace(f *testing.F) {
	recorded, err := os.ReadFile("testdata/tempo-2.9.0/trace.pb")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(recorded)
	f.Add([]byte{0x0a, 0x00, 0x12, 0x00})
	client := newAnswering(f, mediaProtobuf)
	f.Fuzz(func(t *testing.T, body []byte) {
		client.body = body
		trace, err := client.Trace(t.Context(), id(1))
		if err != nil {
			return
		}
		for _, s := range trace.Spans {
			checkSpan(t, s)
		}
	})
}

func FuzzSearch(f *testing.F) {
	recorded, err := os.ReadFile("testdata/tempo-2.9.0/search.json")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(recorded)
	f.Add([]byte(`{"traces":[{"traceID":"1","startTimeUnixNano":"-1","spanSets":[{"matched":1,"spans":[{"spanID":"2","durationNanos":9223372036854775807,
		"attributes":[{"key":"kind","value":{"stringValue":"server"}},{"key":"status","value":{"stringValue":"ok"}},{"key":"server.port","value":{"intValue":"8080"}}]}]}]}]}`))
	client := newAnswering(f, mediaJSON)
	f.Fuzz(func(t *testing.T, body []byte) {
		client.body = body
		if found, err := decodeFound(body); err == nil {
			for _, shows := range []bool{true, false} {
				from := &selection{client: client.Client, keys: map[string]bool{"server.port": false}, showsStatus: shows}
				for _, s := range found.spans(from).spans {
					checkSpan(t, s)
				}
			}
		}
		end := time.Now()
		query := Query{Start: end.Add(-time.Second), End: end}
		for s, err := range client.Spans(t.Context(), query) {
			if err == nil {
				checkSpan(t, s)
			}
		}
	})
}

func FuzzMetrics(f *testing.F) {
	f.Add([]byte(`{"series":[{"labels":[{"key":"a","value":{"doubleValue":"NaN"}}],"samples":[{"timestampMs":"1","value":"Infinity"}]}],"status":"PARTIAL"}`))
	f.Add([]byte(`{"series":[{"labels":[{"key":"a","value":{"boolValue":true}}],"value":1}]}`))
	client := newAnswering(f, mediaJSON)
	f.Fuzz(func(t *testing.T, body []byte) {
		client.body = body
		m, err := client.QueryRange(t.Context(), MetricsQuery{TraceQL: "{} | rate()"})
		if err != nil {
			return
		}
		for _, s := range m.Series {
			if len(s.Samples) == 0 {
				t.Error("a series without samples")
			}
		}
	})
}
