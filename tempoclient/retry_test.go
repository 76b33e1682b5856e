package tempoclient

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// TestRetries runs on a fake clock, which shows the time of each attempt.
func TestRetries(t *testing.T) {
	status := func(code int, header ...string) func() (*http.Response, error) {
		return func() (*http.Response, error) {
			w := httptest.NewRecorder()
			if len(header) > 0 {
				w.Header().Set("Retry-After", header[0])
			}
			http.Error(w, "no", code)
			return w.Result(), nil
		}
	}
	fails := func(err error) func() (*http.Response, error) {
		return func() (*http.Response, error) { return nil, err }
	}
	broken := func() (*http.Response, error) {
		w := httptest.NewRecorder()
		writeProtobuf(w, nil)
		resp := w.Result()
		resp.Body = brokenBody{}
		return resp, nil
	}
	type step = func() (*http.Response, error)
	seconds := func(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

	for _, test := range []struct {
		name    string
		answers []step // the answers before a good answer
		want    string // error, empty for none
		waits   []time.Duration
	}{
		{"all of them", []step{status(429), status(502), status(503), status(504)}, "", []time.Duration{seconds(0.25), seconds(0.5), seconds(1), seconds(2)}},
		{"for ever", []step{status(503), status(503), status(503), status(503), status(503)}, "503", []time.Duration{seconds(0.25), seconds(0.5), seconds(1), seconds(2)}},
		{"500 once", []step{status(500)}, "", []time.Duration{seconds(0.25)}},
		{"500 twice", []step{status(500), status(500)}, "500", []time.Duration{seconds(0.25)}},
		{"400", []step{status(400)}, "400", nil},
		{"401", []step{status(401)}, "401", nil},
		{"403", []step{status(403)}, "403", nil},
		{"404", []step{status(404)}, "404", nil},
		{"422", []step{status(422)}, "422", nil},
		{"Retry-After in seconds", []step{status(429, "7")}, "", []time.Duration{seconds(7)}},
		{"Retry-After as a time", []step{status(503, "Sat, 01 Jan 2000 00:00:09 GMT")}, "", []time.Duration{seconds(9)}},
		{"Retry-After that passed", []step{status(503, "Sat, 01 Jan 1999 00:00:09 GMT")}, "", []time.Duration{seconds(0.25)}},
		{"Retry-After too long", []step{status(429, "3600")}, "429", nil},
		{"reset after an answer", []step{status(503), fails(syscall.ECONNREFUSED)}, "", []time.Duration{seconds(0.25), seconds(0.5)}},
		{"refused from the start", []step{fails(syscall.ECONNREFUSED)}, "connection refused", nil},
		{"body breaks off", []step{broken, broken}, "", []time.Duration{seconds(0.25), seconds(0.5)}},
		{"other errors", []step{fails(errors.New("tls: bad certificate"))}, "bad certificate", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var at []time.Time
				c, err := New("http://tempo", Config{Transport: roundTripper(func(req *http.Request) (*http.Response, error) {
					if strings.HasPrefix(req.URL.Path, "/api/traces/") { // requested after a 404
						return status(404)()
					}
					at = append(at, time.Now())
					if n := len(at); n <= len(test.answers) {
						return test.answers[n-1]()
					}
					w := httptest.NewRecorder()
					writeProtobuf(w, answer(t, id(1), nil))
					return w.Result(), nil
				})})
				if err != nil {
					t.Fatal(err)
				}
				_, err = c.Trace(t.Context(), id(1))
				if got := fmt.Sprint(err); (test.want == "") != (err == nil) || !strings.Contains(got, test.want) {
					t.Errorf("error %v, want %q", err, test.want)
				}
				if len(at) != len(test.waits)+1 {
					t.Fatalf("%d attempts, want %d", len(at), len(test.waits)+1)
				}
				checkWaits(t, at, test.waits)
			})
		})
	}
}

// checkWaits compares the times between attempts with the expected waits. Half of a wait is random,
// unless the server named the wait.
func checkWaits(t *testing.T, at []time.Time, waits []time.Duration) {
	for i, want := range waits {
		least := want / 2
		if want > 4*time.Second {
			least = want
		}
		if got := at[i+1].Sub(at[i]); got < least || got > want {
			t.Errorf("wait %d took %v, want %v to %v", i+1, got, least, want)
		}
	}
}

type brokenBody struct{}

func (brokenBody) Read([]byte) (int, error) { return 0, syscall.ECONNRESET }
func (brokenBody) Close() error             { return nil }

func TestRetriesEndWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, err := New("http://tempo", Config{Transport: roundTripper(func(*http.Request) (*http.Response, error) {
			w := httptest.NewRecorder()
			w.Header().Set("Retry-After", "20")
			http.Error(w, "slow down", http.StatusTooManyRequests)
			return w.Result(), nil
		})})
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		if _, err := c.Trace(ctx, id(1)); !errors.Is(err, context.Canceled) || time.Since(began) != time.Second {
			t.Errorf("canceled in the wait: error %v after %v", err, time.Since(began))
		}

		// The client does not begin a wait that would outlast the context, and the error keeps its
		// cause.
		began = time.Now()
		ctx, cancel = context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if _, err := c.Trace(ctx, id(1)); err == nil || !strings.Contains(err.Error(), "slow down") || time.Since(began) != 0 {
			t.Errorf("no time for the wait: error %v after %v", err, time.Since(began))
		}
	})
}

// TestConnectionClosedLate has a server that closes connections without an answer. The HTTP
// transport would by itself repeat a request whose connection was used before.
func TestConnectionClosedLate(t *testing.T) {
	var searches atomic.Int32
	url := serve(t, func(w http.ResponseWriter, req *http.Request) {
		if req.URL.Path != pathSearch {
			fmt.Fprint(w, "echo")
			return
		}
		searches.Add(1)
		time.Sleep(20 * time.Millisecond) // longer than the patience of the client
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		conn.Close()
	})
	c := newClient(t, url, Config{})
	c.patience = 10 * time.Millisecond
	if err := c.Echo(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, _, err := c.searchTraces(t.Context(), plainParams(""), func(*foundTrace) error { return nil })
	if err == nil || !strings.Contains(err.Error(), "the server closed the connection without an answer after") || !tooMuch(err) || searches.Load() != 1 {
		t.Errorf("%d searches, error %v", searches.Load(), err)
	}
}
