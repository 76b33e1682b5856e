package tempoclient

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/tempoclient/tempotest"
)

// A modelTempo answers searches like Tempo, from a list of traces. An answer has the traces that
// overlap the range, including both ends, in random order, up to the limit. A modelTempo counts
// requests.
type modelTempo struct {
	traces      []modelTrace
	maxLimit    int           // 0 for none, as Tempo 2.9
	maxDuration time.Duration // 168 hours in Tempo
	cutoff      time.Duration // an end of a search that is later than so long ago is moved back to that time, as in Tempo 3; 0 for none
	version     string        // the version in the build info; empty: no build info
	slowAt      time.Duration // a range of this length or more takes too long; 0 for none
	secretLimit int           // answers have at most so many traces, and do not report that limit; 0 for none
	hangsUp     bool          // closes the connection when a range takes too long, after half a minute
	breaksOff   bool          // closes the connection within the answer
	largestSent int           // an answer with more traces is too large for Tempo's components; 0 for none

	requests, largest int // the number of searches, and the largest limit of a search
	infos             int // requests for the build info
	hinted            int // searches for the newest traces
}

type modelTrace struct {
	id         servicegraph.TraceID
	start, end time.Time
	arrived    time.Time // zero if the trace did not arrive late
}

// inBlock reports whether the block of the trace overlaps a range. The block of a trace
// that arrived late has only the time of the arrival.
func (tr modelTrace) inBlock(start, end time.Time) bool {
	return tr.arrived.IsZero() || !tr.arrived.Before(start) && !tr.arrived.After(end)
}

func (m *modelTempo) RoundTrip(req *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	if req.URL.Path == pathBuildInfo {
		m.infos++
		if m.version == "" {
			http.NotFound(w, req)
		} else {
			fmt.Fprintf(w, `{"version":%q}`, m.version)
		}
		return w.Result(), nil
	}
	m.requests++
	number := func(key string) int64 {
		n, err := strconv.ParseInt(req.FormValue(key), 10, 64)
		if err != nil {
			http.Error(w, fmt.Sprintf("%s: %v", key, err), http.StatusBadRequest)
		}
		return n
	}
	start, end, limit := number("start"), number("end"), int(number("limit"))
	m.largest = max(m.largest, limit)
	if m.cutoff > 0 {
		end = min(end, time.Now().Add(-m.cutoff).Unix())
	}
	switch {
	case w.Code != http.StatusOK:
	case start >= end:
		http.Error(w, fmt.Sprintf("http parameter start must be before end. received start=%d end=%d", start, end), http.StatusBadRequest)
	case time.Duration(end-start)*time.Second > m.maxDuration:
		http.Error(w, fmt.Sprintf("range specified by start and end exceeds %s. received start=%d end=%d", m.maxDuration, start, end), http.StatusBadRequest)
	case m.slowAt > 0 && time.Duration(end-start)*time.Second >= m.slowAt && m.hangsUp:
		time.Sleep(30 * time.Second)
		if m.breaksOff {
			body := io.MultiReader(strings.NewReader(`{"traces": [`), iotest.ErrReader(io.ErrUnexpectedEOF))
			return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {mediaJSON}}, Body: io.NopCloser(body)}, nil
		}
		return nil, io.EOF
	case m.slowAt > 0 && time.Duration(end-start)*time.Second >= m.slowAt:
		http.Error(w, "context deadline exceeded", http.StatusGatewayTimeout)
	case m.maxLimit > 0 && limit > m.maxLimit:
		http.Error(w, fmt.Sprintf("limit %d exceeds max limit %d", limit, m.maxLimit), http.StatusBadRequest)
	default:
		type answer struct {
			TraceID           string `json:"traceID"`
			StartTimeUnixNano string `json:"startTimeUnixNano"`
			DurationMs        int64  `json:"durationMs"`
		}
		found := []answer{}
		traces := slices.Clone(m.traces)
		rand.Shuffle(len(traces), func(i, j int) { traces[i], traces[j] = traces[j], traces[i] })
		q := req.FormValue("q")
		hinted := strings.HasSuffix(q, " with (most_recent=true)")
		if strings.Count(q, "with (") > 1 {
			http.Error(w, "invalid TraceQL query: parse error", http.StatusBadRequest)
			break
		}
		if hinted && m.version != "2.8.0" {
			m.hinted++
			slices.SortFunc(traces, func(a, b modelTrace) int { return b.start.Compare(a.start) })
		}
		for _, tr := range traces {
			if selects(q, tr.id) && tr.start.Before(time.Unix(end+1, 0)) && !tr.end.Before(time.Unix(start, 0)) && tr.inBlock(time.Unix(start, 0), time.Unix(end, 0)) && len(found) < limit && (m.secretLimit == 0 || len(found) < m.secretLimit) {
				found = append(found, answer{strings.TrimLeft(tr.id.String(), "0"), fmt.Sprint(tr.start.UnixNano()), tr.end.Sub(tr.start).Milliseconds()})
			}
		}
		if m.largestSent > 0 && len(found) > m.largestSent {
			http.Error(w, "rpc error: code = ResourceExhausted desc = grpc: received message after decompression larger than max 16777216", http.StatusInternalServerError)
			break
		}
		json.NewEncoder(w).Encode(map[string]any{"traces": found, "metrics": map[string]any{"totalJobs": 2, "completedJobs": 2}})
	}
	return w.Result(), nil
}

