package otelsetup

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// A deliveryError is a reason why spans do not arrive, in words, with what to
// look at next.
type deliveryError struct {
	target target
	reason string
	hint   string // may be empty
	err    error  // what the exporter said
}

func (e *deliveryError) Error() string {
	text := e.target.String() + ": " + e.reason
	if e.hint != "" {
		text += ": " + e.hint
	}
	return text
}

func (e *deliveryError) Unwrap() error { return e.err }

// explain finds reason and hint for what went wrong on the way to t.
func explain(err error, t target) *deliveryError {
	e := &deliveryError{target: t, err: err}
	var answer *statusError
	if errors.As(err, &answer) {
		e.reason, e.hint = answer.Error(), explainStatus(answer, t)
		return e
	}
	s, answered := status.FromError(err)
	// gRPC makes these codes of the faults of the transport.
	if c := s.Code(); !answered || c == codes.Unavailable || c == codes.DeadlineExceeded {
		e.reason, e.hint = explainTransport(err.Error(), t)
	}
	if e.hint != "" {
		return e
	}
	if answered {
		e.reason, e.hint = explainCode(s, t)
		return e
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		e.reason, e.hint = silent, hintSilent
	case errors.Is(err, context.Canceled):
		e.reason = "the time was over before the receiver answered"
	}
	return e
}

const (
	hintAuth   = "check the credentials (header Authorization) and, for a Tempo with tenants, X-Scope-OrgID"
	hintLimit  = "the receiver limits the rate: raise its limits or keep a share of the traces (SampleRatio)"
	hintSize   = "the request is too large: lower OTEL_BSP_MAX_EXPORT_BATCH_SIZE or raise the receiver's limit"
	silent     = "no answer in time"
	hintSilent = "is it the right port, and does a firewall drop packets?"
	hintTenant = "this Tempo has tenants: name one by the header X-Scope-OrgID"
)

// explainStatus gives the hint for an answer over HTTP.
func explainStatus(e *statusError, t target) string {
	switch {
	case strings.Contains(e.message, "no org id"):
		return hintTenant
	case strings.Contains(e.message, "HTTP request to an HTTPS server"):
		return "the receiver wants TLS: use https://" + t.host
	case e.location != "":
		return "the server redirects to " + e.location + ": use the address that it leads to"
	}
	switch e.code {
	case http.StatusNotFound, http.StatusMethodNotAllowed:
		return fmt.Sprintf("no OTLP receiver at %s: Tempo and the Collector take %s at port 4318 "+
			"(3200 is Tempo's port for queries)", t.path, tracesPath)
	case http.StatusUnauthorized, http.StatusForbidden:
		return hintAuth
	case http.StatusTooManyRequests:
		return hintLimit
	case http.StatusRequestEntityTooLarge:
		return hintSize
	}
	return ""
}

// explainCode gives reason and hint for an answer over gRPC.
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
		return reason, "there is gRPC at this port, but no OTLP receiver: Tempo and the Collector have it at 4317"
	case codes.Unauthenticated, codes.PermissionDenied:
		return reason, hintAuth
	case codes.ResourceExhausted:
		return reason, hintLimit
	case codes.DeadlineExceeded:
		return silent, hintSilent
	case codes.Canceled:
		return "the time was over before the receiver answered", ""
	}
	return reason, ""
}

// A symptom is a piece of text by which the transports tell a fault. They
// have no error values for most of them, and gRPC turns all into text. The
// tests provoke each fault for real, so that a change of words is noticed.
type symptom struct {
	text   string
	grpc   bool // seen with gRPC only, or else with HTTP only, unless any
	any    bool
	reason string
	hint   string // %s is the host and port
}

const (
	noHost       = "no such host"
	hintNoHost   = "check the name, and that it is resolved where this program runs"
	notHTTP      = "the receiver does not speak HTTP/1.1"
	hintNotHTTP  = "for OTLP over gRPC use grpc://%s; HTTP is by convention at port 4318"
	brokeOff     = "the receiver broke the connection"
	hintBrokeOff = "is it the right port, and does it want TLS or a certificate from its clients?"
)

var symptoms = []symptom{
	{text: "no such host", any: true, reason: noHost, hint: hintNoHost},
	{text: "produced zero addresses", grpc: true, reason: noHost, hint: hintNoHost},
	{text: ": lookup ", any: true, reason: "the name of the host cannot be looked up", hint: hintNoHost},
	{text: "connection refused", any: true, reason: "connection refused",
		hint: "is a collector or Tempo listening there?"},
	{text: "does not look like a TLS handshake", grpc: true, reason: "the receiver does not speak TLS",
		hint: "for plain text use grpc://%s"},
	{text: "does not look like a TLS handshake", reason: "the receiver does not speak TLS",
		hint: "for plain text use http://%s, or grpc://%[1]s if it is a port of gRPC"},
	{text: "no application protocol", grpc: true, reason: "the receiver does not offer HTTP/2",
		hint: "for OTLP over HTTP use https://%s"},
	{text: "looked like an HTTP/1.1 header", grpc: true, reason: "the receiver speaks HTTP/1.1, not gRPC",
		hint: "for OTLP over HTTP use http://%s; gRPC is by convention at port 4317"},
	{text: "malformed HTTP", reason: notHTTP, hint: hintNotHTTP},
	{text: "readLoopPeekFailLocked: %!w(<nil>)", reason: notHTTP, hint: hintNotHTTP}, // it spoke before it was asked
	{text: "failed to verify certificate", any: true, reason: "", // the text says it best
		hint: "name the authority's certificate by OTEL_EXPORTER_OTLP_CERTIFICATE, and use a host name that the server's is for"},
	{text: "certificate required", any: true, reason: "the receiver wants a certificate from its clients",
		hint: "name it by OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE and OTEL_EXPORTER_OTLP_CLIENT_KEY"},
	{text: "error reading server preface", grpc: true, reason: "the receiver closed the connection",
		hint: "if it wants TLS use grpcs://%s"},
	{text: "net/http: request canceled", reason: silent, hint: hintSilent}, // by the client's own timeout
	{text: "EOF", reason: "the receiver closed the connection",
		hint: "if it wants TLS use https://%s, or grpcs://%[1]s if it is a port of gRPC"},
	{text: "connection reset by peer", any: true, reason: brokeOff, hint: hintBrokeOff},
	{text: "broken pipe", any: true, reason: brokeOff, hint: hintBrokeOff},
}

var certificateText = regexp.MustCompile(`tls: failed to verify certificate: [^"]*`)

func explainTransport(text string, t target) (reason, hint string) {
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
		return reason, hint
	}
	return strings.TrimPrefix(text, "traces export: "), ""
}
