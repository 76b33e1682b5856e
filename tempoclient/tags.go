package tempoclient

import (
	"cmp"
	"context"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tempograph/tempograph/tempoclient/internal/shared"
)

// A TagQuery selects attributes, which Tempo calls tags.
type TagQuery struct {
	// Scope restricts names to one scope: resource, span, event, link, instrumentation
	// or intrinsic. Empty means all scopes.
	Scope string

	// TraceQL restricts the answer to matching spans, if it is a simple filter such as
	// {resource.service.name="checkout"}; Tempo ignores other queries. Empty means all
	// spans.
	TraceQL string

	// Start and End bound the time as in [Query]. If both are zero, Tempo searches only
	// recent data, which costs the least; Tempo 3.0 may then find nothing.
	Start, End time.Time

	// Limit is the largest number of names in each scope, or the largest number of values. Zero
	// means only Tempo's own limit.
	Limit int
}

// Tags holds the names of attributes by scope.
type Tags struct {
	Scopes   []TagScope
	Warnings []*Warning
}

// A TagScope holds the names of one scope without the prefix: service.name, not
// resource.service.name.
type TagScope struct {
	Name string   `json:"name"`
	Tags []string `json:"tags"`
}

// TagValues holds values of one attribute.
type TagValues struct {
	Values   []TagValue
	Warnings []*Warning
}

// A TagValue is a value as text, with its type in TraceQL: string, int, float, bool, duration
// or keyword.
type TagValue struct {
	Type  string `json:"type"`
	Value string `json:"value"`
}

// Tags returns the names of attributes, sorted.
//
// Tempo cuts lists of names, and of values, at a number of bytes without reporting it
// (max_bytes_per_tag_values_query, 1 MB unless configured otherwise).
func (c *Client) Tags(ctx context.Context, q TagQuery) (*Tags, error) {
	params, end, err := q.params()
	if err != nil {
		return nil, err
	}
	if q.Scope != "" {
		params.Set("scope", q.Scope)
	}
	var a struct {
		Scopes  []TagScope  `json:"scopes"`
		Metrics jobsMetrics `json:"metrics"`
	}
	if err := c.getJSON(ctx, "/api/v2/search/tags", params, &a); err != nil {
		return nil, err
	}
	sortScopes(a.Scopes)
	return &Tags{Scopes: a.Scopes, Warnings: warnings(a.Metrics.warning(), c.unsearched(ctx, end))}, nil
}

// TagValues returns values of the attribute with the given name, sorted by type and
// text. The name has a scope, such as resource.service.name, or is intrinsic, such as
// name and status.
func (c *Client) TagValues(ctx context.Context, name string, q TagQuery) (*TagValues, error) {
	params, end, err := q.params()
	if err != nil {
		return nil, err
	}
	var a struct {
		TagValues []TagValue  `json:"tagValues"`
		Metrics   jobsMetrics `json:"metrics"`
	}
	// The name is escaped twice, because Tempo unescapes the path and then the name.
	path := "/api/v2/search/tag/" + url.PathEscape(url.QueryEscape(name)) + "/values"
	if err := c.getJSON(ctx, path, params, &a); err != nil {
		return nil, err
	}
	sortValues(a.TagValues)
	return &TagValues{Values: a.TagValues, Warnings: warnings(a.Metrics.warning(), c.unsearched(ctx, end))}, nil
}

// sortScopes and sortValues sort the names and values, which Tempo returns in random order.
func sortScopes(scopes []TagScope) {
	slices.SortFunc(scopes, func(a, b TagScope) int { return strings.Compare(a.Name, b.Name) })
	for _, s := range scopes {
		slices.Sort(s.Tags)
	}
}

func sortValues(values []TagValue) {
	slices.SortFunc(values, func(a, b TagValue) int {
		return cmp.Or(strings.Compare(a.Type, b.Type), strings.Compare(a.Value, b.Value))
	})
}

// params returns the parameters of a request and the end of its time range. The end is the zero
// time if the request has no time range.
func (q TagQuery) params() (params url.Values, rangeEnd time.Time, err error) {
	params = url.Values{}
	if q.TraceQL != "" {
		params.Set("q", q.TraceQL)
	}
	start, end, err := q.TimeRange(time.Now())
	if err != nil {
		return nil, rangeEnd, err
	}
	if !end.IsZero() {
		params.Set("start", strconv.FormatInt(start.Unix(), 10))
		params.Set("end", strconv.FormatInt(end.Unix(), 10))
	}
	if q.Limit > 0 {
		params.Set("limit", strconv.Itoa(q.Limit))
	}
	return params, end, nil
}

// TimeRange returns the time range with its defaults, extended to whole seconds. Both
// times are zero if the query has no range.
func (q TagQuery) TimeRange(now time.Time) (start, end time.Time, err error) {
	if q.Start.IsZero() && q.End.IsZero() {
		return start, end, nil
	}
	return Query{Start: q.Start, End: q.End}.TimeRange(now)
}

// jobsMetrics says into how many jobs Tempo divided a request, and how many of them it
// completed.
type jobsMetrics struct {
	CompletedJobs int `json:"completedJobs"`
	TotalJobs     int `json:"totalJobs"`
}

func (m jobsMetrics) warning() *Warning {
	if message := shared.Partial(m.CompletedJobs, m.TotalJobs); message != "" {
		return &Warning{Kind: WarnPartial, Message: message}
	}
	return nil
}

// warnings returns those of its arguments that are not nil.
func warnings(some ...*Warning) []*Warning {
	var all []*Warning
	for _, w := range some {
		if w != nil {
			all = append(all, w)
		}
	}
	return all
}
