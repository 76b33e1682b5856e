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
)

const (
	mediaJSON     = "application/json"
	mediaProtobuf = "application/protobuf"
)

// get asks for a path below the base URL and returns the request, for errors about
// the answer, and the answer. Every error is an *Error, or that of the context
// with what was being asked.
func (c *Client) get(ctx context.Context, path string, params url.Values, accept string) (*http.Request, []byte, error) {
	req, err := c.request(ctx, path, params, accept)
	if err != nil {
		return nil, nil, err
	}
	body, err := c.roundTrip(req)
	return req, body, err
}

// getJSON asks for a path below the base URL and decodes the answer into v.
// Fields that v does not have are ignored: newer Tempos send more of them.
func (c *Client) getJSON(ctx context.Context, path string, params url.Values, v any) error {
	req, body, err := c.get(ctx, path, params, mediaJSON)
	if err != nil {
		return err
	}
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
	if c.cfg.OrgID != "" {
		req.Header.Set("X-Scope-OrgID", c.cfg.OrgID)
	}
	if c.cfg.Username != "" {
		req.SetBasicAuth(c.cfg.Username, c.cfg.Password)
	}
	if c.cfg.BearerToken != "" {
		req.Header.Set("Authorization", "Bearer "+c.cfg.BearerToken)
	}
	for key, values := range c.cfg.Header {
		req.Header[http.CanonicalHeaderKey(key)] = values
	}
	return req, nil
}

// roundTrip sends a request and returns the body of an answer with status 200.
func (c *Client) roundTrip(req *http.Request) ([]byte, error) {
	outer := req.Context()
	ctx, cancel := context.WithTimeout(outer, c.cfg.Timeout)
	defer cancel()

	fail := func(status int, body []byte, err error) error {
		switch {
		case outer.Err() != nil:
			return fmt.Errorf("%s: %w", c.name(), context.Cause(outer))
		case errors.Is(err, context.DeadlineExceeded):
			err = fmt.Errorf("no complete answer within %v: %w", c.cfg.Timeout, err)
		}
		return c.unexpected(req, status, body, err)
	}
	resp, err := c.http.Do(req.WithContext(ctx))
	if err != nil {
		return nil, fail(0, nil, explain(err))
	}
	defer resp.Body.Close()
	limit := c.cfg.MaxBytes
	if resp.StatusCode != http.StatusOK {
		limit = 64 << 10 // enough for a message, and for a page to show its title
	}
	body, err := readAll(resp, limit)
	switch {
	case resp.StatusCode != http.StatusOK:
		// What came of the message is better than why there is no more of it.
		return nil, fail(resp.StatusCode, body, diagnose(resp.StatusCode, resp.Header.Get("Content-Type"), body))
	case err != nil:
		return nil, fail(resp.StatusCode, nil, err)
	}
	if err := checkForm(req, resp, body); err != nil {
		return nil, fail(resp.StatusCode, body, err)
	}
	return body, nil
}

// errTooLarge is the beginning of the error about an answer beyond Config.MaxBytes.
var errTooLarge = errors.New("the answer is larger")

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
		return b.Bytes(), fmt.Errorf("the answer broke off after %d bytes: %w", n, err)
	case n > limit:
		return b.Bytes()[:limit], fmt.Errorf("%w than %d bytes", errTooLarge, limit)
	}
	return b.Bytes(), nil
}

// checkForm tells an answer in the form that was asked for from another, such as
// the login page that a proxy gives with status 200.
func checkForm(req *http.Request, resp *http.Response, body []byte) error {
	contentType := resp.Header.Get("Content-Type")
	if err := diagnose(resp.StatusCode, contentType, body); err != nil {
		return err
	}
	// Only protobuf needs its label: anything might decode as that.
	accept := req.Header.Get("Accept")
	if got, _, _ := mime.ParseMediaType(contentType); accept == mediaProtobuf && got != accept {
		return fmt.Errorf("an answer of type %q in place of %q", contentType, accept)
	}
	return nil
}