// traceNumber returns an id with many leading zeros. Tempo's search answers omit leading zeros.
func traceNumber(n int) (id servicegraph.TraceID) {
	id[13], id[14], id[15] = byte((n+1)>>16), byte((n+1)>>8), byte(n+1)
	return id
}

func TestSearchEnumerates(t *testing.T) {
	end := time.Date(2025, 3, 1, 12, 0, 0, 0, time.UTC) // long ago
	spread := func(n int, over, length time.Duration) []modelTrace {
		var traces []modelTrace
		for i := range n {
			start := end.Add(-over * time.Duration(n-i) / time.Duration(n))
			traces = append(traces, modelTrace{id: traceNumber(i), start: start, end: start.Add(length)})
		}
		return traces
	}
	const week = 168 * time.Hour
	for _, test := range []struct {
		name        string
		model       modelTempo
		over        time.Duration
		maxRequests int
	}{
		{"none", modelTempo{}, time.Hour, 1},
		{"few", modelTempo{traces: spread(999, time.Hour, time.Second)}, time.Hour, 1},
		{"many", modelTempo{traces: spread(5001, time.Hour, time.Second)}, time.Hour, 1},
		{"a round number", modelTempo{traces: spread(5000, time.Hour, time.Second)}, time.Hour, 2},
		{"a round number in one second", modelTempo{traces: spread(5000, 900*time.Millisecond, 0)}, time.Hour, 2},
		{"on the bounds of seconds", modelTempo{traces: spread(3601, time.Hour, 0)}, time.Hour, 1},
		{"long ones in every slice", modelTempo{traces: append(spread(5001, time.Hour, time.Second), modelTrace{id: traceNumber(9000), start: end.Add(-2 * time.Hour), end: end})}, time.Hour, 1},
		{"ten days", modelTempo{traces: spread(101, 240*time.Hour, time.Hour)}, 240 * time.Hour, 2},
		{"a server for a day", modelTempo{traces: spread(101, 240*time.Hour, time.Hour), maxDuration: 24 * time.Hour}, 240 * time.Hour, 12},
		{"a server for 400", modelTempo{traces: spread(900, time.Hour, time.Second), maxLimit: 400}, time.Hour, 10},
		{"a server that returns 100, whatever it announces", modelTempo{traces: spread(900, 12*time.Hour, time.Second), maxLimit: 262144, secretLimit: 100}, 12 * time.Hour, 60},
		{"a server that returns 20, whatever it announces", modelTempo{traces: spread(90, 12*time.Hour, time.Second), secretLimit: 20}, 12 * time.Hour, 40},
		{"a server that returns nearly all", modelTempo{traces: spread(900, 12*time.Hour, time.Second), secretLimit: 800}, 12 * time.Hour, 8},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := &test.model
			if m.maxDuration == 0 {
				m.maxDuration = week
			}
			c := newClient(t, "http://tempo", Config{Transport: m})
			found := collect(t, c.Search(t.Context(), Query{Start: end.Add(-test.over), End: end}))

			want := slices.Clone(m.traces)
			slices.SortFunc(want, func(a, b modelTrace) int { return b.start.Compare(a.start) })
			if len(found) != len(want) {
				t.Errorf("found %d traces, want %d", len(found), len(want))
			}
			for i := range min(len(found), len(want)) {
				if found[i].ID != want[i].id {
					t.Fatalf("trace %d is %v, want %v", i, found[i].ID, want[i].id)
				}
			}
			if m.requests > test.maxRequests {
				t.Errorf("%d requests, want at most %d", m.requests, test.maxRequests)
			}
			t.Logf("%d traces in %d requests, the largest for %d", len(found), m.requests, m.largest)

			// With a limit of five, the result is the first five traces, whatever the slices are.
			some := collect(t, c.Search(t.Context(), Query{Start: end.Add(-test.over), End: end, Limit: 5}))
			if !slices.Equal(some, found[:min(5, len(found))]) {
				t.Errorf("with a limit of 5: %v, want %v", some, found[:min(5, len(found))])
			}
		})
	}
}

