package remotewrite

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/tempograph/tempograph/internal/redact"
)

// A Protocol is a version of remote write.
type Protocol int

const (
	V1 Protocol = iota // 1.0, which every receiver speaks; without native histograms and exemplars
	V2                 // 2.0: Prometheus 3, Mimir, Grafana Cloud
)

// A Config configures a [Writer]. Only URL is required.
type Config struct {
	URL      string // of the receiver: http://prometheus:9090/api/v1/write
	Protocol Protocol

	// Labels are added to every series. Without job, the job is "tempograph"; without instance, the
	// instance is the name of the host. Writers with the same labels overwrite each other's series.
	Labels map[string]string

	Tenant             string // header X-Scope-OrgID
	Username, Password string // basic authentication
	BearerToken        string

	// Interval is the time between samples; 0 means 15 seconds. Idle is the time without calls
	// after which an edge ends; 0 means 15 minutes, as in Tempo.
	Interval, Idle time.Duration

	// MinDelay and MaxDelay bound the time between attempts; 0 means 1 and 30 seconds. Timeout
	// limits one attempt; 0 means 30 seconds. Grace is how long Run goes on sending after its
	// context ends; 0 means 5 seconds.
	MinDelay, MaxDelay, Timeout, Grace time.Duration

	// MaxBatch is the largest number of samples in a request; 0 means 2,000. MaxQueue is the
	// largest number of samples that wait; 0 means 500,000, which take about 100 MB.
	MaxBatch, MaxQueue int

	// Transport sends the requests; nil means http.DefaultTransport.
	Transport http.RoundTripper
}

// withDefaults returns the configuration with the defaults, given the parsed URL.
func (c Config) withDefaults(u *url.URL) (Config, error) {
	switch {
	case c.URL == "":
		return c, errors.New("remotewrite: Config.URL is empty: set it to the URL of the receiver, such as http://prometheus:9090/api/v1/write")
	case u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return c, fmt.Errorf("remotewrite: the URL %s does not begin with http:// or https:// and a host", redact.URL(c.URL))
	case c.BearerToken != "" && c.Username != "":
		return c, errors.New("remotewrite: both a user name and a bearer token: set only one of them")
	case c.Protocol != V1 && c.Protocol != V2:
		return c, fmt.Errorf("remotewrite: unknown protocol %d: want V1 or V2", c.Protocol)
	}
	labels := map[string]string{"job": "tempograph"}
	if name, err := os.Hostname(); err == nil {
		labels["instance"] = name
	}
	for name, value := range c.Labels {
		if !isLabelName(name) {
			return c, fmt.Errorf("remotewrite: %q is not the name of a label: want letters, digits and _, without a digit at the beginning", name)
		}
		labels[name] = value
	}
	c.Labels = labels
	c.Interval = cmp.Or(c.Interval, 15*time.Second)
	c.Idle = cmp.Or(c.Idle, 15*time.Minute)
	c.MinDelay = cmp.Or(c.MinDelay, time.Second)
	c.MaxDelay = max(cmp.Or(c.MaxDelay, 30*time.Second), c.MinDelay)
	c.Timeout = cmp.Or(c.Timeout, 30*time.Second)
	c.Grace = cmp.Or(c.Grace, 5*time.Second)
	c.MaxBatch = cmp.Or(c.MaxBatch, 2000)
	c.MaxQueue = cmp.Or(c.MaxQueue, 500_000)
	if c.Transport == nil {
		c.Transport = http.DefaultTransport
	}
	return c, nil
}

func isLabelName(name string) bool {
	return name != "" && name != "__name__" && strings.IndexFunc(name, func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || r == '_' || '0' <= r && r <= '9')
	}) < 0 && (name[0] < '0' || name[0] > '9')
}

// A transport adds the headers of the configuration. It refuses to follow redirects to another
// host, because that host would receive the headers.
type transport struct {
	cfg  Config
	host string
}

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Host != t.host {
		return nil, fmt.Errorf("the receiver redirects to another host, %s: change the URL", r.URL.Host)
	}
	r = r.Clone(r.Context())
	if t.cfg.Tenant != "" {
		r.Header.Set("X-Scope-OrgID", t.cfg.Tenant)
	}
	switch {
	case t.cfg.BearerToken != "":
		r.Header.Set("Authorization", "Bearer "+t.cfg.BearerToken)
	case t.cfg.Username != "":
		r.SetBasicAuth(t.cfg.Username, t.cfg.Password)
	}
	resp, err := t.cfg.Transport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	// The client library sends a request again if there is no response, but not if the response is
	// cut off, as when the receiver is stopped. So a response that is cut off counts as missing.
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxResponse))
	resp.Body.Close()
	if err != nil {
		return nil, fmt.Errorf("reading the response: %w", err)
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return resp, nil
}

// maxResponse is how many bytes of a response are read. A response has no more than the text of an
// error.
const maxResponse = 1 << 20
