package webserver

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"testing"
	"time"
)

// TestConnectionsAreBounded: silent connections and unfinished heads do not keep other clients out,
// and a connection whose request is being answered stays open.
func TestConnectionsAreBounded(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	begun, end := make(chan bool), make(chan bool)
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			begun <- true
			<-end
		}
		_, _ = io.WriteString(w, "answer")
	})}
	limitConnections(server, 3)
	idled := make(chan bool, 10)
	changed := server.ConnState
	server.ConnState = func(conn net.Conn, state http.ConnState) {
		changed(conn, state)
		if state == http.StateIdle {
			idled <- true
		}
	}
	go server.Serve(l)
	defer server.Close()
	dial := func(send string) net.Conn {
		conn, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil { // for a server without the bound
			t.Fatal(err)
		}
		if _, err := io.WriteString(conn, send); err != nil {
			t.Fatal(err)
		}
		return conn
	}
	const request = " HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
	answered := func(conn net.Conn) {
		t.Helper()
		answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		if body, err := io.ReadAll(answer.Body); err != nil || string(body) != "answer" {
			t.Errorf("got %q, %v", body, err)
		}
		<-idled
	}
	closed := func(conn net.Conn) {
		t.Helper()
		var timeout net.Error
		if n, err := conn.Read(make([]byte, 1)); n > 0 || err == nil || errors.As(err, &timeout) && timeout.Timeout() {
			t.Errorf("the connection is open: %v", err)
		}
	}

	slow := dial("GET /slow" + request)
	<-begun
	head := dial("GET /")
	silent := dial("")
	answered(dial("GET /" + request)) // the fourth connection
	closed(head)
	answered(dial("GET /" + request))
	closed(silent)

	idle := dial("GET /" + request) // the two earlier connections have been idle for longer
	answered(idle)
	for range 2 {
		other := dial("GET /slow" + request)
		<-begun
		defer other.Close()
	}
	closed(idle)
	closed(dial("GET /" + request)) // requests are being answered on all other connections
	close(end)
	answered(slow)
}