// TestSearchForTheNewest searches for the newest of many traces. If the version of Tempo can
// search for the newest traces, the client must request only few traces. With older versions,
// it must not search the whole range.
func TestSearchForTheNewest(t *testing.T) {
	end := time.Date(2025, 3, 1, 12, 0, 0, 0, time.UTC) // long ago
	const limit = 50
	for name, test := range map[string]struct {
		model       modelTempo
		query       string
		behind      int // number of traces that start after the range, within Query.Late
		hinted      bool
		maxRequests int
	}{
		"Tempo 2.9":               {modelTempo{version: "2.9.0"}, "", 0, true, 2},
		"Tempo 3.0":               {modelTempo{version: "3.0.3", maxLimit: 262144}, "{ name = `x` }", 0, true, 2},
		"Grafana Cloud":           {modelTempo{version: "r210"}, "", 0, true, 2},
		"many behind the range":   {modelTempo{version: "2.9.0"}, "", 1000, true, 4},
		"a low limit":             {modelTempo{version: "3.0.3", maxLimit: 50}, "", 0, false, 40},
		"Tempo 2.8":               {modelTempo{version: "2.8.0"}, "", 0, false, 3},
		"no version":              {modelTempo{}, "", 0, false, 3},
		"a query with a hint":     {modelTempo{version: "2.9.0"}, "{} with (sample=true)", 0, false, 4},
		"Tempo 2.8, large answer": {modelTempo{version: "2.8.0", largestSent: 600}, "", 0, false, 20},
	} {
		t.Run(name, func(t *testing.T) {
			m := &test.model
			m.maxDuration = 168 * time.Hour
			for i := range 5000 + test.behind {
				start := end.Add(time.Duration(i-5000) * 100 * time.Millisecond)
				m.traces = append(m.traces, modelTrace{id: traceNumber(i), start: start.Add(time.Duration(i/5000) * 2 * time.Second), end: start.Add(time.Duration(i/5000)*2*time.Second + time.Millisecond)})
			}
			c := newClient(t, "http://tempo", Config{Transport: m})
			query := Query{TraceQL: test.query, Start: end.Add(-time.Hour), End: end, Limit: limit}
			var found []TraceSummary
			for f, err := range c.Search(t.Context(), query) {
				if w, ok := errors.AsType[*Warning](err); ok && w.Kind == WarnSliced && !test.hinted {
					continue
				}
				if err != nil {
					t.Fatal(err)
				}
				found = append(found, f)
			}
			if len(found) != limit {
				t.Fatalf("found %d traces, want %d", len(found), limit)
			}
			for i, f := range found {
				if want := traceNumber(4999 - i); f.ID != want {
					t.Fatalf("trace %d is %v, want %v", i, f.ID, want)
				}
			}
			if m.requests > test.maxRequests || (m.hinted > 0) != test.hinted {
				t.Errorf("%d requests, %d of them for the newest traces; want at most %d", m.requests, m.hinted, test.maxRequests)
			}
			if largest := 5000; test.hinted && m.largest > largest {
				t.Errorf("a request for %d traces, want at most %d", m.largest, largest)
			}
		})
	}
}

