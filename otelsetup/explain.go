package otelsetup

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// A deliveryError is a reason why spans are not delivered, with a hint at the remedy.
type deliveryError struct {
	target target
	reason string
	hint   string // may be empty
	hop    string // the hop that failed, one of the Hop constants
	err    error  // the error of the exporter
}

func (e *deliveryError) Error() string {
	text := e.target.String() + ": " + e.reason
	if e.hint != "" {
		text += ": " + e.hint
	}
	return text
}

func (e *deliveryError) Unwrap() error { return e.err }

// explain finds the reason and the hint for an error of an export to t.
func explain(err error, t target) *deliveryError {
	e := &deliveryError{target: t, err: err, hop: HopProtocol}
	var answer *statusError
	if errors.As(err, &answer) {
		e.reason, e.hint = answer.Error(), explainStatus(answer, t)
		switch {
		case e.hint == hintTenant || e.hint == hintAuth || e.hint == hintPage:
			e.hop = HopAuth
		case strings.HasPrefix(e.hint, hintHTTPS):
			e.hop = HopTLS
		}
		return e
	}
	s, answered := status.FromError(err)
	// gRPC also returns the codes Unavailable and DeadlineExceeded for faults of the transport.
	if c := s.Code(); !answered || c == codes.Unavailable || c == codes.DeadlineExceeded {
		e.reason, e.hint, e.hop = explainTransport(err.Error(), t)
	}
	if e.hint != "" {
		return e
	}
	if answered {
		e.reason, e.hint = explainCode(s, t)
		if e.hint == hintTenant || e.hint == hintAuth {
			e.hop = HopAuth
		}
		return e
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		e.reason, e.hint = silent, hintSilent
	case errors.Is(err, context.Canceled):
		e.reason = canceled
	}
	return e
}

const (
	hintAuth   = "check the credentials (header Authorization) and, if Tempo is multi-tenant, the tenant (header X-Scope-OrgID)"
	hintLimit  = "the receiver limits the rate: raise its limits or keep only a fraction of the traces (SampleRatio)"
	hintSize   = "the request is too large: lower OTEL_BSP_MAX_EXPORT_BATCH_SIZE or raise the receiver's limit"
	silent     = "no answer in time"
	hintSilent = "is the port right, and does a firewall drop packets?"
	hintPage   = "a web page came in place of an answer: is a login page or a proxy in between?"
	hintHTTPS  = "the receiver requires TLS: use https://"
	hintTenant = "Tempo is multi-tenant here: set the tenant with the header X-Scope-OrgID"
	canceled   = "the export was canceled before the receiver answered"
)

// explainStatus returns the hint for an HTTP answer.
func explainStatus(e *statusError, t target) string {
	switch {
	case e.page:
		return hintPage
	case strings.Contains(e.message, "no org id"):
		return hintTenant
	case strings.Contains(e.message, "HTTP request to an HTTPS server"):
		return hintHTTPS + t.host
	case e.location != "":
		return "the server redirects to " + e.location + ": use the address that the redirect leads to"
	}
	switch e.code {
	case http.StatusNotFound, http.StatusMethodNotAllowed:
		return fmt.Sprintf("there is no OTLP receiver at the path %s: Tempo and the Collector have one at port 4318 "+
			"and path %s (port 3200 of Tempo is for queries)", t.path, tracesPath)
	case http.StatusUnauthorized, http.StatusForbidden:
		return hintAuth
	case http.StatusTooManyRequests:
		return hintLimit
	case http.StatusRequestEntityTooLarge:
		return hintSize
	}
	return ""
}

// explainCode returns the reason and the hint for a gRPC answer.
func explainCode(s *status.Status, t target) (reason, hint string) {
	reason = fmt.Sprintf("%s (%s)", s.Code(), s.Message())
	switch {
	case strings.Contains(s.Message(), "no org id"):
		return reason, hintTenant
	case strings.Contains(s.Message(), "larger than max"):
		return reason, hintSize
	}
	switch s.Code() {
	case codes.Unimplemented:
		return reason, "the gRPC server at this port is no OTLP receiver: Tempo and the Collector have one at port 4317"
	case codes.Unauthenticated, codes.PermissionDenied:
		return reason, hintAuth
	case codes.ResourceExhausted:
		return reason, hintLimit
	case codes.DeadlineExceeded:
		return silent, hintSilent
	case codes.Canceled:
		return canceled, ""
	}
	return reason, ""
}

