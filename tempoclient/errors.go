package tempoclient

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/tempograph/tempograph/internal/httpfault"
	"github.com/tempograph/tempograph/internal/redact"
	"github.com/tempograph/tempograph/servicegraph"
)

// ErrNotFound says that Tempo has no trace with the requested id: the trace never
// arrived, has not arrived yet, or was deleted.
var ErrNotFound = errors.New("trace not found")

// An Error is a failed request: the answer had a status other than 200, did not come
// from Tempo, or did not come at all. The fields hold no credentials.
type Error struct {
	Method     string
	URL        string // of the request, with its query
	StatusCode int    // 0 if there was no answer
	Body       string // the beginning of the answer, unless the answer had the requested type
	Err        error  // the cause, if StatusCode does not explain the failure

	base       string        // the part of URL that names the server
	retryAfter time.Duration // the wait that the header Retry-After asks for
	slow       bool          // whether the failure took longer than patience
	final      bool          // whether the same request would fail again
}

// Error returns one line with the server, the request if it matters, and Tempo's own
// message if there is one.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "tempo %s: ", e.base)
	if e.StatusCode == 0 {
		b.WriteString(e.Err.Error())
		return b.String()
	}
	path, _, _ := strings.Cut(strings.TrimPrefix(e.URL, e.base), "?")
	fmt.Fprintf(&b, "%s %s: ", e.Method, path)
	if e.StatusCode != http.StatusOK {
		fmt.Fprintf(&b, "%d %s", e.StatusCode, http.StatusText(e.StatusCode))
		if message := firstLine(e.Body); message != "" && e.Err == nil {
			b.WriteString(": " + message)
		}
	}
	if e.Err != nil {
		if e.StatusCode != http.StatusOK {
			b.WriteString(": ")
		}
		b.WriteString(e.Err.Error())
	}
	return b.String()
}

// exceedsMessage reports whether the answer was larger than the messages that the parts of
// Tempo exchange, 16 MB unless configured otherwise.
func (e *Error) exceedsMessage() bool {
	return e.StatusCode >= http.StatusTooManyRequests && strings.Contains(e.Body, "larger than max")
}

// Unwrap returns Err.
func (e *Error) Unwrap() error { return e.Err }

// A Warning says what may be missing from a successful answer. In a sequence of spans
// or traces, a [servicegraph.SkipError] holds the warning.
type Warning struct {
	Kind    WarningKind
	TraceID servicegraph.TraceID // zero if the warning concerns no single trace
	Message string               // Tempo's own message, if Tempo sent one
	Traces  int                  // how many traces Query.Limit left out, at least; 0 for other warnings
}

// Error returns the warning as one line.
func (w *Warning) Error() string {
	if w.TraceID.IsZero() {
		return w.Kind.String() + ": " + w.Message
	}
	return fmt.Sprintf("trace %s: %s: %s", w.TraceID, w.Kind, w.Message)
}

// A WarningKind tells why an answer may be incomplete.
type WarningKind uint8

const (
	// WarnPartial: Tempo itself calls its answer partial. A trace is larger than Tempo returns, or
	// Tempo did not finish all parts of a search.
	WarnPartial WarningKind = iota + 1

	// WarnLimit: traces were left out because of a limit: Query.Limit, or one of the
	// server's.
	WarnLimit

	// WarnMissing: a trace that a search found could not be fetched, because it was
	// deleted meanwhile or is larger than Tempo or the client allows.
	WarnMissing

	// WarnTruncated: spans of a trace were left out of an answer.
	WarnTruncated

	// WarnArriving: the newest span of a trace is so recent that more spans may
	// follow.
	WarnArriving

	// WarnRecent: the time range includes the most recent moments, which this Tempo
	// does not search yet: half a minute in Tempo 3, unless configured otherwise. A
	// range that ends now always includes them.
	WarnRecent

	// WarnOrphans: spans of a trace have a parent that is not in the trace. The parent
	// is late or lost, or belongs to a service that sends no spans.
	WarnOrphans

	// WarnSliced: a search over the whole range was too much for Tempo, and the client
	// searched short slices of the range. Slices can miss traces that arrived late or
	// lasted long, because Tempo files those under the time of their arrival.
	WarnSliced

	// WarnWeights: some traces have sampling weights, and others were read from search
	// answers, which show no weights. Query.Exact avoids this.
	WarnWeights
)