// TestSearchTooMuchForTempo has a server whose components cannot exchange the answer for the
// whole range, and a server that closes the connection. The client must make no request twice.
func TestSearchTooMuchForTempo(t *testing.T) {
	for name, m := range map[string]*modelTempo{
		"too large for a message": {largestSent: 700},
		"closed connection":       {slowAt: 10 * time.Minute, hangsUp: true},
		"half an answer":          {slowAt: 10 * time.Minute, hangsUp: true, breaksOff: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m.maxDuration = 168 * time.Hour
				end := time.Now().Add(-24 * time.Hour)
				for i := range 3601 {
					start := end.Add(-time.Duration(i) * time.Second)
					m.traces = append(m.traces, modelTrace{id: traceNumber(i), start: start, end: start})
				}
				c := newClient(t, "http://tempo", Config{Transport: m})
				began := time.Now()
				found := 0
				for _, err := range c.Search(t.Context(), Query{Start: end.Add(-time.Hour), End: end}) {
					if w, ok := errors.AsType[*Warning](err); ok && w.Kind == WarnSliced {
						continue
					}
					if err != nil {
						t.Fatal(err)
					}
					found++
				}
				if found != len(m.traces) || m.requests > 60 || time.Since(began) > 2*time.Minute {
					t.Errorf("found %d of %d traces in %d requests and %v", found, len(m.traces), m.requests, time.Since(began))
				}
			})
		})
	}
}

// TestSearchBeyondTheServersLimit has more traces in one second than the server returns in one
// answer. The result is a warning.
func TestSearchBeyondTheServersLimit(t *testing.T) {
	end := time.Date(2025, 3, 1, 12, 0, 0, 0, time.UTC) // long ago
	m := &modelTempo{maxLimit: 50, maxDuration: time.Hour}
	for i := range 200 {
		m.traces = append(m.traces, modelTrace{id: traceNumber(i), start: end.Add(-30500 * time.Millisecond), end: end.Add(-30400 * time.Millisecond)})
	}
	m.traces = append(m.traces, modelTrace{id: traceNumber(900), start: end.Add(-40 * time.Second), end: end.Add(-40 * time.Second)})
	var warnings []*Warning
	found := make(map[servicegraph.TraceID]bool)
	c := newClient(t, "http://tempo", Config{Transport: m})
	for s, err := range c.Search(t.Context(), Query{Start: end.Add(-time.Minute), End: end}) {
		var w *Warning
		switch {
		case err == nil:
			found[s.ID] = true
		case errors.As(err, &w):
			warnings = append(warnings, w)
		default:
			t.Fatal(err)
		}
	}
	if len(warnings) == 0 {
		t.Fatal("no warning")
	}
	sliced := 0
	for _, w := range warnings {
		if w.Kind == WarnSliced {
			sliced++
			continue
		}
		if w.Kind != WarnLimit || !strings.HasPrefix(w.Message, "more than 50 traces in the second from 2025-03-01T11:59:") {
			t.Errorf("warning %v", w)
		}
	}
	if sliced != 1 {
		t.Errorf("%d warnings of short slices, want 1", sliced)
	}
	if len(found) < 50 || !found[traceNumber(900)] {
		t.Errorf("found %d traces, the one alone among them: %t", len(found), found[traceNumber(900)])
	}
}

