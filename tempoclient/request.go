package tempoclient

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/tempograph/tempograph/internal/quantity"
)

const (
	mediaJSON     = "application/json"
	mediaProtobuf = "application/protobuf"
	mediaHTML     = "text/html"
)

// A reply is a complete answer of Tempo.
type reply struct {
	req       *http.Request // for errors about the answer
	mediaType string
	partial   bool // Tempo answered with status 206
	body      []byte
}

// get requests a path below the base URL. Every error is an *Error, or wraps the error of
// the context.
func (c *Client) get(ctx context.Context, path string, params url.Values, accept string) (*reply, error) {
	var a *reply
	err := c.withRetries(ctx, func() error {
		req, err := c.request(ctx, path, params, accept)
		if err != nil {
			return err
		}
		a, err = c.roundTrip(req)
		return err
	})
	return a, err
}

// getJSON requests a path below the base URL and decodes the answer into v. Fields that v
// lacks are ignored, because newer versions of Tempo send more fields.
func (c *Client) getJSON(ctx context.Context, path string, params url.Values, v any) error {
	a, err := c.get(ctx, path, params, mediaJSON)
	if err != nil {
		return err
	}
	return c.decodeJSON(a, v)
}

func (c *Client) decodeJSON(a *reply, v any) error {
	err := checkDensity(a.body, c.cfg.MaxBytes)
	if err == nil {
		err = json.Unmarshal(a.body, v)
		if err != nil {
			err = notJSON(err)
		}
	}
	if err != nil {
		return c.unexpected(a.req, http.StatusOK, a.body, err)
	}
	return nil
}

func notJSON(err error) error {
	return fmt.Errorf("the answer is not the expected JSON: %w: %w", err, errNotTempo)
}

// checkDensity refuses JSON that would take much more than limit bytes of memory when decoded. Each
// object becomes a struct, and each element of a list becomes at least a pointer, even if the JSON
// of the element has only two bytes: 240 MB of {} would take 6 GB.
func checkDensity(json []byte, limit int64) error {
	const object, element = 200, 32 // bytes of memory, rounded up
	size := int64(len(json)) + object*int64(bytes.Count(json, []byte{'{'})) + element*int64(bytes.Count(json, []byte{','}))
	if size > 4*max(limit, 1<<20) {
		return fmt.Errorf("%w than %s when decoded", errTooLarge, quantity.Of(limit, "byte"))
	}
	return nil
}

func (c *Client) request(ctx context.Context, path string, params url.Values, accept string) (*http.Request, error) {
	u := c.base.JoinPath(path)
	u.RawQuery = params.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", accept)
	if err := c.cfg.Authorize(req.Header); err != nil {
		return nil, fmt.Errorf("%s: %w", c.name(), err)
	}
	return req, nil
}

// roundTrip sends a request and returns the answer, which has status 200 or 206.
func (c *Client) roundTrip(req *http.Request) (*reply, error) {
	a := &reply{req: req}
	err := c.exchange(req, func(resp *http.Response, body *bufio.Reader) error {
		a.partial = resp.StatusCode == http.StatusPartialContent
		a.mediaType, _, _ = mime.ParseMediaType(resp.Header.Get("Content-Type"))
		var err error
		a.body, err = readAll(resp, body)
		return err
	})
	if err != nil {
		return nil, err
	}
	return a, nil
}

// exchange sends a request and passes an answer of status 200 or 206 to read, with a
// body that ends with errTooLarge after Config.MaxBytes. The error of read must be about
// the answer.
func (c *Client) exchange(req *http.Request, read func(*http.Response, *bufio.Reader) error) error {
	outer := req.Context()
	ctx, cancel := context.WithTimeout(outer, c.cfg.Timeout)
	defer cancel()
	ctx, hungUp := watchConnection(ctx, c.patience)

	began := time.Now()
	fail := func(status int, body []byte, err error) *Error {
		if errors.Is(err, context.DeadlineExceeded) {
			err = fmt.Errorf("no complete answer within %v: %w", c.cfg.Timeout, context.DeadlineExceeded)
		}
		e := c.unexpected(req, status, body, err)
		e.slow = time.Since(began) > c.patience
		return e
	}
	resp, err := c.http.Do(req.WithContext(ctx))
	if outer.Err() != nil {
		return c.ended(outer)
	}
	if err != nil {
		if after := time.Since(began); after > c.patience && (hungUp() || isClosed(err)) {
			err = fmt.Errorf("%w after %v: its http_server_write_timeout, or the timeout of a proxy, may be too short", errHungUp, after.Round(time.Second))
		}
		return fail(0, nil, explain(err))
	}
	defer resp.Body.Close()
	c.reached.Store(true)
	if resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusPartialContent {
		const limit = 64 << 10 // enough for a message, and for the title of a web page
		body, _ := readAll(resp, io.LimitReader(resp.Body, limit))
		if outer.Err() != nil {
			return c.ended(outer)
		}
		// The error reports the status and the partial body rather than a read error.
		e := fail(resp.StatusCode, body, diagnose(req, resp.StatusCode, resp.Header.Get("Content-Type"), body))
		e.retryAfter = retryAfter(resp.Header, time.Now())
		return e
	}
	body := bufio.NewReaderSize(&limitedReader{r: resp.Body, left: c.cfg.MaxBytes, limit: c.cfg.MaxBytes}, 16<<10)
	head, err := body.Peek(4 << 10)
	if err := checkPage(req, resp, head); err != nil {
		return fail(resp.StatusCode, head, err)
	}
	if isBodyError(err) && outer.Err() == nil {
		return fail(resp.StatusCode, nil, err)
	}
	if err := checkType(req, resp); err != nil {
		return fail(resp.StatusCode, head, err)
	}
	err = read(resp, body)
	switch {
	case err == nil:
		return nil
	case outer.Err() != nil:
		return c.ended(outer)
	}
	return fail(resp.StatusCode, nil, err)
}

