package tempoclient

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestProxyFromEnvironment checks that the client uses the proxy of the environment. Go reads the
// variables for proxies only once in each process, so the test runs a child process.
func TestProxyFromEnvironment(t *testing.T) {
	const tempo = "http://tempo.example:3200/prefix"
	if os.Getenv("TEMPOCLIENT_PROXY_CHILD") != "" {
		if err := newClient(t, tempo, Config{}).Ready(t.Context()); err != nil {
			t.Fatal(err)
		}
		return
	}
	asked := make(chan string, 10)
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- r.URL.String()
		fmt.Fprint(w, "ready")
	}))
	defer proxy.Close()
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestProxyFromEnvironment$")
	child.Env = append(os.Environ(), "TEMPOCLIENT_PROXY_CHILD=1", "HTTP_PROXY="+proxy.URL, "http_proxy="+proxy.URL, "NO_PROXY=", "no_proxy=")
	if out, err := child.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if got := <-asked; !strings.HasPrefix(got, tempo) {
		t.Errorf("the proxy was asked for %s", got)
	}
}