var warningNames = [...]string{
	WarnPartial:   "partial",
	WarnLimit:     "limit",
	WarnMissing:   "missing",
	WarnTruncated: "truncated",
	WarnArriving:  "may still be arriving",
	WarnRecent:    "too recent",
	WarnOrphans:   "missing parents",
	WarnSliced:    "searched in slices",
	WarnWeights:   "weights not shown",
}

// String returns the kind in a few lower-case words, "warning(n)" for an unknown kind.
func (k WarningKind) String() string {
	if k > 0 && int(k) < len(warningNames) {
		return warningNames[k]
	}
	return fmt.Sprintf("warning(%d)", uint8(k))
}

// skip wraps a warning for a sequence, in which reading goes on after the warning.
func (c *Client) skip(w *Warning) error {
	return &servicegraph.SkipError{Source: c.name(), Offset: -1, Err: w, Traces: uint64(w.Traces)}
}

// maxErrorBody is how many bytes of an answer an Error keeps.
const maxErrorBody = 4 << 10

// unexpected returns the error for an answer of the wrong type or status.
func (c *Client) unexpected(req *http.Request, status int, body []byte, err error) *Error {
	return &Error{
		Method:     req.Method,
		URL:        req.URL.String(),
		StatusCode: status,
		Body:       redact.Secrets(strings.TrimSpace(string(body[:min(len(body), maxErrorBody)])), req.Header),
		Err:        err,
		base:       c.base.String(),
	}
}

// errNotTempo is the cause of an [Error] about an answer that is not from Tempo.
var errNotTempo = errors.New("is this the URL of Tempo's query API, with the right path?")

// errNoTenant is the cause of an [Error] about a request without a tenant to a multi-tenant Tempo.
var errNoTenant = errors.New("no org id: this Tempo needs the name of a tenant")

// diagnose explains an answer whose status or content does not come from Tempo's query
// API. It returns nil if the answer needs no explanation.
func diagnose(req *http.Request, status int, contentType string, body []byte) error {
	title, isPage := httpfault.Page(contentType, body)
	switch {
	case isPage:
		if title != "" {
			title = fmt.Sprintf(" (%q)", redact.Secrets(title, req.Header))
		}
		return fmt.Errorf("a web page%s in place of an answer: %w", title, errNotTempo)
	case status == http.StatusNotFound && len(bytes.TrimSpace(body)) > 0 && !bytes.Contains(bytes.ToLower(body), []byte("trace not found")):
		return fmt.Errorf("%s: %w", firstLine(redact.Secrets(string(body), req.Header)), errNotTempo)
	case status == http.StatusUnauthorized && bytes.Contains(body, []byte("no org id")):
		return errNoTenant
	}
	return nil
}

// explain adds to an error of the HTTP transport what the user can do about the error.
func explain(err error) error {
	if httpfault.SpeaksGRPC(err) {
		return errors.New("this port seems to speak gRPC: Tempo's HTTP port has the query API, 3200 unless configured otherwise")
	}
	return httpfault.Explain(err, "Tempo")
}

// firstLine returns the first line of a message, cut to 500 bytes.
func firstLine(s string) string {
	s, _, _ = strings.Cut(strings.TrimSpace(s), "\n")
	s = strings.TrimSpace(s)
	if len(s) > 500 {
		s = strings.ToValidUTF8(s[:500], "") + "…"
	}
	return s
}
