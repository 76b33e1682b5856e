package tempoclient

import (
	"bytes"
	"cmp"
	"context"
	"iter"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/grafana/tempo/pkg/tempopb"

	"github.com/tempograph/tempograph/servicegraph"
)

// Tempo answers over gRPC (its service StreamingQuerier) while it is still at work.
// Its messages hold what is new or has changed; the sequences of the methods below
// yield all that is known so far after each of them, and at the end the whole once
// more, with the warnings about it. A sequence that breaks off is not begun
// anew: it ends with the error.

// SearchProgress is a search as far as it has come.
type SearchProgress struct {
	Traces          []TraceSummary // the newest start first, among equal ones by id
	Completed, Jobs int            // how many of the parts into which Tempo divides the work are done
	Warnings        []*Warning     // of the last element alone
}

// StreamSearch is a search in one request: for the first results at once, where
// [Client.Search] is for all of them. Every element is all that was found so far, and
// the last one is the answer. It finds up to q.Limit traces, 1000 if that
// is zero, in a range that Tempo takes in one piece, and not necessarily the
// newest.
func (c *Client) StreamSearch(ctx context.Context, q Query) iter.Seq2[SearchProgress, error] {
	return func(yield func(SearchProgress, error) bool) {
		start, end, err := q.seconds(time.Now())
		if err != nil {
			yield(SearchProgress{}, err)
			return
		}
		req := &tempopb.SearchRequest{
			Query: cmp.Or(q.TraceQL, "{}"),
			Start: uint32(start), End: uint32(end),
			Limit:           uint32(min(cmp.Or(max(q.Limit, 0), sliceLimit), math.MaxInt32)),
			SpansPerSpanSet: 1,
		}
		traces := make(map[servicegraph.TraceID]TraceSummary)
		merge := func(m *tempopb.SearchResponse) (SearchProgress, error) {
			for _, t := range m.Traces {
				s, err := summaryOf(t)
				if err != nil {
					return SearchProgress{}, err
				}
				traces[s.ID] = s
			}
			p := SearchProgress{
				Traces: slices.SortedFunc(maps.Values(traces), newestFirst),
			}
			if m.Metrics != nil {
				p.Completed, p.Jobs = int(m.Metrics.CompletedJobs), int(m.Metrics.TotalJobs)
			}
			return p, nil
		}
		finish := func(p SearchProgress) SearchProgress {
			var less *Warning
			switch full := len(p.Traces) >= int(req.Limit); {
			case full && q.Limit <= 0:
				less = &Warning{Kind: WarnLimit, Message: "as many traces as were asked for at once: there may be more"}
			case !full:
				less = jobsMetrics{p.Completed, p.Jobs}.warning()
			}
			p.Warnings = warnings(less, c.unsearched(ctx, time.Unix(end, 0)))
			return p
		}
		stream(ctx, c, "Search", func(ctx context.Context, q tempopb.StreamingQuerierClient) (receiver[*tempopb.SearchResponse], error) {
			return q.Search(ctx, req)
		}, merge, finish, yield)
	}
}

func newestFirst(a, b TraceSummary) int {
	return cmp.Or(b.Start.Compare(a.Start), bytes.Compare(a.ID[:], b.ID[:]))
}

func summaryOf(t *tempopb.TraceSearchMetadata) (TraceSummary, error) {
	id, err := servicegraph.ParseTraceID(t.TraceID)
	if err != nil {
		return TraceSummary{}, err
	}
	s := TraceSummary{
		ID:          id,
		RootService: t.RootServiceName,
		RootName:    t.RootTraceName,
		Start:       time.Unix(0, unixNano(t.StartTimeUnixNano)),
		Duration:    time.Duration(t.DurationMs) * time.Millisecond,
	}
	for _, set := range t.SpanSets {
		s.Matched += int(set.Matched)
	}
	return s, nil
}

// StreamTags is [Client.Tags], as it comes: every element is all of it so far, the last
// one is the answer and alone has warnings.
func (c *Client) StreamTags(ctx context.Context, q TagQuery) iter.Seq2[*Tags, error] {
	return func(yield func(*Tags, error) bool) {
		start, end, err := q.seconds(time.Now())
		if err != nil {
			yield(nil, err)
			return
		}
		req := &tempopb.SearchTagsRequest{
			Scope: q.Scope, Query: q.TraceQL,
			Start: uint32(start), End: uint32(end),
			MaxTagsPerScope: uint32(max(q.Limit, 0)),
		}
		names := make(map[string]map[string]bool) // by scope
		var jobs jobsMetrics
		merge := func(m *tempopb.SearchTagsV2Response) (*Tags, error) {
			jobs = jobsOf(m.Metrics)
			for _, s := range m.Scopes {
				if names[s.Name] == nil {
					names[s.Name] = make(map[string]bool)
				}
				for _, tag := range s.Tags {
					names[s.Name][tag] = true
				}
			}
			t := &Tags{}
			for name, tags := range names {
				t.Scopes = append(t.Scopes, TagScope{name, slices.Collect(maps.Keys(tags))})
			}
			sortScopes(t.Scopes)
			return t, nil
		}
		finish := func(t *Tags) *Tags {
			return &Tags{t.Scopes, warnings(jobs.warning(), c.unsearched(ctx, time.Unix(end, 0)))}
		}
		stream(ctx, c, "SearchTagsV2", func(ctx context.Context, q tempopb.StreamingQuerierClient) (receiver[*tempopb.SearchTagsV2Response], error) {
			return q.SearchTagsV2(ctx, req)
		}, merge, finish, yield)
	}
}

// StreamTagValues is [Client.TagValues], as it comes: every element is all of it so far,
// the last one is the answer and alone has warnings.
func (c *Client) StreamTagValues(ctx context.Context, name string, q TagQuery) iter.Seq2[*TagValues, error] {
	return func(yield func(*TagValues, error) bool) {
		start, end, err := q.seconds(time.Now())
		if err != nil {
			yield(nil, err)
			return
		}
		req := &tempopb.SearchTagValuesRequest{
			TagName: name, Query: q.TraceQL,
			Start: uint32(start), End: uint32(end),
			MaxTagValues: uint32(max(q.Limit, 0)),
		}
		values := make(map[TagValue]bool)
		var jobs jobsMetrics
		merge := func(m *tempopb.SearchTagValuesV2Response) (*TagValues, error) {
			jobs = jobsOf(m.Metrics)
			for _, v := range m.TagValues {
				values[TagValue{v.Type, v.Value}] = true
			}
			t := &TagValues{Values: slices.Collect(maps.Keys(values))}
			sortValues(t.Values)
			return t, nil
		}
		finish := func(t *TagValues) *TagValues {
			return &TagValues{t.Values, warnings(jobs.warning(), c.unsearched(ctx, time.Unix(end, 0)))}
		}
		stream(ctx, c, "SearchTagValuesV2", func(ctx context.Context, q tempopb.StreamingQuerierClient) (receiver[*tempopb.SearchTagValuesV2Response], error) {
			return q.SearchTagValuesV2(ctx, req)
		}, merge, finish, yield)
	}
}

func jobsOf(m *tempopb.MetadataMetrics) jobsMetrics {
	if m == nil {
		return jobsMetrics{}
	}
	return jobsMetrics{int(m.CompletedJobs), int(m.TotalJobs)}
}
