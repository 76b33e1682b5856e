package tempoclient

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"time"
)

const (
	mediaJSON     = "application/json"
	mediaProtobuf = "application/protobuf"
	mediaHTML     = "text/html"
)

// get asks for a path below the base URL and returns the request, for errors about
// the answer, and the answer. Every error is an *Error, or that of the context
// with what was being asked.
func (c *Client) get(ctx context.Context, path string, params url.Values, accept string) (*http.Request, []byte, error) {
	var (
		req  *http.Request
		body []byte
	)
	err := c.withRetries(ctx, func() (err error) {
		req, err = c.request(ctx, path, params, accept)
		if err == nil {
			body, err = c.roundTrip(req)
		}
		return err
	})
	return req, body, err
}

// getJSON asks for a path below the base URL and decodes the answer into v.
// Fields that v does not have are ignored: newer Tempos send more of them.
func (c *Client) getJSON(ctx context.Context, path string, params url.Values, v any) error {
	req, body, err := c.get(ctx, path, params, mediaJSON)
	if err != nil {
		return err
	}
	return c.decodeJSON(req, body, v)
}

func (c *Client) decodeJSON(req *http.Request, body []byte, v any) error {
	if err := json.Unmarshal(body, v); err != nil {
		return c.unexpected(req, http.StatusOK, body, fmt.Errorf("the answer is not the JSON it should be: %w", err))
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
	if err := c.cfg.authorize(req.Header); err != nil {
		return nil, fmt.Errorf("%s: %w", c.name(), err)
	}
	return req, nil
}

// roundTrip sends a request and returns the body of an answer with status 200.
func (c *Client) roundTrip(req *http.Request) ([]byte, error) {
	outer := req.Context()
	ctx, cancel := context.WithTimeout(outer, c.cfg.Timeout)
	defer cancel()

	fail := func(status int, body []byte, err error) *Error {
		if errors.Is(err, context.DeadlineExceeded) {
			err = fmt.Errorf("no complete answer within %v: %w", c.cfg.Timeout, context.DeadlineExceeded)
		}
		return c.unexpected(req, status, body, err)
	}
	resp, err := c.http.Do(req.WithContext(ctx))
	if outer.Err() != nil {
		return nil, c.ended(outer)
	}
	if err != nil {
		return nil, fail(0, nil, explain(err))
	}
	defer resp.Body.Close()
	c.reached.Store(true)
	limit := c.cfg.MaxBytes
	if resp.StatusCode != http.StatusOK {
		limit = 64 << 10 // enough for a message, and for a page to show its title
	}
	body, err := readAll(resp, limit)
	switch {
	case outer.Err() != nil:
		return nil, c.ended(outer)
	case resp.StatusCode != http.StatusOK:
		// What came of the message is better than why there is no more of it.
		e := fail(resp.StatusCode, body, diagnose(req, resp.StatusCode, resp.Header.Get("Content-Type"), body))
		e.retryAfter = retryAfter(resp.Header, time.Now())
		return nil, e
	case err != nil:
		return nil, fail(resp.StatusCode, nil, err)
	}
	if err := checkForm(req, resp, body); err != nil {
		return nil, fail(resp.StatusCode, body, err)
	}
	return body, nil
}

// ended returns the error for a context that has ended, with the reason why.
func (c *Client) ended(ctx context.Context) error {
	return fmt.Errorf("%s: %w", c.name(), context.Cause(ctx))
}

// The beginnings of errors about a body.
var (
	errTooLarge = errors.New("the answer is larger")
	errBrokeOff = errors.New("the answer broke off")
)

// readAll reads the body of an answer of at most limit bytes. What it read before
// an error is returned with it.
func readAll(resp *http.Response, limit int64) ([]byte, error) {
	var b bytes.Buffer
	if resp.ContentLength > 0 {
		b.Grow(int(min(resp.ContentLength, limit)) + bytes.MinRead)
	}
	n, err := b.ReadFrom(io.LimitReader(resp.Body, limit+1))
	switch {
	case err != nil:
		return b.Bytes(), fmt.Errorf("%w after %d bytes: %w", errBrokeOff, n, err)
	case n > limit:
		return b.Bytes()[:limit], fmt.Errorf("%w than %d bytes", errTooLarge, limit)
	}
	return b.Bytes(), nil
}

// checkForm tells an answer in the form that was asked for from another, such as
// the login page that a proxy gives with status 200.
func checkForm(req *http.Request, resp *http.Response, body []byte) error {
	accept, contentType := req.Header.Get("Accept"), resp.Header.Get("Content-Type")
	if accept == mediaHTML {
		return nil
	}
	if err := diagnose(req, resp.StatusCode, contentType, body); err != nil {
		return err
	}
	// Only protobuf needs its label: anything might decode as that.
	if got, _, _ := mime.ParseMediaType(contentType); accept == mediaProtobuf && got != accept {
		return fmt.Errorf("an answer of type %q in place of %q", contentType, accept)
	}
	return nil
}
