package graphtest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/graphtest"
)

// TestLatencyIsExact: in a bubble, latencies are exact to the nanosecond and take no time.
func TestLatencyIsExact(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rec := graphtest.NewRecorder(t, servicegraph.Config{})
		web, cart := rec.Service("web"), rec.Service("cart")
		network := graphtest.MemTransport{}
		network["cart"] = handler(rec, cart, func(http.ResponseWriter, *http.Request) { time.Sleep(1500 * time.Millisecond) })
		network["web"] = handler(rec, web, func(w http.ResponseWriter, r *http.Request) {
			if err := get(r.Context(), client(rec, web, network), "http://cart/"); err != nil {
				t.Error(err)
			}
			time.Sleep(time.Second)
		})
		if err := get(t.Context(), &http.Client{Transport: network}, "http://web/"); err != nil {
			t.Fatal(err)
		}
		g := rec.Graph(t)
		graphtest.Check(t, g,
			graphtest.Exactly("web -> cart"),
			graphtest.Latency("web -> cart", servicegraph.CallerSide, 0.95, 1500*time.Millisecond),
			graphtest.Latency("web -> cart", servicegraph.CalleeSide, 0.95, 1500*time.Millisecond),
		)
		ft := &fakeT{}
		graphtest.Check(ft, g, graphtest.Latency("web -> cart", servicegraph.CallerSide, 0.95, 1500*time.Millisecond-1))
		if !strings.Contains(ft.text(), "took 1.5s in percentile 95, measured by the caller: 1ns too long") {
			t.Errorf("a budget that is 1 ns less: %s", ft.text())
		}
	})
}

func TestMemTransport(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sent := make(chan struct{})
		network := graphtest.MemTransport{
			"echo": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("X-Host", r.Host)
				w.WriteHeader(http.StatusTeapot)
				w.Header().Set("X-Late", "not sent")
				fmt.Fprintf(w, "%s %s ", r.Method, r.RequestURI)
				io.Copy(w, r.Body)
			}),
			"silent": http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}),
			"panics": http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("oh") }),
			"breaks": http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				fmt.Fprint(w, "half")
				panic("oh")
			}),
			"slow": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() }),
			"streams": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.(http.Flusher).Flush()
				<-sent
				fmt.Fprint(w, "later")
			}),
		}
		c := &http.Client{Transport: network, Timeout: time.Minute}

		answer, err := c.Post("http://echo/a?b=c", "text/plain", strings.NewReader("body"))
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(answer.Body)
		if err != nil || string(body) != "POST /a?b=c body" || answer.StatusCode != http.StatusTeapot ||
			answer.Header.Get("X-Host") != "echo" || answer.Header.Get("X-Late") != "" {
			t.Errorf("%v %q %v %v", err, body, answer.Status, answer.Header)
		}
		answer.Body.Close()
		if err := get(t.Context(), c, "http://silent/"); err != nil {
			t.Errorf("silent: %v", err)
		}
		if _, err := c.Get("http://panics/"); err == nil || !strings.Contains(err.Error(), "the handler panicked: oh") {
			t.Errorf("panics: %v", err)
		}
		if answer, err = c.Get("http://breaks/"); err != nil {
			t.Fatal(err)
		}
		if body, err := io.ReadAll(answer.Body); err == nil || string(body) != "half" {
			t.Errorf("breaks: %q %v", body, err)
		}
		answer.Body.Close()
		if _, err := c.Get("http://nobody/"); err == nil || !strings.Contains(err.Error(), "no such host") {
			t.Errorf("nobody: %v", err)
		}
		started := time.Now()
		if _, err := c.Get("http://slow/"); !errors.Is(err, context.DeadlineExceeded) || time.Since(started) != time.Minute {
			t.Errorf("slow: %v after %v", err, time.Since(started))
		}
		if answer, err = c.Get("http://streams/"); err != nil {
			t.Fatal(err)
		}
		close(sent)
		if body, err := io.ReadAll(answer.Body); err != nil || string(body) != "later" {
			t.Errorf("streams: %q %v", body, err)
		}
		answer.Body.Close()
		// The client cancels while it reads the answer.
		ctx, cancel := context.WithCancel(t.Context())
		sent = make(chan struct{})
		r, _ := http.NewRequestWithContext(ctx, http.MethodGet, "http://streams/", nil)
		if answer, err = c.Do(r); err != nil {
			t.Fatal(err)
		}
		cancel()
		if _, err := io.ReadAll(answer.Body); !errors.Is(err, context.Canceled) {
			t.Errorf("canceled: %v", err)
		}
		answer.Body.Close()
		close(sent)
	})
}
