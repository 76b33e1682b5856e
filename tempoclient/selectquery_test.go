package tempoclient

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestDedicatedAttributes checks for which versions of Tempo a query names dedicated attributes
// that are not among the tags.
func TestDedicatedAttributes(t *testing.T) {
	for version, want := range map[string]bool{`"2.9.0"`: false, `"1.5"`: false, `"3.0.3"`: true, `"cloud"`: true, `""`: true} {
		builds := 0
		c := newClient(t, "http://tempo.test", Config{Transport: roundTripper(func(req *http.Request) (*http.Response, error) {
			body := `{"scopes": [{"name": "span", "tags": ["db.system.name"]}]}`
			if req.URL.Path == pathBuildInfo {
				builds++
				body = `{"version": ` + version + `}`
			}
			return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {mediaJSON}}, Body: io.NopCloser(strings.NewReader(body)), Request: req}, nil
		})})
		for range 2 {
			s := &selection{client: c, cost: new(Cost), tags: TagQuery{Start: time.Now().Add(-time.Hour), End: time.Now()}}
			s.build, _ = c.knownBuild(t.Context())
			ok, err := s.attributes(t.Context())
			if err != nil || !ok {
				t.Fatal(ok, err)
			}
			if got := strings.Contains(s.query, "span.server.address"); got != want || !strings.Contains(s.query, "span.db.system.name") {
				t.Errorf("version %s: the query is %s", version, s.query)
			}
		}
		if builds != 1 {
			t.Errorf("version %s: requested %d times", version, builds)
		}
	}
}
