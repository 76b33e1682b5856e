package tempoclient

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tempograph/tempograph/tempoclient/tempotest"
)

func TestStatusOfTempo(t *testing.T) {
	tempo := tempotest.Start(t, tempotest.Config{})
	c := newClient(t, tempo.URL, Config{})
	if err := c.Ready(t.Context()); err != nil {
		t.Errorf("Ready: %v", err)
	}
	if err := c.Echo(t.Context()); err != nil {
		t.Errorf("Echo: %v", err)
	}
	overrides, err := c.Overrides(t.Context(), "")
	if err != nil || !strings.Contains(overrides, "\n  max_bytes_per_trace: 5000000\n") {
		t.Errorf("Overrides: %q, %v", overrides, err)
	}
}

func TestStatusOfSomethingElse(t *testing.T) {
	url := serve(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "hello") })
	c := newClient(t, url, Config{})
	if err := c.Echo(t.Context()); err == nil || err.Error() != "tempo "+url+": GET /api/echo: "+errNotTempo.Error() {
		t.Errorf("Echo: %v", err)
	}
	if _, err := c.BuildInfo(t.Context()); err == nil {
		t.Error("BuildInfo: no error")
	}
	if _, err := c.Overrides(t.Context(), "t"); err == nil {
		t.Error("Overrides: no error")
	}
}

func TestTagsOfTempo(t *testing.T) {
	tempo := tempotest.Start(t, tempotest.Config{})
	c := newClient(t, tempo.URL, Config{})
	pushSpans(t, tempo, "", shop(id(1), time.Now().Add(-time.Second).UnixNano()))
	awaitFound(t, c, Query{}, 1)

	now := time.Now()
	for _, q := range []TagQuery{
		{Scope: "resource"},
		{Scope: "resource", Start: now.Add(-time.Minute), End: now.Add(time.Second)},
	} {
		tags, err := c.Tags(t.Context(), q)
		want := &Tags{Scopes: []TagScope{{Name: "resource", Tags: []string{"deployment.environment", "host.name", "service.name", "service.namespace"}}}}
		if diff := cmp.Diff(want, tags); err != nil || diff != "" {
			t.Errorf("Tags: error %v, (-want +got):\n%s", err, diff)
		}
	}
	tags, err := c.Tags(t.Context(), TagQuery{})
	if err != nil {
		t.Fatal(err)
	}
	scopes := make(map[string]int)
	for _, s := range tags.Scopes {
		scopes[s.Name] = len(s.Tags)
	}
	if scopes["resource"] != 4 || scopes["span"] != 5 || scopes["intrinsic"] == 0 {
		t.Errorf("tags by scope: %v", tags.Scopes)
	}

	values, err := c.TagValues(t.Context(), "resource.service.name", TagQuery{TraceQL: `{status=error}`})
	want := &TagValues{Values: []TagValue{{"string", "checkout"}, {"string", "payment"}}}
	if diff := cmp.Diff(want, values); err != nil || diff != "" {
		t.Errorf("TagValues: error %v, (-want +got):\n%s", err, diff)
	}
	values, err = c.TagValues(t.Context(), "kind", TagQuery{})
	if err != nil || len(values.Values) == 0 || values.Values[0].Type != "keyword" {
		t.Errorf("TagValues of an intrinsic: %v, %v", values, err)
	}
	_, err = c.TagValues(t.Context(), "a/b ü", TagQuery{})
	if err == nil || !strings.HasSuffix(err.Error(), "400 Bad Request: please provide a valid tagName: tag name is not valid intrinsic or scoped attribute: a/b ü") {
		t.Errorf("TagValues of no tag: %v", err)
	}
	if _, err := c.Tags(t.Context(), TagQuery{Start: now, End: now.Add(-time.Hour)}); err == nil {
		t.Error("Tags of a reversed range: no error")
	}
}