// TestSearchThatTakesTooLong checks that the client searches shorter slices after each search that
// takes too long.
func TestSearchThatTakesTooLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		end := time.Now()
		m := &modelTempo{maxDuration: 168 * time.Hour, slowAt: 20 * time.Hour}
		for i := range 100 {
			at := end.Add(-time.Duration(i+1) * time.Hour)
			m.traces = append(m.traces, modelTrace{id: traceNumber(i), start: at, end: at})
		}
		c, err := New("http://tempo", Config{Transport: m})
		if err != nil {
			t.Fatal(err)
		}
		if found := collect(t, c.Search(t.Context(), Query{Start: end.Add(-150 * time.Hour), End: end})); len(found) != 100 {
			t.Errorf("found %d traces, want 100", len(found))
		}
		m.slowAt = time.Second
		if err := firstError(c.Search(t.Context(), Query{Start: end.Add(-time.Minute), End: end})); err == nil || !strings.Contains(err.Error(), "504 Gateway Timeout: context deadline exceeded") {
			t.Errorf("too slow for a second, too: %v", err)
		}
	})
}

// TestSearchOfATempoThatIsSilent has searches that get no answer. If Tempo answers other requests,
// the client must search shorter slices. If Tempo answers no request or no search at all, the
// client must give up.
func TestSearchOfATempoThatIsSilent(t *testing.T) {
	const never = time.Duration(-1)
	for name, test := range map[string]struct {
		echo   bool
		search time.Duration // Tempo answers searches of ranges shorter than this
		found  int
		within time.Duration
	}{
		"is slow":               {true, 20 * time.Minute, 100, 3 * defaultTimeout},
		"hangs":                 {false, never, 0, defaultTimeout + learnTimeout},
		"hangs but for an echo": {true, never, 0, (maxSilent + 1) * defaultTimeout},
	} {
		synctest.Test(t, func(t *testing.T) {
			end := time.Now().Add(-time.Hour)
			m := &modelTempo{maxDuration: 168 * time.Hour}
			for i := range 100 {
				at := end.Add(-time.Duration(i) * time.Minute)
				m.traces = append(m.traces, modelTrace{id: traceNumber(i), start: at, end: at})
			}
			c, err := New("http://tempo", Config{Transport: roundTripper(func(req *http.Request) (*http.Response, error) {
				from, _ := strconv.ParseInt(req.FormValue("start"), 10, 64)
				to, _ := strconv.ParseInt(req.FormValue("end"), 10, 64)
				switch {
				case req.URL.Path == "/api/echo" && test.echo:
					w := httptest.NewRecorder()
					fmt.Fprint(w, "echo")
					return w.Result(), nil
				case req.URL.Path == pathSearch && time.Duration(to-from)*time.Second < test.search:
					return m.RoundTrip(req)
				}
				<-req.Context().Done()
				return nil, req.Context().Err()
			})})
			if err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			found := 0
			for _, err = range c.Search(t.Context(), Query{Start: end.Add(-7 * 24 * time.Hour), End: end}) {
				if err == nil {
					found++
				}
			}
			if found != test.found || (found == 0) != errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("Tempo that %s: %d traces, want %d, error %v", name, found, test.found, err)
			}
			if took := time.Since(began); took > test.within {
				t.Errorf("Tempo that %s: %v, want %v at most", name, took, test.within)
			}
		})
	}
}

