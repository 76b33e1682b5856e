// Package webapi sends single requests to HTTP APIs, and explains answers that do not come from the
// API, such as a login page.
//
// The package does not trust servers: bodies are bounded, a web page is an error, messages show
// neither credentials nor control characters, and credentials are sent to no other server.
package webapi

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/tempograph/tempograph/internal/httpfault"
	"github.com/tempograph/tempograph/internal/redact"
)

const (
	maxBody      = 8 << 20 // of an answer; /metrics of a large Tempo has some hundred kilobytes
	maxMessage   = 200     // bytes of a server's text in a message
	maxRedirects = 10
)

// A Client asks one server. It is safe for concurrent use.
type Client struct {
	base    *url.URL
	header  http.Header
	http    *http.Client
	timeout time.Duration
}

// New returns a client for the API at a base URL, such as http://tempo:3200. The header is sent
// with each request. tls may be nil. Each request takes at most timeout.
func New(baseURL string, header http.Header, tls *tls.Config, timeout time.Duration) (*Client, error) {
	if !strings.Contains(baseURL, "://") {
		baseURL = "http://" + baseURL
	}
	u, err := redact.ParseURL(baseURL)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%q is not a URL: %w", redact.URL(baseURL), err)
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, fmt.Errorf("%q: the scheme must be http or https", redact.URL(baseURL))
	case u.Hostname() == "":
		return nil, fmt.Errorf("%q: the host is missing", redact.URL(baseURL))
	}
	c := &Client{base: u, header: header.Clone(), timeout: timeout}
	if c.header == nil {
		c.header = make(http.Header)
	}
	if u.User != nil {
		password, _ := u.User.Password()
		(&http.Request{Header: c.header}).SetBasicAuth(u.User.Username(), password)
		u.User = nil
	}
	c.http = &http.Client{
		CheckRedirect: c.checkRedirect,
		Transport: &http.Transport{
			Proxy:                 http.ProxyFromEnvironment,
			TLSClientConfig:       tls.Clone(),
			ForceAttemptHTTP2:     true,
			IdleConnTimeout:       10 * time.Second,
			TLSHandshakeTimeout:   timeout,
			ResponseHeaderTimeout: timeout,
		},
	}
	return c, nil
}

// Close closes the idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// String returns the base URL without credentials.
func (c *Client) String() string { return c.base.String() }

// checkRedirect refuses a redirect to another scheme, host or port: the client would send its
// credentials and the tenant there.
func (c *Client) checkRedirect(req *http.Request, via []*http.Request) error {
	if !httpfault.SameServer(req.URL, c.base) {
		return fmt.Errorf("the server redirects to %s, another server: is that the address to use?",
			redact.Line(req.URL.Scheme+"://"+req.URL.Host, maxMessage))
	}
	if req.Method != via[0].Method {
		return http.ErrUseLastResponse
	}
	if len(via) >= maxRedirects {
		return fmt.Errorf("the server redirects more than %d times", maxRedirects)
	}
	return nil
}

// An Answer is the complete answer to a request, with any status.
type Answer struct {
	Status int
	Body   []byte

	header http.Header // of the request
}

// Message returns the beginning of the body for a message.
func (a Answer) Message() string {
	return redact.Line(redact.Secrets(string(a.Body), a.header), maxMessage)
}

// Err returns nil if the status is 200, and otherwise an error with status and body.
func (a Answer) Err() error {
	if a.Status == http.StatusOK {
		return nil
	}
	text := fmt.Sprintf("%d %s", a.Status, http.StatusText(a.Status))
	if m := a.Message(); m != "" {
		text += fmt.Sprintf(" (%s)", m)
	}
	return errors.New(text)
}

// Get requests a path below the base URL. An error means that no API answered.
func (c *Client) Get(ctx context.Context, path string, query url.Values) (Answer, error) {
	return c.do(ctx, http.MethodGet, path, query)
}

// Post sends an empty body to a path below the base URL.
func (c *Client) Post(ctx context.Context, path string) (Answer, error) {
	return c.do(ctx, http.MethodPost, path, nil)
}

// GetJSON requests a path and decodes the answer into v. Any answer other than JSON with status 200
// is an error.
func (c *Client) GetJSON(ctx context.Context, path string, query url.Values, v any) error {
	a, err := c.Get(ctx, path, query)
	if err != nil {
		return err
	}
	if err := a.Err(); err != nil {
		return err
	}
	if err := json.Unmarshal(a.Body, v); err != nil {
		return fmt.Errorf("the answer is not the JSON that it should be: %s", a.Message())
	}
	return nil
}

// ErrTimeout means that a server did not answer in time.
var ErrTimeout = errors.New("no answer in time")

func (c *Client) do(ctx context.Context, method, path string, query url.Values) (Answer, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, c.timeout, ErrTimeout)
	defer cancel()
	u := c.base.JoinPath(path)
	u.RawQuery = query.Encode()
	req, err := http.NewRequestWithContext(ctx, method, u.String(), nil)
	if err != nil {
		return Answer{}, err
	}
	req.Header = c.header.Clone()
	resp, err := c.http.Do(req)
	if err != nil {
		return Answer{}, c.explain(err)
	}
	defer resp.Body.Close()
	a := Answer{Status: resp.StatusCode, header: req.Header}
	a.Body, err = io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	switch {
	case err != nil:
		return Answer{}, c.explain(err)
	case len(a.Body) > maxBody:
		return Answer{}, fmt.Errorf("the answer is larger than %d MiB", maxBody>>20)
	case 300 <= a.Status && a.Status < 400:
		return Answer{}, fmt.Errorf("the server redirects to %s: use the address that the redirect leads to",
			redact.Line(redact.Secrets(redact.URL(resp.Header.Get("Location")), req.Header), maxMessage))
	}
	title, isPage := httpfault.Page(resp.Header.Get("Content-Type"), a.Body)
	if isPage && !strings.HasPrefix(path, "/status") { // where Tempo has pages
		if title != "" {
			title = fmt.Sprintf(" (%q)", Answer{Body: []byte(title), header: req.Header}.Message())
		}
		return Answer{}, fmt.Errorf("a web page%s in place of an answer: is a login page or a proxy in between?", title)
	}
	return a, nil
}

// explain turns the error of a transport into an error that says what happened and what to do.
func (c *Client) explain(err error) error {
	switch {
	case errors.Is(err, context.Canceled):
		return err
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, ErrTimeout), isTimeout(err):
		return fmt.Errorf("%w: is the port right, and does a firewall drop packets?", ErrTimeout)
	}
	return errors.New(redact.Line(redact.Secrets(httpfault.Explain(err, "the server").Error(), c.header), maxMessage))
}

func isTimeout(err error) bool {
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout()
}