// TestMetricsAnswers has answers in the format of Tempo 2.9, with additional fields as other
// versions may add them.
func TestMetricsAnswers(t *testing.T) {
	var got string
	answers := map[string]string{
		"/api/metrics/query_range": `{"series":[
			{"labels":[{"key":"resource.service.name","value":{"stringValue":"b"}},{"key":"p","value":{"doubleValue":0.95}}],
			 "samples":[{"timestampMs":"1795399500000"},{"timestampMs":"1795399560000","value":"NaN"},{"timestampMs":1795399620000,"value":2.5}],
			 "exemplars":[{"labels":[{"key":"trace:id","value":{"stringValue":"f7"}}],"value":0.5,"timestampMs":"1795399990000"}],
			 "promLabels":"{}","later":{"x":1}},
			{"labels":[{"key":"resource.service.name","value":{"stringValue":"a"}},{"key":"n","value":{"intValue":"7"}},{"key":"ok","value":{"boolValue":true}}],
			 "samples":[{"timestampMs":"1795399500000","value":1}]}],
			"metrics":{"completedJobs":1,"totalJobs":2,"backendReads":"5"},"status":"PARTIAL","message":"max series"}`,
		"/api/metrics/query": `{"series":[{"labels":[{"key":"__name__","value":{"stringValue":"rate"}}],"value":0.25},{"labels":[{"key":"__name__","value":{"stringValue":"zero"}}]}],"metrics":{}}`,
	}
	url := serve(t, func(w http.ResponseWriter, req *http.Request) {
		if answers[req.URL.Path] != "" {
			got = req.URL.RawQuery
		}
		fmt.Fprint(w, answers[req.URL.Path])
	})
	c := newClient(t, url, Config{})
	end := time.UnixMilli(1795399620000)
	q := MetricsQuery{TraceQL: "{} | rate()", Start: end.Add(-time.Minute), End: end, Step: time.Second}
	m, err := c.QueryRange(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	if want := "end=1795399620000000000&q=%7B%7D+%7C+rate%28%29&start=1795399560000000000&step=1s"; got != want {
		t.Errorf("asked %s, want %s", got, want)
	}
	want := &Metrics{
		Series: []Series{{
			Labels:  attr("resource.service.name", "a", "n", "7", "ok", "true"),
			Samples: []Sample{{time.UnixMilli(1795399500000), 1}},
		}, {
			Labels: attr("resource.service.name", "b", "p", "0.95"),
			Samples: []Sample{
				{time.UnixMilli(1795399500000), 0}, {time.UnixMilli(1795399560000), math.NaN()}, {time.UnixMilli(1795399620000), 2.5}},
			Exemplars: []Exemplar{{Sample{time.UnixMilli(1795399990000), 0.5}, attr("trace:id", "f7")}},
		}},
		Warnings: []*Warning{
			{Kind: WarnPartial, Message: "1 of 2 parts of the search were done"},
			{Kind: WarnPartial, Message: "max series"},
		},
	}
	sameNaN := cmp.Comparer(func(a, b float64) bool { return a == b || math.IsNaN(a) && math.IsNaN(b) })
	if diff := cmp.Diff(want, m, sameNaN); diff != "" {
		t.Errorf("QueryRange (-want +got):\n%s", diff)
	}

	m, err = c.QueryInstant(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	want = &Metrics{Series: []Series{
		{Labels: attr("__name__", "rate"), Samples: []Sample{{end, 0.25}}},
		{Labels: attr("__name__", "zero"), Samples: []Sample{{end, 0}}},
	}}
	if diff := cmp.Diff(want, m); diff != "" {
		t.Errorf("QueryInstant (-want +got):\n%s", diff)
	}
}

func TestMetricsOfTempo(t *testing.T) {
	tempo := tempotest.Start(t, tempotest.Config{})
	c := newClient(t, tempo.URL, Config{})
	build, err := c.BuildInfo(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	// This Tempo has no generator, but its error shows that the request was right. Tempo 3 needs no
	// generator.
	_, err = c.QueryInstant(t.Context(), MetricsQuery{TraceQL: "{} | rate()"})
	if build.Major() >= 3 {
		if err != nil {
			t.Error(err)
		}
	} else if e, ok := errors.AsType[*Error](err); !ok || e.StatusCode != http.StatusInternalServerError || !strings.Contains(e.Body, "generator") {
		t.Errorf("Tempo without a generator: %v", err)
	}

	_, err = c.QueryRange(t.Context(), MetricsQuery{TraceQL: "{} | rate() by (nonsense"})
	if e, ok := errors.AsType[*Error](err); !ok || e.StatusCode != http.StatusBadRequest || !strings.Contains(e.Body, "parse error at line 1, col") {
		t.Errorf("a query that Tempo rejects: %v", err)
	}
}