// TestSearchBeyondTheCutoff has a server of Tempo 3, which moves the end of a search to half a
// minute ago without reporting it, and refuses slices that begin after that time.
func TestSearchBeyondTheCutoff(t *testing.T) {
	const cutoff = 30 * time.Second
	for name, test := range map[string]struct {
		version    string
		cutoff     time.Duration
		every      time.Duration // time between two traces
		from, to   time.Duration // how long ago the range begins and ends
		want       int           // number of traces
		warn       bool
		searches   int // largest number of searches
		thenSearch int // the number of searches for a second call of the same client
	}{
		"one slice across":            {"3.0.3", cutoff, time.Second, 100 * time.Second, 0, 71, true, 2, 1},
		"many traces across":          {"3.0.3", cutoff, 10 * time.Millisecond, 100 * time.Second, 0, 7100, true, 3, 2}, // a round number
		"wholly behind":               {"3.0.3", cutoff, time.Second, 20 * time.Second, 0, 0, true, 1, 1},
		"in the future":               {"3.0.3", cutoff, time.Second, -time.Hour, -2 * time.Hour, 0, true, 1, 1},
		"into the future":             {"3.0.3", cutoff, time.Second, 100 * time.Second, -time.Hour, 71, true, 2, 1},
		"before":                      {"3.0.3", cutoff, time.Second, 100 * time.Second, 40 * time.Second, 61, false, 2, 1},
		"long before":                 {"3.0.3", cutoff, time.Second, time.Hour, 30 * time.Minute, 0, false, 1, 1},
		"another cutoff":              {"v3.1.0-rc.0", 2 * time.Minute, time.Second, 200 * time.Second, 0, 81, true, 2, 1},
		"Tempo 3 without":             {"3.0.3", 0, time.Second, 100 * time.Second, 0, 101, false, 2, 1},
		"Tempo 2":                     {"2.9.0", 0, time.Second, 100 * time.Second, 0, 101, false, 1, 1},
		"no build info, with cutoff":  {"", cutoff, time.Second, 100 * time.Second, 0, 71, true, 2, 1},
		"no build info, without":      {"", 0, time.Second, 100 * time.Second, 0, 101, false, 2, 1},
		"Grafana Cloud's build":       {"r301-2f6a7e1", cutoff, time.Second, 100 * time.Second, 0, 71, true, 2, 1},
		"the build of a branch":       {"main-8d0c5a2", 0, time.Second, 100 * time.Second, 0, 101, false, 2, 1},
		"no build info, wholly after": {"", cutoff, time.Second, 10 * time.Second, 0, 0, true, 1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				now := time.Now()
				m := &modelTempo{maxDuration: 168 * time.Hour, cutoff: test.cutoff, version: test.version}
				for i := range int(200*time.Second/test.every) + 1 {
					at := now.Add(-time.Duration(i) * test.every)
					m.traces = append(m.traces, modelTrace{id: traceNumber(i), start: at, end: at})
				}
				c, err := New("http://tempo", Config{Transport: m})
				if err != nil {
					t.Fatal(err)
				}
				for _, searches := range []int{test.searches, test.thenSearch} {
					m.requests = 0
					summaries, got := searched(t, c, Query{Start: now.Add(-test.from), End: now.Add(-test.to)})
					found := make(map[servicegraph.TraceID]bool)
					for _, s := range summaries {
						found[s.ID] = true
					}
					want := map[bool][]*Warning{true: {{Kind: WarnRecent, Message: "Tempo does not search yet what it received since " +
						now.Add(-test.cutoff).UTC().Format(time.RFC3339) + " (its query_end_cutoff)"}}}[test.warn]
					if diff := cmp.Diff(want, got); diff != "" {
						t.Errorf("warnings (-want +got):\n%s", diff)
					}
					if len(found) != test.want {
						t.Errorf("%d traces, want %d", len(found), test.want)
					}
					if m.requests > searches {
						t.Errorf("%d searches, want at most %d", m.requests, searches)
					}
				}
				if m.infos > 1 {
					t.Errorf("the build info was asked for %d times, want once at most", m.infos)
				}
			})
		})
	}
}

