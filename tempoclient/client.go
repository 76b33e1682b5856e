package tempoclient

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/tempograph/tempograph/internal/httpfault"
	"github.com/tempograph/tempograph/internal/redact"
	"github.com/tempograph/tempograph/tempoclient/internal/shared"
)

// Config says how to reach Tempo, and with which tenant and credentials. The zero value
// means no tenant and no authentication.
type Config struct {
	// OrgID is the tenant (header X-Scope-OrgID), or several tenants as "a|b" if Tempo allows
	// that. A multi-tenant Tempo refuses requests without a tenant.
	OrgID string

	// Username and Password are for basic authentication, as in Grafana Cloud. If
	// both are empty, the client uses those in the base URL.
	Username, Password string

	// BearerToken is for authentication by token. BearerTokenFile names a file with the token; the
	// client reads the file for every request, because such tokens are replaced while a program
	// runs. At most one of BearerToken, BearerTokenFile and Username may be set.
	BearerToken     string
	BearerTokenFile string

	// CAFile is a file with the PEM certificates of the authorities to trust in place of the
	// system's. CertFile and KeyFile are the client's own certificate and key.
	CAFile, CertFile, KeyFile string

	// Header is sent with every request, and overrides the headers above.
	Header http.Header

	// Timeout bounds one request, from its start to the last byte of the answer; zero
	// means one minute. The context of a call bounds the whole call.
	Timeout time.Duration

	// MaxBytes is the largest answer that the client reads, in bytes after
	// decompression, and the most memory that decoded elements of one answer may take;
	// zero means 256 MiB.
	MaxBytes int64

	// Transport carries the requests over HTTP. Nil means a new transport that uses the
	// proxy of the environment. Set Transport to trace the client's requests or for
	// special TLS settings.
	Transport http.RoundTripper

	// HTTPClient carries the requests over HTTP with its transport, cookie jar and
	// timeout. The client copies it and refuses redirects to other servers. At most
	// one of Transport and HTTPClient may be set.
	HTTPClient *http.Client

	// Keep reports whether spans and resources get the attributes with a key. A nil Keep keeps
	// all attributes. Keep must always return the same result for a key, and must be safe for
	// concurrent use. The client always reads the name and the namespace of the service, and
	// never puts them among the resource attributes. Keeping fewer attributes makes
	// [Client.Spans] cheaper.
	Keep func(key string) bool
}

const (
	defaultTimeout  = time.Minute
	defaultMaxBytes = 256 << 20
)

// A Client sends requests to one Tempo. It is safe for concurrent use.
type Client struct {
	cfg  Config
	base *url.URL // without user, query and trailing slash
	http *http.Client

	// maxAnswer and patience have the values of the constants with the same names. Only tests set
	// other values.
	maxAnswer int64
	patience  time.Duration

	reached atomic.Bool                   // whether the server has ever answered
	learnt  atomic.Pointer[time.Duration] // the result of the method cutoff; nil if unknown
	build   atomic.Pointer[BuildInfo]     // of the server; nil if unknown
}

// New returns a client for Tempo's query API at baseURL. That is the address of Tempo's HTTP
// port, such as http://localhost:3200. Behind a proxy, it has the path prefix of the proxy,
// such as https://tempo.example.com/tempo or
// https://grafana.example.com/api/datasources/proxy/uid/UID. New sends no request.
func New(baseURL string, cfg Config) (*Client, error) {
	base, err := parseBaseURL(baseURL)
	if err != nil {
		return nil, err
	}
	if base.User != nil && cfg.Username == "" && cfg.BearerToken == "" && cfg.BearerTokenFile == "" {
		cfg.Username = base.User.Username()
		cfg.Password, _ = base.User.Password()
	}
	base.User = nil
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = defaultTimeout
	}
	if cfg.MaxBytes == 0 {
		cfg.MaxBytes = defaultMaxBytes
	}
	cfg.Header = cfg.Header.Clone()
	if cfg.Keep == nil {
		cfg.Keep = func(string) bool { return true }
	}
	client, err := cfg.httpClient()
	if err != nil {
		return nil, err
	}
	c := &Client{cfg: cfg, base: base, http: client, maxAnswer: maxAnswer, patience: patience}
	next := client.CheckRedirect
	client.CheckRedirect = func(req *http.Request, via []*http.Request) error {
		if err := c.checkRedirect(req, via); err != nil || next == nil {
			return err
		}
		return next(req, via)
	}
	return c, nil
}

