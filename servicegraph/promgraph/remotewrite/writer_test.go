package remotewrite

import (
	"context"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/klauspost/compress/snappy"
	writev2 "github.com/prometheus/client_golang/exp/api/remote/genproto/v2"
	"google.golang.org/protobuf/proto"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/promgraph"
)

// A receiver answers requests with the given statuses in turn, the last one forever, and keeps
// the samples of the accepted ones.
type receiver struct {
	mu       sync.Mutex
	statuses []int
	header   http.Header // of the answers
	requests []*http.Request
	samples  []string // "name{label="value"} value", in the order of arrival
	times    []int64
}

// roundTrip is a transport without a network, so that tests can use a fake clock.
func (r *receiver) RoundTrip(req *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	r.ServeHTTP(w, req)
	return w.Result(), nil
}

// seen returns the requests so far.
func (r *receiver) seen() []*http.Request {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.requests)
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.requests = append(r.requests, req)
	status := http.StatusNoContent
	if len(r.statuses) > 0 {
		status = r.statuses[0]
		if len(r.statuses) > 1 {
			r.statuses = r.statuses[1:]
		}
	}
	for name, values := range r.header {
		w.Header()[name] = values
	}
	if status/100 == 2 {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			panic(err)
		}
		message, err := snappy.Decode(nil, body)
		if err != nil {
			panic(err)
		}
		var request writev2.Request
		if err := proto.Unmarshal(message, &request); err != nil {
			panic(err)
		}
		n := 0
		for _, series := range request.Timeseries {
			var name strings.Builder
			for i := 0; i < len(series.LabelsRefs); i += 2 {
				fmt.Fprintf(&name, "%s=%q ", request.Symbols[series.LabelsRefs[i]], request.Symbols[series.LabelsRefs[i+1]])
			}
			for _, s := range series.Samples {
				r.samples = append(r.samples, fmt.Sprintf("%s%v", name.String(), s.Value))
				r.times = append(r.times, s.Timestamp)
				n++
			}
		}
		w.Header().Set("X-Prometheus-Remote-Write-Samples-Written", fmt.Sprint(n))
	}
	w.WriteHeader(status)
	fmt.Fprintf(w, "answer %d", status)
}

// totals returns the samples of the calls, without labels.
func (r *receiver) totals() (values []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range r.samples {
		if strings.Contains(s, `"`+promgraph.MetricTotal+`"`) {
			values = append(values, s[strings.LastIndexByte(s, ' ')+1:])
		}
	}
	return values
}

// A counter is a series of calls from web to cart.
type counter struct {
	mu    sync.Mutex
	calls float64
}

func (c *counter) add(n float64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls += n
}

func (c *counter) series() []promgraph.Series {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.calls == 0 {
		return nil
	}
	return []promgraph.Series{{Labels: []promgraph.Label{{Name: "client", Value: "web"}, {Name: "server", Value: "cart"}}, Total: c.calls}}
}

// run runs a writer until the test ends the returned function.
func run(t *testing.T, series func() []promgraph.Series, r *receiver, cfg Config) (w *Writer, stop func()) {
	t.Helper()
	cfg.URL, cfg.Protocol, cfg.Transport = "http://receiver/api/v1/write", V2, r
	if cfg.Labels == nil {
		cfg.Labels = map[string]string{"instance": "a"}
	}
	w, err := New(series, cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.Run(ctx)
	}()
	return w, func() {
		cancel()
		<-done
	}
}

func equal(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

// TestBeginAndEnd: a series begins at 0 and ends with a stale marker. An idle edge ends earlier,
// and later continues from its last values.
func TestBeginAndEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c counter
		var r receiver
		w, stop := run(t, c.series, &r, Config{Interval: 10 * time.Second, Idle: 25 * time.Second})
		time.Sleep(time.Second)
		c.add(5)
		time.Sleep(20 * time.Second) // at 10 and 20 s
		equal(t, r.totals(), "0", "5", "5")
		if w.Stats().Edges != 1 {
			t.Errorf("%d edges", w.Stats().Edges)
		}
		time.Sleep(40 * time.Second) // idle from 40 s
		equal(t, r.totals(), "0", "5", "5", "5", "NaN")
		if w.Stats().Edges != 0 {
			t.Errorf("%d edges after the end", w.Stats().Edges)
		}
		c.add(2)
		time.Sleep(10 * time.Second)
		equal(t, r.totals(), "0", "5", "5", "5", "NaN", "5", "7")
		stop()
		equal(t, r.totals(), "0", "5", "5", "5", "NaN", "5", "7", "7", "NaN")
		if math.Float64bits(staleNaN) != 0x7ff0000000000002 {
			t.Errorf("the stale marker is %x", math.Float64bits(staleNaN))
		}
		for i := 1; i < len(r.times); i++ {
			if r.times[i] <= r.times[i-1] {
				t.Errorf("sample %d at %d after one at %d", i, r.times[i], r.times[i-1])
			}
		}
		if s := w.Stats(); s.Sent != uint64(len(r.samples)) || s.Dropped+s.Refused != 0 || s.Queued != 0 {
			t.Errorf("%+v for %d samples", s, len(r.samples))
		}
	})
}

