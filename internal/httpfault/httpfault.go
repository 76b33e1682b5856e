// Package httpfault explains faults of requests to an HTTP API, and says what to do next. It
// recognizes a server that is down or speaks another protocol, a web page in place of an answer,
// and a redirect to another server.
package httpfault

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"regexp"
	"strings"
	"syscall"
)

// SameServer reports whether two URLs have the same scheme, host and port. Only then may a client
// that follows a redirect from one to the other send its credentials.
func SameServer(a, b *url.URL) bool { return a.Scheme == b.Scheme && a.Host == b.Host }

var title = regexp.MustCompile(`(?is)<title[^>]*>(.{0,200}?)</title>`)

// Page reports whether an answer is a web page, and returns its title in one line.
func Page(contentType string, body []byte) (string, bool) {
	head := strings.ToLower(string(bytes.TrimSpace(body[:min(len(body), 512)])))
	isPage := strings.HasPrefix(strings.ToLower(contentType), "text/html") ||
		strings.HasPrefix(head, "<!doctype html") || strings.HasPrefix(head, "<html")
	if m := title.FindSubmatch(body); isPage && m != nil {
		return strings.Join(strings.Fields(string(m[1])), " "), true
	}
	return "", isPage
}

// early is how package net/http begins its error if a server sends data before the request. A
// reason may follow, such as a missing certificate; gRPC servers give no reason.
const early = "readLoopPeekFailLocked: "

// cause returns the error of a transport without the method and the URL that package net/http puts before it.
func cause(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	if reason := errors.Unwrap(err); reason != nil && strings.HasPrefix(err.Error(), early) {
		return reason
	}
	return err
}

// SpeaksGRPC reports whether the error of a transport shows that the server speaks gRPC.
func SpeaksGRPC(err error) bool {
	text := cause(err).Error()
	return strings.HasPrefix(text, early) || strings.Contains(text, `malformed HTTP response "\x00\x00`) // a frame of HTTP/2
}

// Explain returns the error of a transport without method and URL, and with a next step if one is
// known. server is the name of the server in the text, such as Prometheus. The result wraps the
// cause of err. Its text may include text from the server, so that the caller must make it safe for
// a terminal.
func Explain(err error, server string) error {
	err = cause(err)
	text := err.Error()
	var dns *net.DNSError
	var timeout interface{ Timeout() bool }
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.As(err, &dns) && dns.IsNotFound:
		return explained{err, "no such host: check the name, and that it can be resolved where this program runs"}
	case errors.As(err, &timeout) && timeout.Timeout():
		return explained{err, "no answer in time: is the port right, and does a firewall drop packets?"}
	case errors.Is(err, syscall.ECONNREFUSED):
		return explained{err, fmt.Sprintf("connection refused: is %s running there?", server)}
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return explained{err, "the server closed the connection unexpectedly: is the port right, and does the server require TLS?"}
	case text == "http: server gave HTTP response to HTTPS client":
		return explained{err, "the server does not speak TLS: write http:// in its URL"}
	case SpeaksGRPC(err):
		return explained{err, "this port seems to speak gRPC: is this the HTTP port?"}
	case strings.Contains(text, "malformed HTTP"):
		return explained{err, "the server does not speak HTTP/1.1: is the port right?"}
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return explained{err, "the server closed the connection: if it requires TLS, write https:// in its URL"}
	case strings.Contains(text, "failed to verify certificate"):
		return explained{err, text + ": trust the certificate of its authority, and use a host name that the certificate is for"}
	}
	return err
}

// explained is an error with another text.
type explained struct {
	cause error
	text  string
}

func (e explained) Error() string { return e.text }
func (e explained) Unwrap() error { return e.cause }