// httpClient returns a new HTTP client with the transport of the configuration.
func (cfg *Config) httpClient() (*http.Client, error) {
	if cfg.HTTPClient != nil {
		client := *cfg.HTTPClient
		return &client, nil
	}
	if cfg.Transport != nil {
		return &http.Client{Transport: cfg.Transport}, nil
	}
	t, ok := http.DefaultTransport.(*http.Transport)
	if ok {
		t = t.Clone()
	} else { // the program has replaced the default, for instance to trace its requests
		t = &http.Transport{
			Proxy:                 http.ProxyFromEnvironment,
			ForceAttemptHTTP2:     true,
			IdleConnTimeout:       90 * time.Second,
			TLSHandshakeTimeout:   10 * time.Second,
			ExpectContinueTimeout: time.Second,
		}
	}
	tls, err := cfg.TLSConfig()
	if err != nil {
		return nil, err
	}
	t.TLSClientConfig = tls
	t.MaxIdleConnsPerHost = fetchers + 1 // with the default of 2, most fetches would open a new connection
	return &http.Client{Transport: t}, nil
}

// maxRedirects is how many redirects within the server one request follows.
const maxRedirects = 10

// checkRedirect refuses a redirect to another scheme, host or port: the client would
// send its credentials and its tenant there.
func (c *Client) checkRedirect(req *http.Request, via []*http.Request) error {
	if !httpfault.SameServer(req.URL, c.base) {
		to := *req.URL
		to.User, to.RawQuery, to.Fragment = nil, "", ""
		return fmt.Errorf("a redirect to %s was refused, because it leads to another server (if Tempo has moved there, use that address): %w", to.String(), errNotTempo)
	}
	if len(via) >= maxRedirects {
		return fmt.Errorf("stopped after %d redirects: %w", maxRedirects, errNotTempo)
	}
	return nil
}

// Close closes the idle connections.
func (c *Client) Close() error {
	c.http.CloseIdleConnections()
	return nil
}

// name returns the name of the server in errors.
func (c *Client) name() string { return "tempo " + c.base.String() }

// Shared is for package tempogrpc, which uses the settings and the error handling of
// the client.
func (c *Client) Shared() *shared.Client {
	return &shared.Client{
		Base:      c.base,
		Timeout:   c.cfg.Timeout,
		MaxBytes:  c.cfg.MaxBytes,
		TLS:       c.cfg.TLSConfig,
		Authorize: c.cfg.Authorize,
		Redact:    redact.Secrets,
		Retry:     c.withRetries,
		Answered:  func() { c.reached.Store(true) },
		Ended:     c.ended,
		Failed: func(f shared.Failure) error {
			return &Error{Method: f.Method, URL: f.URL, StatusCode: f.StatusCode, Body: f.Body, Err: f.Err, base: f.Base}
		},
		Cause: func(cause shared.Cause) error {
			return map[shared.Cause]error{
				shared.TooLarge: errTooLarge,
				shared.BrokeOff: errBrokeOff,
				shared.NoTenant: errNoTenant,
				shared.Refused:  explain(syscall.ECONNREFUSED),
			}[cause]
		},
		Unsearched: func(ctx context.Context, end time.Time) string {
			if w := c.unsearched(ctx, end); w != nil {
				return w.Message
			}
			return ""
		},
	}
}

// parseBaseURL reads the address of a Tempo server. If the address is invalid, the error message
// contains a valid example.
func parseBaseURL(raw string) (*url.URL, error) {
	const example = "write it like http://localhost:3200 or https://example.com/tempo"
	if raw == "" {
		return nil, errors.New("tempo URL is empty: " + example)
	}
	u, err := redact.ParseURL(raw)
	if err != nil {
		return nil, fmt.Errorf("tempo URL %q: %w: %s", redact.URL(raw), err, example)
	}
	var problem string
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		problem = "it does not begin with http:// or https://"
	case u.Hostname() == "":
		problem = "it has no host"
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		problem = "it has a query or a fragment"
	}
	if problem != "" {
		return nil, fmt.Errorf("tempo URL %q: %s: %s", redact.URL(raw), problem, example)
	}
	u.Path = strings.TrimRight(u.Path, "/")
	u.RawPath = strings.TrimRight(u.RawPath, "/")
	return u, nil
}