// A symptom is text in an error that identifies a fault. The transports have no error
// values for most faults, and gRPC turns all errors into text. The tests provoke each
// fault on a real server, so they notice if the text changes.
type symptom struct {
	text   string
	grpc   bool   // only errors of gRPC have the text; false: only errors of HTTP
	any    bool   // errors of gRPC and of HTTP have the text
	reason string // empty: the text of the certificate error
	hint   string // %s is the host and port
	hop    string // the hop that has failed; empty: HopProtocol
}

const (
	noHost       = "no such host"
	hintNoHost   = "check the name, and that it can be resolved where this program runs"
	notHTTP      = "the receiver does not speak HTTP/1.1"
	hintNotHTTP  = "for OTLP over gRPC use grpc://%s; the usual port of OTLP over HTTP is 4318"
	brokeOff     = "the receiver closed the connection unexpectedly"
	hintBrokeOff = "is the port right, and does the receiver require TLS or a client certificate?"
)

var symptoms = []symptom{
	{text: "no such host", any: true, reason: noHost, hint: hintNoHost, hop: HopResolve},
	{text: "produced zero addresses", grpc: true, reason: noHost, hint: hintNoHost, hop: HopResolve},
	{text: ": lookup ", any: true, reason: "the host name cannot be looked up", hint: hintNoHost, hop: HopResolve},
	{text: "connection refused", any: true, reason: "connection refused",
		hint: "is a collector or Tempo listening there?", hop: HopConnect},
	{text: "does not look like a TLS handshake", grpc: true, reason: "the receiver does not speak TLS",
		hint: "for plain text use grpc://%s", hop: HopTLS},
	{text: "does not look like a TLS handshake", reason: "the receiver does not speak TLS",
		hint: "for plain text use http://%s, or grpc://%[1]s if the port is for gRPC", hop: HopTLS},
	{text: "no application protocol", grpc: true, reason: "the receiver does not offer HTTP/2",
		hint: "for OTLP over HTTP use https://%s"},
	{text: "looked like an HTTP/1.1 header", grpc: true, reason: "the receiver speaks HTTP/1.1, not gRPC",
		hint: "for OTLP over HTTP use http://%s; the usual port of OTLP over gRPC is 4317"},
	{text: "malformed HTTP", reason: notHTTP, hint: hintNotHTTP},
	{text: "readLoopPeekFailLocked: %!w(<nil>)", reason: notHTTP, hint: hintNotHTTP}, // the server sent first
	{text: "failed to verify certificate", any: true,
		hint: "set OTEL_EXPORTER_OTLP_CERTIFICATE to the certificate of the authority, and use a host name that the server's certificate is for", hop: HopTLS},
	{text: "certificate required", any: true, reason: "the receiver requires a client certificate",
		hint: "set OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE and OTEL_EXPORTER_OTLP_CLIENT_KEY", hop: HopTLS},
	{text: "error reading server preface", grpc: true, reason: "the receiver closed the connection",
		hint: "if it requires TLS use grpcs://%s", hop: HopTLS},
	{text: "net/http: request canceled", reason: silent, hint: hintSilent}, // the timeout of the client
	{text: "EOF", reason: "the receiver closed the connection",
		hint: "if it requires TLS use https://%s, or grpcs://%[1]s if the port is for gRPC", hop: HopTLS},
	{text: "connection reset by peer", any: true, reason: brokeOff, hint: hintBrokeOff},
	{text: "broken pipe", any: true, reason: brokeOff, hint: hintBrokeOff},
}

var certificateText = regexp.MustCompile(`tls: failed to verify certificate: [^"]*`)

// explainTransport returns the reason, the hint and the hop for the text of a transport's error.
func explainTransport(text string, t target) (reason, hint, hop string) {
	for _, s := range symptoms {
		if !strings.Contains(text, s.text) || !s.any && s.grpc != t.grpc {
			continue
		}
		reason, hint = s.reason, s.hint
		if reason == "" {
			reason = certificateText.FindString(text)
		}
		if strings.Contains(hint, "%s") {
			hint = fmt.Sprintf(hint, t.host)
		}
		return reason, hint, cmp.Or(s.hop, HopProtocol)
	}
	return strings.TrimPrefix(text, "traces export: "), "", HopProtocol
}
