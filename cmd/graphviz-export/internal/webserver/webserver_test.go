package webserver

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
)

// TestDialable: Dialable returns an address that a browser can open.
func TestDialable(t *testing.T) {
	for listen, want := range map[string]string{
		"127.0.0.1:4316": "127.0.0.1:4316", "[::1]:4316": "[::1]:4316", "192.168.1.2:80": "192.168.1.2:80",
		"0.0.0.0:4316": "localhost:4316", "[::]:4316": "localhost:4316",
	} {
		if got := Dialable(net.TCPAddrFromAddrPort(netip.MustParseAddrPort(listen))); got != want {
			t.Errorf("%s: got %s, want %s", listen, got, want)
		}
	}
}

// TestHugeHeads: the server stops reading the head of a request at the size limit, and answers with
// an error. Without the limit, a thousand connections could fill a gigabyte.
func TestHugeHeads(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := New(http.NotFoundHandler())
	go server.Serve(l)
	defer server.Close()
	for length, want := range map[int]int{32 << 10: http.StatusNotFound, 100 << 10: http.StatusRequestHeaderFieldsTooLarge} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+l.Addr().String(), nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("X-Long", strings.Repeat("x", length))
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != want {
			t.Errorf("a head of %d bytes: status %d, want %d", length, answer.StatusCode, want)
		}
	}
}
