package promtest

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

// get returns the status and the text of an answer.
func get(t *testing.T, address string) (int, string) {
	t.Helper()
	resp, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// write sends an empty remote write and returns the status.
func write(t *testing.T, p *Prometheus) int {
	t.Helper()
	req, err := http.NewRequest(http.MethodPost, p.RemoteWriteURL(), strings.NewReader("\x00")) // an empty body, compressed with snappy
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-protobuf")
	req.Header.Set("Content-Encoding", "snappy")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
}

func TestPrometheus(t *testing.T) {
	p := Start(t, Config{})
	if status, body := get(t, p.URL+"/api/v1/status/buildinfo"); status != http.StatusOK || !strings.Contains(body, `"version":"`+Version[1:]+`"`) {
		t.Errorf("build information: %d %s, want version %s", status, body, Version)
	}
	if status := write(t, p); status/100 != 2 {
		t.Errorf("remote write: %d, want success", status)
	}
	p.Stop()
	if _, err := http.Get(p.URL); err == nil {
		t.Error("Prometheus answers after Stop")
	}
	before := p.URL
	p.Restart(t, Config{NoReceiver: true})
	if p.URL != before {
		t.Errorf("after a restart Prometheus is at %s, want %s", p.URL, before)
	}
	if status := write(t, p); status != http.StatusNotFound {
		t.Errorf("remote write without the receiver: %d, want 404", status)
	}
}

func TestPrometheusWithFileAndArgs(t *testing.T) {
	p := Start(t, Config{
		File: "global: {scrape_interval: 17s}\n",
		Args: []string{"--web.enable-lifecycle"},
	})
	if _, body := get(t, p.URL+"/api/v1/status/config"); !strings.Contains(body, "scrape_interval: 17s") {
		t.Errorf("the configuration is %s", body)
	}
	if _, body := get(t, p.URL+"/api/v1/status/flags"); !strings.Contains(body, `"web.enable-lifecycle":"true"`) {
		t.Errorf("the flags are %s", body)
	}
}
