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

// The client learns most differences between versions of Tempo from answers, because the limits in
// an answer are right even if an operator has changed them. One difference shows in no answer:
// Tempo 3 moves the end of every search back to half a minute ago (its query_end_cutoff). This file
// detects that cutoff.

// BuildInfo describes the build of a server. Every field can be empty.
type BuildInfo struct {
	Version   string // such as 2.9.0; empty if it was built from source without one
	Revision  string
	Branch    string
	BuildDate string
	GoVersion string
}

// Major returns the first number of the version, such as 2 for 2.9.0, and 0 for a
// version without a number, such as that of Grafana Cloud.
func (b BuildInfo) Major() int {
	first, _, _ := strings.Cut(strings.TrimPrefix(b.Version, "v"), ".")
	n, err := strconv.Atoi(first)
	if err != nil {
		return 0
	}
	return max(n, 0)
}

// BuildInfo returns the build information of the server. Gateways in front of Tempo often
// block this path; everything else in this package works without it.
func (c *Client) BuildInfo(ctx context.Context) (BuildInfo, error) {
	var info BuildInfo
	err := c.getJSON(ctx, pathBuildInfo, nil, &info)
	return info, err
}

const pathBuildInfo = "/api/status/buildinfo"

// knownBuild returns the build of the server, and the number of requests that this took: the client
// keeps the first answer. Without an answer, the build is empty, and the next call tries again.
func (c *Client) knownBuild(ctx context.Context) (info BuildInfo, requests int) {
	if known := c.build.Load(); known != nil {
		return *known, 0
	}
	if err := c.askOnce(ctx, pathBuildInfo, nil, &info); err != nil {
		return BuildInfo{}, 1
	}
	c.build.Store(&info)
	return info, 1
}

const (
	// maxCutoff is the largest query_end_cutoff that Tempo accepts unless its query_backend_after
	// is raised. Tempo completely searches a range that ended longer ago.
	maxCutoff = 15 * time.Minute

	// minCutoff is the shortest cutoff that the client recognizes. Tempo 3 without a cutoff moves
	// the end of a search to the present, in whole seconds of its own clock, which can look like a
	// cutoff of a second or two.
	minCutoff = 3 * time.Second

	// usualCutoff is the cutoff of Tempo 3, unless configured otherwise.
	usualCutoff = 30 * time.Second

	// learnTimeout bounds an auxiliary request. It is short, because without the answer
	// only a warning is missing.
	learnTimeout = 5 * time.Second
)

// unsearched returns a warning if a time range includes recent moments that Tempo does
// not search yet, and nil otherwise.
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
	return &Warning{Kind: WarnRecent, Message: "Tempo does not search yet what it received since " +
		since.UTC().Format(time.RFC3339) + " (its query_end_cutoff)"}
}

// cutoff returns how far back from now Tempo moves the end of a search, and zero if Tempo does not
// move the end. Tempo 2 does not move the end. From any other or unknown version, cutoff requests
// the traces of the present second: with a cutoff, the moved end is before the start of that range,
// so that Tempo refuses the request and names the moved end. The client keeps the result, because
// Tempo reads its configuration only when it starts. After a failed attempt, cutoff returns zero,
// and the next call tries again.
func (c *Client) cutoff(ctx context.Context) time.Duration {
	if known := c.learnt.Load(); known != nil {
		return *known
	}
	if info, _ := c.knownBuild(ctx); info.Major() == 1 || info.Major() == 2 {
		return c.learn(0)
	}
	now := time.Now()
	params := plainParams("")
	params.Set("start", strconv.FormatInt(now.Unix()-1, 10))
	params.Set("end", strconv.FormatInt(now.Unix()+1, 10))
	params.Set("limit", "1")
	var answer struct{}
	err := c.askOnce(ctx, pathSearch, params, &answer)
	if err == nil {
		return c.learn(0)
	}
	if end, ok := movedEnd(err); ok {
		return c.learn(cutoffAt(now, end))
	}
	if withinCutoff(err) {
		return c.learn(usualCutoff)
	}
	return 0
}

// cutoffAt returns the cutoff if Tempo moved the end of a search from now to end. It is 0 if
// the difference is less than minCutoff.
func cutoffAt(now, end time.Time) time.Duration {
	if cutoff := now.Sub(end); cutoff >= minCutoff {
		return cutoff
	}
	return 0
}

func (c *Client) learn(cutoff time.Duration) time.Duration {
	c.learnt.Store(&cutoff)
	return cutoff
}

// askOnce is getJSON without retries and with a short timeout.
func (c *Client) askOnce(ctx context.Context, path string, params url.Values, v any) error {
	ctx, cancel := context.WithTimeout(ctx, learnTimeout)
	defer cancel()
	req, err := c.request(ctx, path, params, mediaJSON)
	if err != nil {
		return err
	}
	a, err := c.roundTrip(req)
	if err != nil {
		return err
	}
	return c.decodeJSON(a, v)
}

// movedEnd returns the end to which Tempo moved the end of a search, if Tempo refused the request
// because the moved end is not after the start. The client itself never requests a range whose end
// is not after its start.
func movedEnd(err error) (end time.Time, ok bool) {
	if m := endBeforeStart.FindStringSubmatch(refusal(err)); m != nil {
		seconds, err := strconv.ParseInt(m[1], 10, 64)
		return time.Unix(seconds, 0), err == nil
	}
	return end, false
}

// withinCutoff reports whether Tempo refuses a request because of its cutoff, with a message that
// does not name the moved end.
func withinCutoff(err error) bool {
	return strings.Contains(refusal(err), "within query_end_cutoff")
}

// refusal returns Tempo's message about a bad request, and "" for any other error.
func refusal(err error) string {
	e, ok := errors.AsType[*Error](err)
	if !ok || e.StatusCode != http.StatusBadRequest {
		return ""
	}
	return e.Body
}
