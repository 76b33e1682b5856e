package tempoclient

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"

	"github.com/tempograph/tempograph/internal/redact"
)

// Config says how to reach a Tempo and as whom. The zero value is a Tempo
// without tenants, without authentication.
type Config struct {
	// OrgID names the tenant (header X-Scope-OrgID), or several as "a|b" where
	// Tempo allows it. A Tempo with multi-tenancy refuses requests without it.
	OrgID string

	// Username and Password are for basic authentication, as in Grafana Cloud.
	// Those in the base URL count where these are empty.
	Username, Password string

	// BearerToken is for authentication by token, BearerTokenFile names a file that
	// holds it, which is read again for every request: tokens in files change. At most
	// one of these two and Username can be set.
	BearerToken     string
	BearerTokenFile string

	// CAFile holds the certificates, in PEM form, of the authorities to trust in
	// place of the system's. CertFile and KeyFile are the client's own certificate.
	CAFile, CertFile, KeyFile string

	// Header is sent with every request, after the headers above, which it
	// overrides.
	Header http.Header

	// GRPCAddr is the host:port of Tempo's gRPC server, which the Stream methods
	// ask; over TLS if the base URL is https. Empty means host and port of the base
	// URL, which answers gRPC where Tempo has stream_over_http_enabled.
	GRPCAddr string

	// Timeout bounds one request from its start to the last byte of the answer, and
	// the time between two messages of a stream; zero means a minute. Bound a whole
	// call with its context.
	Timeout time.Duration

	// MaxBytes is the largest answer that is read, in bytes after decompression;
	// zero means 256 MiB.
	MaxBytes int64

	// Transport carries the requests over HTTP; nil means a transport of the client's
	// own, which takes its proxy from the environment. It is the place for tracing of
	// the client's calls and for special TLS settings. The Stream methods have a
	// connection of their own, which it does not see.
	Transport http.RoundTripper

	// Keep reports whether to put the attributes with this key on spans and
	// resources; nil keeps all of them. It must answer the same whenever it is
	// asked, also from several goroutines. The service's name and namespace are
	// always read, and never among the resource attributes.
	Keep func(key string) bool
}

const (
	defaultTimeout  = time.Minute
	defaultMaxBytes = 256 << 20
)

// A Client asks one Tempo. It is safe for concurrent use.
type Client struct {
	cfg  Config
	base *url.URL // without user, query and trailing slash
	http *http.Client
	conn func() (*grpc.ClientConn, error) // for streams

	reached atomic.Bool                   // whether this Tempo has ever answered anything
	learnt  atomic.Pointer[time.Duration] // see cutoff; nil if it is not known
}

// New returns a client of the Tempo whose query API is at baseURL: the address
// of Tempo's HTTP port, such as http://localhost:3200, with the path that a proxy
// may have put before it: https://tempo.example.com/tempo, or
// https://grafana.example.com/api/datasources/proxy/uid/UID. It sends nothing.
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
	if cfg.Transport == nil {
		t := http.DefaultTransport.(*http.Transport).Clone()
		if t.TLSClientConfig, err = cfg.tlsConfig(); err != nil {
			return nil, err
		}
		t.MaxIdleConnsPerHost = fetchers + 1 // the default of 2 would open a connection for most traces
		cfg.Transport = t
	}
	c := &Client{cfg: cfg, base: base, http: &http.Client{Transport: cfg.Transport}}
	c.conn = sync.OnceValues(c.dial)
	return c, nil
}

// Close closes the connections that are kept open for further requests, and ends
// streams.
func (c *Client) Close() error {
	c.http.CloseIdleConnections()
	conn, err := c.conn()
	if err != nil {
		return nil // there never was one
	}
	return conn.Close()
}

// name returns what errors call this Tempo.
func (c *Client) name() string { return "tempo " + c.base.String() }

// parseBaseURL reads the address of a Tempo and says what to write instead of
// one that cannot be right.
func parseBaseURL(raw string) (*url.URL, error) {
	const example = "write it like http://localhost:3200 or https://example.com/tempo"
	if raw == "" {
		return nil, errors.New("tempo URL is empty: " + example)
	}
	u, err := url.Parse(raw)
	if err != nil {
		// What url.Parse says repeats the URL, which may hold a password.
		var e *url.Error
		if errors.As(err, &e) {
			err = e.Err
		}
		switch {
		case !strings.Contains(raw, "://"):
			err = errors.New("it has no scheme")
		case strings.Contains(raw, "@"):
			err = errors.New("it is malformed (in a password, characters like / and % are written %2F and %25)")
		}
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
