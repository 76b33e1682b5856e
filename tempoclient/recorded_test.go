package tempoclient

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/tempoclient/tempotest"
)

// A recording has the answers of a Tempo server to all requests of Spans for the spans of
// recordedSpans.
type recording struct {
	Version string           `json:"version"`
	Start   int64            `json:"start"` // start of the spans, in Unix nanoseconds
	Answers []recordedAnswer `json:"answers"`
}

type recordedAnswer struct {
	Path      string `json:"path"`
	Query     string `json:"q,omitempty"` // TraceQL
	Status    int    `json:"status"`
	MediaType string `json:"type"`
	Text      string `json:"text,omitempty"`
	Bytes     []byte `json:"bytes,omitempty"` // the answer, if it is not text
}

// recordedFile was recorded by this command, with TEMPO_BIN set to the program of Tempo 3.0.3:
//
//	TEMPO_BIN=… TEMPO_RECORD=1 go test -run TestRecordedAnswers ./tempoclient
const recordedFile = "testdata/tempo-3.0.3/answers.json"

// TestRecordedAnswers reads spans from recorded answers of Tempo 3, which differ from answers of
// Tempo 2. Attributes with columns of their own are not among the tags. In the spans of a search,
// they have the text "nil" if the span lacks the attribute.
func TestRecordedAnswers(t *testing.T) {
	if os.Getenv("TEMPO_RECORD") != "" {
		record(t)
	}
	data, err := os.ReadFile(recordedFile)
	if err != nil {
		t.Fatal(err)
	}
	var r recording
	if err := json.Unmarshal(data, &r); err != nil {
		t.Fatal(err)
	}
	got, cost := readRecorded(t, "http://tempo.test", &r, r.Start)
	if diff := gocmp.Diff(ordered(recordedSpans(r.Start)), got); diff != "" {
		t.Errorf("(-stored +got):\n%s", diff)
	}
	if cost.Selected != recordedTraces || cost.ByID != 0 {
		t.Errorf("%+v, want all traces from searches", cost)
	}
	tags, _ := r.find("/api/v2/search/tags", "")
	if s := tags.Text; !strings.Contains(s, "db.system.name") || strings.Contains(s, "server.address") {
		t.Errorf("the tags are %s", s)
	}
	if !slices.ContainsFunc(r.Answers, func(a recordedAnswer) bool {
		return strings.Contains(a.Text, `"key":"server.address","value":{"stringValue":"nil"}`)
	}) {
		t.Error("no answer has the text of an absent attribute")
	}
}

const recordedTraces = 41 // one more than the number up to which all traces are fetched

// recordedSpans returns traces of two spans: a request, which fails in some traces, and the query
// of the request.
func recordedSpans(start int64) (spans []servicegraph.Span) {
	for n := range byte(recordedTraces) {
		at := start + ms(int64(n))
		server := servicegraph.Span{
			TraceID: id(n), SpanID: sid(1), Service: "web", Namespace: "shop", Name: "GET /", Kind: servicegraph.KindServer, Start: at, End: at + ms(20),
			Attrs: attr("http.response.status_code", "200"),
		}
		if n%9 == 0 {
			server.Status, server.Attrs = servicegraph.StatusError, attr("http.response.status_code", "500")
		}
		client := servicegraph.Span{
			TraceID: id(n), SpanID: sid(2), ParentID: sid(1), Service: "web", Namespace: "shop", Name: "SELECT", Kind: servicegraph.KindClient, Start: at + ms(1), End: at + ms(9),
			Attrs: attr("db.system.name", "postgresql", "server.address", "db.example.com"),
		}
		spans = append(spans, server, client)
	}
	return spans
}

// readRecorded reads the recorded spans through a transport.
func readRecorded(t *testing.T, url string, transport http.RoundTripper, start int64) ([]servicegraph.Span, Cost) {
	c := newClient(t, url, Config{Transport: transport, Keep: servicegraph.Config{HTTPErrors: true}.Reads})
	var cost Cost
	at := time.Unix(0, start)
	spans := collect(t, c.Spans(t.Context(), Query{
		Start: at.Add(-time.Second), End: at.Add(2 * time.Second), Progress: func(p Progress) { cost = p.Cost },
	}))
	return ordered(spans), cost
}

// RoundTrip returns the recorded answer to a request. It ignores the time range, the limit and the
// attributes of the request.
func (r *recording) RoundTrip(req *http.Request) (*http.Response, error) {
	a, ok := r.find(req.URL.Path, req.FormValue("q"))
	if !ok {
		a = recordedAnswer{Status: http.StatusNotFound, Text: "not recorded"}
	}
	body := a.Bytes
	if body == nil {
		body = []byte(a.Text)
	}
	return &http.Response{
		StatusCode: a.Status, Status: http.StatusText(a.Status), Header: http.Header{"Content-Type": {a.MediaType}},
		Body: io.NopCloser(bytes.NewReader(body)), Request: req,
	}, nil
}

// find returns the recorded answer to a request of the same kind: for spans, for links or for
// traces.
func (r *recording) find(path, q string) (recordedAnswer, bool) {
	i := slices.IndexFunc(r.Answers, func(a recordedAnswer) bool {
		same := func(word string) bool { return strings.Contains(a.Query, word) == strings.Contains(q, word) }
		return a.Path == path && same("select(") && same("link:")
	})
	if i < 0 {
		return recordedAnswer{}, false
	}
	return r.Answers[i], true
}

// record stores the spans in Tempo, reads them again, and writes the answers to recordedFile.
func record(t *testing.T) {
	tempo := tempotest.Start(t, tempotest.Config{})
	start := time.Now().Add(-10 * time.Second).Truncate(time.Second).UnixNano()
	pushSpans(t, tempo, "", recordedSpans(start))
	plain := newClient(t, tempo.URL, Config{})
	at := time.Unix(0, start)
	awaitFound(t, plain, Query{Start: at.Add(-time.Second), End: at.Add(2 * time.Second)}, recordedTraces)
	info, err := plain.BuildInfo(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	r := recording{Version: info.Version, Start: start}
	var mu sync.Mutex
	through := roundTripper(func(req *http.Request) (*http.Response, error) {
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			return nil, err
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		resp.Body = io.NopCloser(bytes.NewReader(body))
		a := recordedAnswer{Path: req.URL.Path, Query: req.FormValue("q"), Status: resp.StatusCode, MediaType: resp.Header.Get("Content-Type")}
		if a.MediaType == mediaProtobuf {
			a.Bytes = body
		} else {
			a.Text = string(body)
		}
		mu.Lock()
		defer mu.Unlock()
		if _, known := r.find(a.Path, a.Query); !known {
			r.Answers = append(r.Answers, a)
		}
		return resp, err
	})
	readRecorded(t, tempo.URL, through, start)
	slices.SortFunc(r.Answers, func(a, b recordedAnswer) int { return strings.Compare(a.Path+" "+a.Query, b.Path+" "+b.Query) })
	data, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(recordedFile, append(data, '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
}
