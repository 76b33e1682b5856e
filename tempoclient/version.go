package tempoclient

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Where Tempos of different versions differ, their answers tell, and a limit that an
// answer names is right where one that belongs to a version is not: operators change
// them. One difference shows in no answer: Tempo 3 moves the end of what it searches
// to half a minute ago (its query_end_cutoff). This file finds that out.

// BuildInfo is what a Tempo says of itself. All of it can be empty.
type BuildInfo struct {
	Version   string // such as 2.9.0; empty if it was built from source without one
	Revision  string
	Branch    string
	BuildDate string
	GoVersion string
}

// Major returns the first number of the version, such as 2 for 2.9.0, and 0 for one
// that has none: a Tempo between two releases, or Grafana Cloud's.
func (b BuildInfo) Major() int {
	first, _, _ := strings.Cut(strings.TrimPrefix(b.Version, "v"), ".")
	n, err := strconv.Atoi(first)
	if err != nil {
		return 0
	}
	return max(n, 0)
}

// BuildInfo returns what Tempo says of itself. Gateways in front of a Tempo often do
// not let this through; everything else in this package works without.
func (c *Client) BuildInfo(ctx context.Context) (BuildInfo, error) {
	var info BuildInfo
	err := c.getJSON(ctx, pathBuildInfo, nil, &info)
	return info, err
}

const pathBuildInfo = "/api/status/buildinfo"

const (
	// maxCutoff is the largest query_end_cutoff that Tempo takes unless its
	// query_backend_after is raised: a range that ended before is searched to its end.
	maxCutoff = 15 * time.Minute

	// usualCutoff is what Tempo 3 has unless configured otherwise.
	usualCutoff = 30 * time.Second

	// learnTimeout bounds a request for what is asked on the side. It is short: without
	// the answer only a warning is missing.
	learnTimeout = 5 * time.Second
)

// unsearched returns a warning if a time range reaches into the last moments, where
// Tempo does not search yet, nil otherwise.
func (c *Client) unsearched(ctx context.Context, end time.Time) *Warning {
	if end.Before(time.Now().Add(-maxCutoff)) {
		return nil
	}
	cutoff := c.cutoff(ctx)
	since := time.Now().Add(-cutoff)
	if cutoff == 0 || !since.Before(end) {
		return nil
	}
	return unsearchedSince(since)
}

func unsearchedSince(since time.Time) *Warning {
	return &Warning{Kind: WarnRecent, Message: "this Tempo does not search yet what it received since " +
		since.UTC().Format(time.RFC3339) + " (its query_end_cutoff)"}
}

// cutoff returns how far back from now Tempo moves the end of a search, zero if it does
// not. A Tempo of version 2 does not. Any other, and one that does not tell its version,
// is asked for the traces of this second: it refuses if it has a cutoff, since
// nothing is left of the range, and says what end it took. What is found out
// is kept as long as the client, since a Tempo reads its configuration when it starts;
// what could not be found out is taken for zero and asked again the next time.
func (c *Client) cutoff(ctx context.Context) time.Duration {
	if known := c.learnt.Load(); known != nil {
		return *known
	}
	var info BuildInfo
	if err := c.askOnce(ctx, pathBuildInfo, nil, &info); err == nil && (info.Major() == 1 || info.Major() == 2) {
		return c.learn(0)
	}
	now := time.Now()
	params := plainParams("")
	params.Set("start", strconv.FormatInt(now.Unix()-1, 10))
	params.Set("end", strconv.FormatInt(now.Unix()+1, 10))
	params.Set("limit", "1")
	var answer searchAnswer
	err := c.askOnce(ctx, pathSearch, params, &answer)
	if err == nil {
		return c.learn(0)
	}
	if end, ok := movedEnd(err); ok {
		return c.learn(max(now.Sub(end), 0))
	}
	if withinCutoff(err) {
		return c.learn(usualCutoff)
	}
	return 0
}

func (c *Client) learn(cutoff time.Duration) time.Duration {
	c.learnt.Store(&cutoff)
	return cutoff
}

// askOnce is getJSON without trying again, and not for long.
func (c *Client) askOnce(ctx context.Context, path string, params url.Values, v any) error {
	ctx, cancel := context.WithTimeout(ctx, learnTimeout)
	defer cancel()
	req, err := c.request(ctx, path, params, mediaJSON)
	if err != nil {
		return err
	}
	body, err := c.roundTrip(req)
	if err != nil {
		return err
	}
	return c.decodeJSON(req, body, v)
}

// movedEnd returns the end that Tempo took in place of the one it was given, if it
// refuses a request because that is not behind the start: it is never asked for a
// range of which that holds to begin with.
func movedEnd(err error) (end time.Time, ok bool) {
	if m := endBeforeStart.FindStringSubmatch(refusal(err)); m != nil {
		seconds, err := strconv.ParseInt(m[1], 10, 64)
		return time.Unix(seconds, 0), err == nil
	}
	return end, false
}

// withinCutoff reports whether Tempo refuses a request for the same reason without
// saying what end it took.
func withinCutoff(err error) bool {
	return strings.Contains(refusal(err), "within query_end_cutoff")
}

// refusal returns what Tempo says about a request that it finds wrong, empty for any
// other error.
func refusal(err error) string {
	e, ok := errors.AsType[*Error](err)
	if !ok || e.StatusCode != http.StatusBadRequest {
		return ""
	}
	return e.Body
}
