package tempoclient

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"syscall"
	"time"

	"github.com/tempograph/tempograph/servicegraph"
)

// ErrNotFound says that Tempo has no trace with the id that was asked for: it
// never got one, has not got it yet, or has deleted it.
var ErrNotFound = errors.New("trace not found")

// An Error is a request that Tempo did not answer as it should: with a status
// other than 200, with something that is no answer of Tempo's, or not at all.
// Its fields hold no credentials.
type Error struct {
	Method     string
	URL        string // what was asked for, with the query
	StatusCode int    // 0 if there was no answer
	Body       string // the beginning of the answer, unless it is what was asked for
	Err        error  // what went wrong, where the status does not say it

	base       string        // what of the URL names the Tempo
	retryAfter time.Duration // how long the answer asked to wait
}

// Error is one line that names the Tempo, the request where it matters, and
// Tempo's own message where there is one.
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

// Unwrap returns what went wrong, where the status does not say it.
func (e *Error) Unwrap() error { return e.Err }

// A Warning says what may be missing from an answer that Tempo gave as a good one.
// In a sequence of spans or traces it travels inside a [servicegraph.SkipError].
type Warning struct {
	Kind    WarningKind
	TraceID servicegraph.TraceID // zero if the warning is about no single trace
	Message string               // what happened, in Tempo's words where it has some
}

// Error is the warning as one line.
func (w *Warning) Error() string {
	if w.TraceID.IsZero() {
		return w.Kind.String() + ": " + w.Message
	}
	return fmt.Sprintf("trace %s: %s: %s", w.TraceID, w.Kind, w.Message)
}

// A WarningKind is a way in which an answer can be less than it seems.
type WarningKind uint8

const (
	// WarnPartial: Tempo itself calls its answer partial. A trace exceeds the size it
	// hands out, or parts of a search were not done.
	WarnPartial WarningKind = iota + 1

	// WarnLimit: there are more traces than the server's limits let through.
	WarnLimit

	// WarnMissing: a search found a trace that could not be fetched, because it was
	// deleted in between or is larger than Tempo or the client allows.
	WarnMissing

	// WarnTruncated: spans of a trace were left out of the answer to a search.
	WarnTruncated

	// WarnArriving: the newest span of a trace is so young that others may still be
	// on their way.
	WarnArriving

	// WarnRecent: the time range reaches into the last moments, where this Tempo does
	// not search yet: half a minute, unless configured otherwise, in Tempo 3. A range
	// that ends now always does.
	WarnRecent

	// WarnOrphans: spans of a trace name a parent that is not there. It is late, or
	// lost, or belongs to a service that sends no spans.
	WarnOrphans
)

var warningNames = [...]string{
	WarnPartial:   "partial",
	WarnLimit:     "limit",
	WarnMissing:   "missing",
	WarnTruncated: "truncated",
	WarnArriving:  "may still be arriving",
	WarnRecent:    "too recent",
	WarnOrphans:   "missing parents",
}

// String returns the kind in a few words in lower case, "warning(n)" for an unknown
// one.
func (k WarningKind) String() string {
	if k > 0 && int(k) < len(warningNames) {
		return warningNames[k]
	}
	return fmt.Sprintf("warning(%d)", uint8(k))
}

// skip wraps a warning for a sequence, where it does not end the reading.
func (c *Client) skip(w *Warning) error {
	return &servicegraph.SkipError{Source: c.name(), Offset: -1, Err: w}
}

// maxErrorBody is how much of an answer an Error keeps.
const maxErrorBody = 4 << 10

// unexpected returns the error for an answer that is not what was asked for.
func (c *Client) unexpected(req *http.Request, status int, body []byte, err error) *Error {
	return &Error{
		Method:     req.Method,
		URL:        req.URL.String(),
		StatusCode: status,
		Body:       withoutSecrets(strings.TrimSpace(string(body[:min(len(body), maxErrorBody)])), req.Header),
		Err:        err,
		base:       c.base.String(),
	}
}

// errNotTempo is the end of an error about an answer that is not from a Tempo.
var errNotTempo = errors.New("is this the URL of Tempo's query API, with the right path?")

// errNoTenant is the end of an error of a Tempo with multi-tenancy.
var errNoTenant = errors.New("no org id: this Tempo wants the name of a tenant")

// diagnose explains an answer whose status or form shows that something other
// than Tempo's query API has given it; nil where the answer speaks for itself.
func diagnose(req *http.Request, status int, contentType string, body []byte) error {
	switch {
	case isHTML(contentType, body):
		title := ""
		if m := htmlTitle.FindSubmatch(body); m != nil {
			title = fmt.Sprintf(" (%q)", withoutSecrets(strings.Join(strings.Fields(string(m[1])), " "), req.Header))
		}
		return fmt.Errorf("a web page%s in place of an answer: %w", title, errNotTempo)
	case status == http.StatusNotFound && len(bytes.TrimSpace(body)) > 0 && !bytes.Contains(bytes.ToLower(body), []byte("trace not found")):
		return fmt.Errorf("%s: %w", firstLine(withoutSecrets(string(body), req.Header)), errNotTempo)
	case status == http.StatusUnauthorized && bytes.Contains(body, []byte("no org id")):
		return errNoTenant
	}
	return nil
}

var htmlTitle = regexp.MustCompile(`(?is)<title[^>]*>(.{0,200}?)</title>`)

func isHTML(contentType string, body []byte) bool {
	if strings.HasPrefix(strings.ToLower(contentType), "text/html") {
		return true
	}
	head := strings.ToLower(string(bytes.TrimSpace(body[:min(len(body), 512)])))
	return strings.HasPrefix(head, "<!doctype html") || strings.HasPrefix(head, "<html")
}

// explain turns what a transport says into what a reader can act on.
func explain(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err // without the method and the URL, which the Error has
	}
	// What net/http says of a server that speaks before it is asked: with the reason, such
	// as that it wants a certificate, or without one, as a gRPC server has none.
	const early = "readLoopPeekFailLocked: "
	unasked := strings.HasPrefix(err.Error(), early)
	if cause := errors.Unwrap(err); unasked && cause != nil {
		err, unasked = cause, false
	}
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("%w: is Tempo running there?", syscall.ECONNREFUSED)
	case err.Error() == "http: server gave HTTP response to HTTPS client":
		return fmt.Errorf("%w: write http:// in its URL", err)
	case unasked || strings.Contains(err.Error(), `malformed HTTP response "\x00\x00`): // a frame of HTTP/2
		return errors.New("this port seems to speak gRPC: Tempo's HTTP port has the query API, 3200 unless configured otherwise")
	}
	return err
}

// firstLine returns the first line of a message, shortened to what fits one.
func firstLine(s string) string {
	s, _, _ = strings.Cut(strings.TrimSpace(s), "\n")
	s = strings.TrimSpace(s)
	if len(s) > 500 {
		s = strings.ToValidUTF8(s[:500], "") + "…"
	}
	return s
}
