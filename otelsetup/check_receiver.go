package otelsetup

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// receiver checks the hops to the receiver, and sends it the probe trace.
func (w *walk) receiver(ctx context.Context) {
	steps := []struct {
		hop   string
		check func(context.Context) (failed string) // the hop that failed, or ""
	}{
		{HopResolve, w.resolveHost},
		{HopConnect, w.connect},
		{HopTLS, w.handshake},
		{HopProtocol, w.protocol},
		{HopAuth, w.auth},
	}
	failed := ""
	if w.failed(HopSettings) {
		failed = HopSettings
	}
	for _, s := range steps {
		switch {
		case failed != "":
			if !w.failed(s.hop) {
				w.report.skip("because the hop "+failed+" failed", s.hop)
			}
		case w.settings == nil:
			w.report.skip("no receiver is named", s.hop)
		case ctx.Err() != nil:
			w.report.skip("the time was up", s.hop)
		default:
			failed = s.check(ctx)
		}
	}
}

// address returns the host and the port of the receiver. If the environment names a proxy for the
// receiver, they are those of the proxy.
func (w *walk) address() (host, port string, proxied bool) {
	t := w.settings.target
	scheme := "http"
	if t.secure {
		scheme = "https"
	}
	u := &url.URL{Scheme: scheme, Host: t.host}
	if proxy, err := http.ProxyFromEnvironment(&http.Request{URL: u}); err == nil && proxy != nil {
		u, proxied = proxy, true
	}
	port = u.Port()
	if port == "" {
		port = map[string]string{"https": "443", "socks5": "1080"}[u.Scheme]
	}
	if port == "" {
		port = "80"
	}
	return u.Hostname(), port, proxied
}

func (w *walk) resolveHost(ctx context.Context) string {
	host, _, proxied := w.address()
	if net.ParseIP(host) != nil {
		w.report.pass(HopResolve, host+" is an address")
		return ""
	}
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	addresses, err := net.DefaultResolver.LookupHost(ctx, host)
	if err != nil {
		w.report.fail(HopResolve, fmt.Sprintf("%s: %s", host, resolveReason(ctx, err)), hintNoHost)
		return HopResolve
	}
	detail := fmt.Sprintf("%s is %s", host, strings.Join(addresses, ", "))
	if proxied {
		detail += ", the proxy that the environment names"
	}
	w.report.pass(HopResolve, detail)
	return ""
}

func resolveReason(ctx context.Context, err error) string {
	if ctx.Err() != nil {
		return "the name server gave no answer in time"
	}
	if dns, ok := errors.AsType[*net.DNSError](err); ok && dns.IsNotFound {
		return noHost
	}
	return "the host name cannot be looked up"
}

func (w *walk) connect(ctx context.Context) string {
	conn, err := w.dial(ctx)
	if err != nil {
		e := w.explained(ctx, err)
		w.report.fail(HopConnect, e.target.String()+": "+e.reason, e.hint)
		return HopConnect
	}
	w.report.pass(HopConnect, conn.RemoteAddr().String()+" accepts connections")
	conn.Close()
	return ""
}

func (w *walk) dial(ctx context.Context) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	host, port, _ := w.address()
	return new(net.Dialer).DialContext(ctx, "tcp", net.JoinHostPort(host, port))
}

// explained returns the reason and the hint for an error of a connection.
func (w *walk) explained(ctx context.Context, err error) *deliveryError {
	e := explain(err, w.settings.target)
	if timeout, ok := errors.AsType[net.Error](err); ctx.Err() != nil || ok && timeout.Timeout() {
		e.reason, e.hint = silent, hintSilent
	}
	return e
}

func (w *walk) handshake(ctx context.Context) string {
	t := w.settings.target
	_, _, proxied := w.address()
	switch {
	case !t.secure:
		w.report.pass(HopTLS, "not used: the endpoint is plain text") // protocol reports a receiver that requires TLS
		return ""
	case proxied:
		w.report.skip("a proxy is in between", HopTLS)
		return ""
	}
	conn, err := w.dial(ctx)
	if err == nil {
		defer conn.Close()
		config := w.settings.tls.Clone()
		if config == nil {
			config = new(tls.Config)
		}
		if config.ServerName == "" {
			config.ServerName, _, _ = w.address()
		}
		if t.grpc {
			config.NextProtos = []string{"h2"}
		}
		ctx, cancel := context.WithTimeout(ctx, requestTimeout)
		defer cancel()
		err = tls.Client(conn, config).HandshakeContext(ctx)
	}
	if err != nil {
		e := w.explained(ctx, err)
		w.report.fail(HopTLS, e.target.String()+": "+e.reason, e.hint)
		return HopTLS
	}
	w.report.pass(HopTLS, "the certificate is valid")
	return ""
}

// protocol sends an empty request.
func (w *walk) protocol(ctx context.Context) string {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	t := w.settings.target
	err := check(ctx, *w.settings)
	if err == nil {
		name := "HTTP"
		if t.grpc {
			name = "gRPC"
		}
		w.report.pass(HopProtocol, "an empty request of OTLP over "+name+" was accepted")
		return ""
	}
	hop := err.hop
	if hop == HopConnect || hop == HopResolve { // both have passed a moment ago
		hop = HopProtocol
	}
	if hop == HopAuth {
		w.report.pass(HopProtocol, "the receiver answers")
	}
	w.report.fail(hop, err.target.String()+": "+err.reason, err.hint)
	return hop
}

// auth sends the probe trace.
func (w *walk) auth(ctx context.Context) string {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	p := newProbe(time.Now())
	if err := p.send(ctx, *w.settings); err != nil {
		w.report.fail(HopAuth, err.target.String()+": "+err.reason, err.hint)
		return HopAuth
	}
	w.probe = p
	detail := "the probe trace " + p.traceID + " was accepted"
	if tenant := w.settings.headers["X-Scope-Orgid"]; tenant != "" {
		detail += fmt.Sprintf(" for tenant %q", tenant)
	}
	w.report.pass(HopAuth, detail)
	return ""
}
