package tempoclient

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A TagQuery says where to look for attributes, which Tempo calls tags.
type TagQuery struct {
	// Scope restricts names to one of resource, span, event, link, instrumentation
	// and intrinsic. Empty means all of them.
	Scope string

	// TraceQL restricts the answer to spans that it matches, where it is a simple
	// filter such as {resource.service.name="checkout"}; Tempo ignores what it
	// cannot use. Empty means all.
	TraceQL string

	// Start and End bound the time as in [Query]. Both zero means what Tempo has
	// received most recently, which is the cheapest.
	Start, End time.Time

	// Limit is how many names a scope, or how many values, to return at most; zero
	// means no limit but Tempo's own.
	Limit int
}

// Tags are the names of attributes by scope.
type Tags struct {
	Scopes   []TagScope
	Warnings []*Warning
}

// A TagScope holds the names of one scope, without it: service.name, not
// resource.service.name.
type TagScope struct {
	Name string   `json:"name"`
	Tags []string `json:"tags"`
}

// TagValues are values of one attribute.
type TagValues struct {
	Values   []TagValue
	Warnings []*Warning
}

// A TagValue is a value as text with its type in TraceQL: string, int, float, bool,
// duration, keyword.
type TagValue struct {
	Type  string `json:"type"`
	Value string `json:"value"`
}

// Tags returns the names of attributes, sorted.
//
// Tempo stops at a limit of bytes (max_bytes_per_tag_values_query, 1 MB unless
// configured otherwise) without saying so, here and for values.
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
// text. The name has its scope, as in resource.service.name, or is intrinsic, as
// name and status are.
func (c *Client) TagValues(ctx context.Context, name string, q TagQuery) (*TagValues, error) {
	params, end, err := q.params()
	if err != nil {
		return nil, err
	}
	var a struct {
		TagValues []TagValue  `json:"tagValues"`
		Metrics   jobsMetrics `json:"metrics"`
	}
	// Escaped twice: Tempo unescapes the element of the path, and then the name in it.
	path := "/api/v2/search/tag/" + url.PathEscape(url.QueryEscape(name)) + "/values"
	if err := c.getJSON(ctx, path, params, &a); err != nil {
		return nil, err
	}
	sortValues(a.TagValues)
	return &TagValues{Values: a.TagValues, Warnings: warnings(a.Metrics.warning(), c.unsearched(ctx, end))}, nil
}

// sortScopes and sortValues make one order of Tempo's, which is that of arrival.
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

// params returns the parameters of a request and the end of its time range, the zero
// Unix time if it has none.
func (q TagQuery) params() (params url.Values, rangeEnd time.Time, err error) {
	params = url.Values{}
	if q.TraceQL != "" {
		params.Set("q", q.TraceQL)
	}
	start, end, err := q.seconds(time.Now())
	if err != nil {
		return nil, rangeEnd, err
	}
	if end > 0 {
		params.Set("start", strconv.FormatInt(start, 10))
		params.Set("end", strconv.FormatInt(end, 10))
	}
	if q.Limit > 0 {
		params.Set("limit", strconv.Itoa(q.Limit))
	}
	return params, time.Unix(end, 0), nil
}

// seconds returns the time range in whole seconds, zeros for none.
func (q TagQuery) seconds(now time.Time) (start, end int64, err error) {
	if q.Start.IsZero() && q.End.IsZero() {
		return 0, 0, nil
	}
	return Query{Start: q.Start, End: q.End}.seconds(now)
}

// jobsMetrics says how much of a request was done.
type jobsMetrics struct {
	CompletedJobs int `json:"completedJobs"`
	TotalJobs     int `json:"totalJobs"`
}

func (m jobsMetrics) warning() *Warning {
	if m.CompletedJobs >= m.TotalJobs {
		return nil
	}
	return &Warning{Kind: WarnPartial, Message: fmt.Sprintf("%d of %d parts of the search were done", m.CompletedJobs, m.TotalJobs)}
}

// warnings returns those that are not nil.
func warnings(some ...*Warning) []*Warning {
	var all []*Warning
	for _, w := range some {
		if w != nil {
			all = append(all, w)
		}
	}
	return all
}