// TestClockGoesBack: the times of samples rise even if the clock goes back.
func TestClockGoesBack(t *testing.T) {
	s := newState(Config{Idle: time.Hour})
	series := []promgraph.Series{{Labels: []promgraph.Label{{Name: "client", Value: "web"}}, Total: 1}}
	now := time.UnixMilli(1_000_000)
	last := int64(0)
	for _, at := range []time.Time{now, now.Add(-time.Hour), now.Add(-time.Hour), now.Add(time.Millisecond)} {
		for _, p := range s.next(series, at) {
			if p.millis <= last {
				t.Errorf("a sample at %d after one at %d", p.millis, last)
			}
			last = p.millis
		}
		series[0].Total++
	}
}

// TestFaults: which requests are sent again, and which are dropped.
func TestFaults(t *testing.T) {
	for name, tt := range map[string]struct {
		statuses []int
		header   http.Header
		stats    Stats
		attempts int
		last     string        // part of the last error
		wait     time.Duration // the time until everything is sent
	}{
		"unavailable":        {[]int{503, 500, 204}, nil, Stats{Sent: 2, Retries: 2}, 3, "answer 500", time.Minute},
		"too many requests":  {[]int{429, 204}, http.Header{"Retry-After": {"7"}}, Stats{Sent: 2, Retries: 1}, 2, "answer 429", time.Minute},
		"out of order":       {[]int{400}, nil, Stats{Refused: 2}, 1, "answer 400", 0},
		"not authorized":     {[]int{401}, nil, Stats{Refused: 2}, 1, "answer 401", 0},
		"redirect elsewhere": {[]int{307}, http.Header{"Location": {"http://elsewhere/"}}, Stats{}, 0, "redirects to another host, elsewhere", time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := counter{calls: 1}
				r := receiver{statuses: tt.statuses, header: tt.header}
				w, stop := run(t, c.series, &r, Config{Interval: time.Hour, MinDelay: time.Second, BearerToken: "secret"})
				defer stop()
				time.Sleep(tt.wait)
				synctest.Wait()
				got := w.Stats()
				if got.LastErr == nil || !strings.Contains(got.LastErr.Error(), tt.last) {
					t.Errorf("error %v, want %s", got.LastErr, tt.last)
				}
				if tt.attempts == 0 {
					for _, req := range r.seen() {
						if req.URL.Host != "receiver" {
							t.Errorf("a request with the token went to %s", req.URL.Host)
						}
					}
					return
				}
				got.LastErr, got.Edges = nil, 0
				if got != tt.stats || len(r.seen()) != tt.attempts {
					t.Errorf("%+v after %d requests, want %+v after %d", got, len(r.seen()), tt.stats, tt.attempts)
				}
			})
		})
	}
}

// TestFullQueue: while the receiver is down, the oldest samples are dropped, and the last values
// arrive when it is back.
func TestFullQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := counter{calls: 1}
		r := receiver{statuses: []int{503}}
		w, stop := run(t, c.series, &r, Config{Interval: time.Second, MaxBatch: 2, MaxQueue: 10})
		for range 100 {
			time.Sleep(time.Second)
			c.add(1)
		}
		synctest.Wait()
		if s := w.Stats(); s.Queued > 10 || s.Dropped < 80 || s.Sent != 0 {
			t.Errorf("while down: %+v", s)
		}
		r.mu.Lock()
		r.statuses = []int{204}
		r.mu.Unlock()
		time.Sleep(time.Minute)
		stop()
		s := w.Stats()
		if got := r.totals(); got[len(got)-2] != "101" {
			t.Errorf("the last value is %s, want 101", got[len(got)-2])
		}
		if s.Sent != uint64(len(r.samples)) || s.Queued != 0 {
			t.Errorf("%+v for %d samples", s, len(r.samples))
		}
	})
}

// TestEndWhileDown: Run ends within its grace, and counts what it could not send.
func TestEndWhileDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := counter{calls: 1}
		r := receiver{statuses: []int{503}}
		w, stop := run(t, c.series, &r, Config{Grace: 3 * time.Second})
		time.Sleep(time.Second)
		began := time.Now()
		stop()
		if took := time.Since(began); took > 3*time.Second {
			t.Errorf("Run ended after %v, want 3s", took)
		}
		if s := w.Stats(); s.Dropped != 4 || s.Sent != 0 || s.Queued != 0 { // 0, 1, 1 and the marker
			t.Errorf("%+v, want 4 dropped samples", s)
		}
	})
}