func TestSearchPartlyDone(t *testing.T) {
	url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"traces": [], "metrics": {"totalJobs": 7, "completedJobs": 3}}`)
	})
	var got []string
	for _, err := range newClient(t, url, Config{}).Search(t.Context(), Query{}) {
		got = append(got, err.Error())
	}
	if want := []string{"tempo " + url + ": partial: 3 of 7 parts of the search were done"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestSearchFindsLateTraces has traces that arrived after the end of the range and are in blocks of
// their time of arrival, and traces that began after the range.
func TestSearchFindsLateTraces(t *testing.T) {
	end := time.Date(2025, 3, 1, 12, 0, 0, 0, time.UTC) // long ago
	for name, test := range map[string]struct {
		late     time.Duration
		maxLimit int
		want     int
		warn     []WarningKind
	}{
		"by default":           {0, 0, 100, nil},
		"with less margin":     {time.Minute, 0, 33, nil},
		"without margin":       {-1, 0, 0, nil},
		"in slices":            {0, 80, 100, nil},
		"in slices, too short": {0, 10, 0, []WarningKind{WarnSliced}},
	} {
		m := &modelTempo{maxDuration: 168 * time.Hour, maxLimit: test.maxLimit}
		for i := range 100 {
			at := end.Add(-time.Second)
			m.traces = append(m.traces,
				modelTrace{id: traceNumber(i), start: at, end: at, arrived: end.Add(time.Duration(i+1) * 1800 * time.Millisecond)},
				modelTrace{id: traceNumber(1000 + i), start: end.Add(2 * time.Second), end: end.Add(3 * time.Second)})
		}
		if test.maxLimit == 80 { // there are at most 40 traces an hour, so that slices of an hour are short enough
			m.traces = m.traces[:0]
			for i := range 100 {
				at := end.Add(-time.Duration(i) * 10 * time.Minute)
				m.traces = append(m.traces, modelTrace{id: traceNumber(i), start: at, end: at, arrived: at.Add(3 * time.Minute)})
			}
		}
		found := 0
		var warned []WarningKind
		c := newClient(t, "http://tempo", Config{Transport: m})
		for s, err := range c.Search(t.Context(), Query{Start: end.Add(-24 * time.Hour), End: end, Late: test.late}) {
			if w, ok := errors.AsType[*Warning](err); ok {
				warned = append(warned, w.Kind)
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			if s.Start.After(end) {
				t.Errorf("%s: found a trace that began after the range", name)
			}
			found++
		}
		if test.want > 0 && found != test.want || test.want == 0 && found == 100 || !slices.Equal(warned, test.warn) {
			t.Errorf("%s: found %d traces, want %d; warnings %v, want %v", name, found, test.want, warned, test.warn)
		}
	}
}

// TestSearchEnumeratesTempo has 5,000 traces in a real Tempo with its default ingestion slack:
// 3,000 of them begin within one second, all arrive up to three minutes late, some last ten
// minutes, some are in two parts, one before and one after a flush, and half of the traces are in a
// block when the others are not.
func TestSearchEnumeratesTempo(t *testing.T) {
	tempo := tempotest.Start(t, tempotest.Config{})
	c := newClient(t, tempo.URL, Config{})
	const total, crowd = 5000, 3000
	end := time.Now().Add(-time.Minute).Truncate(time.Second)
	random := rand.New(rand.NewPCG(1, 2))

	span := func(n int, id byte, start time.Time, length time.Duration) servicegraph.Span {
		s := servicegraph.Span{
			TraceID: traceNumber(n), SpanID: sid(id), Service: "api", Name: "op", Kind: servicegraph.KindServer,
			Start: start.UnixNano(), End: start.Add(length).UnixNano(),
		}
		if id > 1 {
			s.ParentID = sid(1)
		}
		return s
	}
	var before, after []servicegraph.Span
	crowded := end.Add(-30 * time.Second)
	for n := range total {
		start := crowded.Add(time.Duration(random.IntN(1e9)))
		if n >= crowd {
			start = end.Add(-time.Duration(random.IntN(120e9)) - time.Second)
		}
		length := time.Duration(random.IntN(1e8))
		if n%100 == 0 {
			start, length = end.Add(-601*time.Second-time.Duration(n)), 10*time.Minute
		}
		switch first := span(n, 1, start, length); {
		case n%50 == 1: // in two parts
			first.Name = "first part"
			before = append(before, first)
			after = append(after, span(n, 2, start.Add(length), time.Second))
		case n%2 == 0:
			before = append(before, first)
		default:
			after = append(after, first)
		}
	}
	// A range in the past, which ended before the traces arrived.
	query := Query{Start: end.Add(-3 * time.Minute), End: end.Add(2 * time.Second)}
	for chunk := range slices.Chunk(before, 1000) {
		pushSpans(t, tempo, "", chunk)
	}
	awaitFound(t, c, query, len(before))
	flush(t, tempo)
	for chunk := range slices.Chunk(after, 1000) {
		pushSpans(t, tempo, "", chunk)
	}

	found := awaitFound(t, c, query, total)
	times := make(map[servicegraph.TraceID]int)
	for _, s := range found {
		times[s.ID]++
	}
	for n := range total {
		if got := times[traceNumber(n)]; got != 1 {
			t.Errorf("trace %d was found %d times", n, got)
		}
	}
	if len(found) != total {
		t.Errorf("found %d traces, want %d", len(found), total)
	}
	if !slices.IsSortedFunc(found, func(a, b TraceSummary) int { return b.Start.Compare(a.Start) }) {
		t.Error("the newest are not first")
	}

	query.TraceQL = `{name="first part"}`
	spans := make(map[servicegraph.TraceID]int)
	for _, s := range collect(t, c.Spans(t.Context(), query)) {
		spans[s.TraceID]++
	}
	for n := 1; n < total; n += 50 {
		if got := spans[traceNumber(n)]; got != 2 {
			t.Errorf("trace %d, in two parts, has %d spans, want 2", n, got)
		}
	}
	if len(spans) != total/50 {
		t.Errorf("%d traces were fetched, want %d", len(spans), total/50)
	}
}

// flush makes Tempo write its data to a block of its backend, and waits for the block. Tempo 3 has
// no request for this. It writes a block after its max_block_duration, and may have written the
// latest block already. flush therefore sends Tempo 3 one more trace, of three hours ago, and waits
// until a block has that trace.
func flush(t *testing.T, tempo *tempotest.Tempo) {
	t.Helper()
	metric := func() string {
		body := get(t, tempo.URL+"/metrics", http.StatusOK)
		for line := range strings.Lines(body) {
			if strings.HasPrefix(line, "tempo_ingester_blocks_flushed_total ") || strings.HasPrefix(line, "tempo_live_store_local_blocks_flushed_total ") {
				return line
			}
		}
		return ""
	}
	before := metric()
	if info, err := newClient(t, tempo.URL, Config{}).BuildInfo(t.Context()); err != nil || info.Major() < 3 {
		get(t, tempo.URL+"/flush", http.StatusNoContent)
	} else {
		at := time.Now().Add(-3 * time.Hour).UnixNano()
		pushSpans(t, tempo, "", []servicegraph.Span{{TraceID: id(254), SpanID: sid(1), Service: "flush", Start: at, End: at}})
	}
	await(t, func() error {
		if metric() == before {
			return errors.New("no block was flushed")
		}
		return nil
	})
}

func get(t *testing.T, url string, wantStatus int) string {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var b strings.Builder
	if err := resp.Write(&b); err != nil || resp.StatusCode != wantStatus {
		t.Fatalf("GET %s: %d, %v", url, resp.StatusCode, err)
	}
	return b.String()
}
