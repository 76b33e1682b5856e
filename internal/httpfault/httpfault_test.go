package httpfault

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestExplain provokes faults between real clients and listeners. The error must say what to do,
// and errors.Is must still find the cause.
func TestExplain(t *testing.T) {
	get := func(url string) error {
		client := &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{}} // without the certificates of the test server
		resp, err := client.Get(url)
		if err == nil {
			resp.Body.Close()
		}
		return err
	}
	listen := func(serve func(net.Conn)) string {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		go func() {
			for {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				_, _ = conn.Read(make([]byte, 4096))
				serve(conn)
				conn.Close()
			}
		}()
		return "http://" + l.Addr().String()
	}
	answers := func(text string) func(net.Conn) {
		return func(conn net.Conn) { fmt.Fprint(conn, text) }
	}
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	secure := httptest.NewUnstartedServer(http.NotFoundHandler())
	secure.Config.ErrorLog = nil
	secure.StartTLS()
	defer secure.Close()
	closed := httptest.NewServer(nil)
	closed.Close()
	canceled, cancel := context.WithCancel(t.Context())
	cancel()

	for name, c := range map[string]struct {
		err  error
		want string // the beginning of the text
		is   error
	}{
		"refused":     {get(closed.URL), "connection refused: is Prometheus running there?", syscall.ECONNREFUSED},
		"no TLS":      {get(strings.Replace(plain.URL, "http:", "https:", 1)), "the server does not speak TLS: write http://", http.ErrSchemeMismatch},
		"certificate": {get(secure.URL), "tls: failed to verify certificate: x509: ", nil},
		"gRPC":        {get(listen(answers("\x00\x00\x06\x04\x00\x00\x00\x00\x00"))), "this port seems to speak gRPC", nil},
		"no HTTP":     {get(listen(answers("220 mail ready\r\n\r\n"))), "the server does not speak HTTP/1.1", nil},
		"closed":      {get(listen(answers(""))), "the server closed the connection: if it requires TLS", nil},
		"DNS":         {&url.Error{Op: "Get", URL: "http://prom", Err: &net.DNSError{Err: "no such host", Name: "prom", IsNotFound: true}}, "no such host: check the name", nil},
		"timeout":     {&url.Error{Op: "Get", URL: "http://prom", Err: &net.OpError{Op: "dial", Err: syscall.ETIMEDOUT}}, "no answer in time", syscall.ETIMEDOUT},
		"reset":       {&url.Error{Op: "Get", URL: "http://prom", Err: &net.OpError{Op: "read", Err: syscall.ECONNRESET}}, "the server closed the connection unexpectedly", syscall.ECONNRESET},
		"canceled":    {&url.Error{Op: "Get", URL: "http://prom", Err: canceled.Err()}, "context canceled", context.Canceled},
		"other":       {errors.New("strange"), "strange", nil},
	} {
		got := Explain(c.err, "Prometheus")
		if !strings.HasPrefix(got.Error(), c.want) || c.is != nil && !errors.Is(got, c.is) {
			t.Errorf("%s: got %q of %T, want %q", name, got, errors.Unwrap(got), c.want)
		}
	}
}

func TestPage(t *testing.T) {
	for _, c := range []struct {
		contentType, body, title string
		isPage                   bool
	}{
		{"text/HTML; charset=utf-8", "hello", "", true},
		{"", "\n <!DOCTYPE html><head><title>\nLog\tin </title>", "Log in", true},
		{"application/json", "<HTML><title></title>", "", true},
		{"application/json", `{"text": "<html><title>x</title>"}`, "", false},
	} {
		if title, isPage := Page(c.contentType, []byte(c.body)); title != c.title || isPage != c.isPage {
			t.Errorf("%s %q: got %q, %v", c.contentType, c.body, title, isPage)
		}
	}
}

func TestSameServer(t *testing.T) {
	const base = "https://prom:9090/a"
	for other, want := range map[string]bool{
		"https://prom:9090/b?c": true, "http://prom:9090/a": false, "https://prom/a": false, "https://other:9090/a": false,
	} {
		a, err := url.Parse(base)
		if err != nil {
			t.Fatal(err)
		}
		b, err := url.Parse(other)
		if err != nil {
			t.Fatal(err)
		}
		if got := SameServer(a, b); got != want {
			t.Errorf("%s: %v", other, got)
		}
	}
}