// TestHeaders: tenant and credentials are in each request.
func TestHeaders(t *testing.T) {
	for name, tt := range map[string]struct {
		cfg           Config
		authorization string
	}{
		"basic":  {Config{Tenant: "team-a", Username: "me", Password: "secret"}, "Basic bWU6c2VjcmV0"},
		"bearer": {Config{Tenant: "team-a", BearerToken: "token"}, "Bearer token"},
		"none":   {Config{Tenant: "team-a"}, ""},
	} {
		c := counter{calls: 1}
		var r receiver
		_, stop := run(t, c.series, &r, tt.cfg)
		stop()
		h := r.requests[0].Header
		if h.Get("X-Scope-OrgID") != "team-a" || h.Get("Authorization") != tt.authorization {
			t.Errorf("%s: tenant %q, authorization %q", name, h.Get("X-Scope-OrgID"), h.Get("Authorization"))
		}
	}
}

func TestConfigErrors(t *testing.T) {
	for want, cfg := range map[string]Config{
		"Config.URL is empty: set it to the URL of the receiver, such as http://prometheus:9090/api/v1/write": {},
		"the URL ftp://h does not begin with http:// or https:// and a host":                                  {URL: "ftp://h"},
		"both a user name and a bearer token: set only one of them":                                           {URL: "http://h", Username: "a", BearerToken: "b"},
		"unknown protocol 7: want V1 or V2":                                                                   {URL: "http://h", Protocol: 7},
		`"a-b" is not the name of a label: want letters, digits and _, without a digit at the beginning`:      {URL: "http://h", Labels: map[string]string{"a-b": "c"}},
	} {
		if _, err := New(nil, cfg); err == nil || err.Error() != "remotewrite: "+want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	for _, url := range []string{"http://me:secret@", "http://me:secret/@h", "http://me:secret%@h", "me:secret@h/api"} {
		if _, err := New(nil, Config{URL: url}); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("the error for the URL %s, with a password: %v", url, err)
		}
	}
}

// TestVersions: both encodings have the same series and values.
func TestVersions(t *testing.T) {
	series := promgraph.Series{
		Labels: []promgraph.Label{{Name: "client", Value: "web"}, {Name: "server", Value: "cart"}},
		Total:  3, Failed: 1,
		Client: promgraph.Histogram{
			Count: 3, Sum: 0.6, Bounds: []float64{0.1, 0.2}, Buckets: []float64{1, 2},
			Native:    servicegraph.Exponential{Scale: 3, Offset: -27, Counts: []float64{1, 0, 2}},
			Exemplars: []promgraph.Exemplar{{}, {TraceID: servicegraph.TraceID{1}, Seconds: 0.15, Time: time.UnixMilli(5)}, {}},
		},
	}
	s := newState(Config{Protocol: V2, Labels: map[string]string{"job": "j"}, Idle: time.Hour})
	points := batch(s.pointsOf(&series, 1000))
	request := points.v2()
	if n := len(request.Timeseries); n != 8 { // calls, failed, native, 3 buckets, sum, count
		t.Fatalf("%d series, want 8", n)
	}
	native := request.Timeseries[2].Histograms[0]
	var spans []string
	for _, span := range native.PositiveSpans {
		spans = append(spans, fmt.Sprintf("%d from %d", span.Length, span.Offset))
	}
	if fmt.Sprint(spans) != "[1 from -26 1 from 1]" || fmt.Sprint(native.PositiveCounts) != "[1 2]" || native.GetCountFloat() != 3 || native.Sum != 0.6 {
		t.Errorf("native histogram: %v", native)
	}
	if x := request.Timeseries[4].Exemplars; len(x) != 1 || x[0].Value != 0.15 || request.Symbols[x[0].LabelsRefs[1]] != "01000000000000000000000000000000" {
		t.Errorf("exemplars %v", x)
	}
	for round, want := range []int{1, 0} { // an exemplar is written once
		written := 0
		for _, p := range s.next([]promgraph.Series{series}, time.UnixMilli(2000)) {
			if strings.Contains(labelText(p.labels), "_bucket") {
				written += len(p.exemplars)
			}
		}
		if written != want {
			t.Errorf("round %d: %d exemplars, want %d", round, written, want)
		}
	}
	_, v1 := points.message(V1)
	to := make([]byte, v1.(v1Request).SizeVT())
	if n, err := v1.(v1Request).MarshalToSizedBufferVT(to); n == 0 || err != nil {
		t.Errorf("%d bytes of remote write 1.0: %v", n, err)
	}
}
