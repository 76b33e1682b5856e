package source

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/console"
	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/timerange"
	"github.com/tempograph/tempograph/tempoclient"
)

// TestPrometheusRedirects: credentials are sent to no other server, and a limited number of
// redirects within the server is followed.
func TestPrometheusRedirects(t *testing.T) {
	var asked atomic.Int64
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	defer other.Close()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasPrefix(r.URL.Path, "/away/"):
			http.Redirect(w, r, other.URL+r.URL.Path, http.StatusTemporaryRedirect)
		case strings.HasPrefix(r.URL.Path, "/round/"):
			http.Redirect(w, r, r.URL.Path, http.StatusTemporaryRedirect)
		}
	}))
	defer server.Close()
	for path, want := range map[string]string{
		"/away":  "the server redirects to another server, " + other.URL + "/away/",
		"/round": "stopped after 10 redirects",
	} {
		s, err := Prometheus{
			URL: server.URL + path, When: timerange.Period{}, Stderr: &console.Console{Out: t.Output()},
			Config: tempoclient.Config{Username: "me", Password: "secret"},
		}.Source()
		if err != nil {
			t.Fatal(err)
		}
		_, _, err = s.Graph(t.Context())
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "Post ") {
			t.Errorf("%s: got %v, want %s", path, err, want)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	if n := asked.Load(); n > 0 {
		t.Errorf("the other server got %d requests", n)
	}
}