// patience separates two reasons for which a server closes a connection without an answer. Before
// this time, a restart or a broken connection is likely, and the request may be sent again. After
// this time, the request probably took longer than Tempo's http_server_write_timeout (30 seconds
// unless configured otherwise): Tempo then closes the connection but goes on with the work.
const patience = 5 * time.Second

// errHungUp says that the server did not answer.
var errHungUp = errors.New("the server closed the connection without an answer")

// watchConnection returns a context for a request, and a function that reports whether the server
// closed the connection after more than patience. The context ends at that moment, because the HTTP
// transport would otherwise repeat the request by itself.
func watchConnection(ctx context.Context, patience time.Duration) (watched context.Context, hungUp func() bool) {
	watched, cancel := context.WithCancelCause(ctx)
	var waiting atomic.Bool
	began := time.Now()
	watched = httptrace.WithClientTrace(watched, &httptrace.ClientTrace{
		GetConn: func(string) {
			if waiting.Swap(true) && time.Since(began) > patience {
				cancel(errHungUp)
			}
		},
		GotFirstResponseByte: func() { waiting.Store(false) }, // a redirect is another request
	})
	return watched, func() bool { return context.Cause(watched) == errHungUp }
}

// isClosed reports whether an error says that the server closed the connection.
func isClosed(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET)
}

// ended returns the error for a context that has ended, with the cause.
func (c *Client) ended(ctx context.Context) error {
	return fmt.Errorf("%s: %w", c.name(), context.Cause(ctx))
}

// Errors about a body begin with one of these.
var (
	errTooLarge = errors.New("the answer is larger")
	errBrokeOff = errors.New("the answer broke off")
)

// A limitedReader reads a body, and its error says why the body ended early: the size limit, a
// timeout or the connection.
type limitedReader struct {
	r           io.Reader
	left, limit int64
}

func (l *limitedReader) Read(p []byte) (int, error) {
	if l.left < 0 {
		return 0, fmt.Errorf("%w than %s", errTooLarge, quantity.Of(l.limit, "byte"))
	}
	if int64(len(p)) > l.left+1 {
		p = p[:l.left+1]
	}
	n, err := l.r.Read(p)
	l.left -= int64(n)
	if l.left < 0 {
		return max(n-1, 0), fmt.Errorf("%w than %s", errTooLarge, quantity.Of(l.limit, "byte"))
	}
	if err != nil && err != io.EOF {
		err = fmt.Errorf("%w after %s: %w", errBrokeOff, quantity.Of(l.limit-l.left, "byte"), err)
	}
	return n, err
}

// readAll reads a body. With an error, readAll also returns the bytes before the error.
func readAll(resp *http.Response, body io.Reader) ([]byte, error) {
	var b bytes.Buffer
	if resp.ContentLength > 0 {
		b.Grow(int(min(resp.ContentLength, 1<<20)) + bytes.MinRead) // the header may lie
	}
	_, err := b.ReadFrom(body)
	return b.Bytes(), err
}

// checkPage refuses an answer that does not come from Tempo, such as the login page that a
// proxy sends with status 200.
func checkPage(req *http.Request, resp *http.Response, head []byte) error {
	if req.Header.Get("Accept") == mediaHTML {
		return nil
	}
	return diagnose(req, resp.StatusCode, resp.Header.Get("Content-Type"), head)
}

// checkType refuses an answer whose label says that it is not a trace. Any bytes might
// decode as protobuf. Servers that know only JSON answer with JSON.
func checkType(req *http.Request, resp *http.Response) error {
	accept, contentType := req.Header.Get("Accept"), resp.Header.Get("Content-Type")
	if got, _, _ := mime.ParseMediaType(contentType); accept == mediaProtobuf && got != mediaProtobuf && got != mediaJSON {
		return fmt.Errorf("an answer of type %q in place of %q", contentType, accept)
	}
	return nil
}

// isBodyError reports whether an error says how a body ended early.
func isBodyError(err error) bool {
	return errors.Is(err, errTooLarge) || errors.Is(err, errBrokeOff) || errors.Is(err, context.DeadlineExceeded)
}
