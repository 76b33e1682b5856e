package tempogrpc

import (
	"bytes"
	"cmp"
	"context"
	"iter"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/grafana/tempo/pkg/tempopb"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/tempoclient"
)

// searchLimit is the limit of a search whose query has none.
const searchLimit = 1000

// SearchProgress tells how far a search has come.
type SearchProgress struct {
	Traces          []tempoclient.TraceSummary // the newest start first, among equal starts by id
	Completed, Jobs int                        // Tempo divides the work into Jobs parts, of which Completed are done
	Warnings        []*tempoclient.Warning     // only in the last element
}

// Search sends a single search request, and yields results as soon as Tempo has them. Unlike
// [tempoclient.Client.Search], it may not find all traces. Every element holds all traces found
// so far, and the last element is the answer. Search finds up to q.Limit traces, 1000 if
// q.Limit is zero, in a range that Tempo searches in one piece. The found traces are not
// necessarily the newest.
func (c *Client) Search(ctx context.Context, q tempoclient.Query) iter.Seq2[SearchProgress, error] {
	return func(yield func(SearchProgress, error) bool) {
		start, end, err := q.TimeRange(time.Now())
		if err != nil {
			yield(SearchProgress{}, err)
			return
		}
		req := &tempopb.SearchRequest{
			Query: cmp.Or(q.TraceQL, "{}"),
			Start: uint32(start.Unix()), End: uint32(end.Unix()),
			Limit:           uint32(min(cmp.Or(max(q.Limit, 0), searchLimit), math.MaxInt32)),
			SpansPerSpanSet: 1,
		}
		s := make(traceSet)
		merge := func(m *tempopb.SearchResponse) (SearchProgress, error) {
			if err := s.add(m.Traces); err != nil {
				return SearchProgress{}, err
			}
			p := SearchProgress{Traces: s.sorted()}
			if m.Metrics != nil {
				p.Completed, p.Jobs = int(m.Metrics.CompletedJobs), int(m.Metrics.TotalJobs)
			}
			return p, nil
		}
		finish := func(p SearchProgress) SearchProgress {
			done, jobs := p.Completed, p.Jobs
			var full *tempoclient.Warning
			if len(p.Traces) >= int(req.Limit) {
				done = jobs // the limit explains why jobs are missing
				if q.Limit <= 0 {
					full = &tempoclient.Warning{Kind: tempoclient.WarnLimit, Message: "the search found as many traces as one request asks for: there may be more"}
				}
			}
			p.Warnings = c.warnings(ctx, done, jobs, end, full)
			return p
		}
		stream(ctx, c, "Search", func(ctx context.Context, q tempopb.StreamingQuerierClient) (receiver[*tempopb.SearchResponse], error) {
			return q.Search(ctx, req)
		}, merge, finish, yield)
	}
}

// A traceSet holds the traces of a search by their ids.
type traceSet map[servicegraph.TraceID]tempoclient.TraceSummary

func (s traceSet) add(traces []*tempopb.TraceSearchMetadata) error {
	for _, t := range traces {
		summary, err := summaryOf(t)
		if err != nil {
			return err
		}
		s[summary.ID] = summary
	}
	return nil
}

// sorted returns the traces in the order of SearchProgress.
func (s traceSet) sorted() []tempoclient.TraceSummary {
	return slices.SortedFunc(maps.Values(s), func(a, b tempoclient.TraceSummary) int {
		return cmp.Or(b.Start.Compare(a.Start), bytes.Compare(a.ID[:], b.ID[:]))
	})
}

func summaryOf(t *tempopb.TraceSearchMetadata) (tempoclient.TraceSummary, error) {
	id, err := servicegraph.ParseTraceID(t.TraceID)
	if err != nil {
		return tempoclient.TraceSummary{}, err
	}
	s := tempoclient.TraceSummary{
		ID:          id,
		RootService: t.RootServiceName,
		RootName:    t.RootTraceName,
		Start:       time.Unix(0, int64(min(t.StartTimeUnixNano, math.MaxInt64))),
		Duration:    time.Duration(t.DurationMs) * time.Millisecond,
	}
	for _, set := range t.SpanSets {
		s.Matched += int(set.Matched)
	}
	return s, nil
}

// Tags yields the answer of [tempoclient.Client.Tags] while it arrives: every element holds
// everything so far, and the last element is the answer. Only the last has warnings.
func (c *Client) Tags(ctx context.Context, q tempoclient.TagQuery) iter.Seq2[*tempoclient.Tags, error] {
	return func(yield func(*tempoclient.Tags, error) bool) {
		start, end, err := q.TimeRange(time.Now())
		if err != nil {
			yield(nil, err)
			return
		}
		req := &tempopb.SearchTagsRequest{
			Scope: q.Scope, Query: q.TraceQL,
			Start: seconds(start), End: seconds(end),
			MaxTagsPerScope: uint32(max(q.Limit, 0)),
		}
		names := make(map[string]map[string]bool) // by scope
		var last *tempopb.MetadataMetrics
		merge := func(m *tempopb.SearchTagsV2Response) (*tempoclient.Tags, error) {
			last = m.Metrics
			for _, s := range m.Scopes {
				if names[s.Name] == nil {
					names[s.Name] = make(map[string]bool)
				}
				for _, tag := range s.Tags {
					names[s.Name][tag] = true
				}
			}
			t := &tempoclient.Tags{}
			for _, name := range slices.Sorted(maps.Keys(names)) {
				t.Scopes = append(t.Scopes, tempoclient.TagScope{Name: name, Tags: slices.Sorted(maps.Keys(names[name]))})
			}
			return t, nil
		}
		finish := func(t *tempoclient.Tags) *tempoclient.Tags {
			return &tempoclient.Tags{Scopes: t.Scopes, Warnings: c.warnings(ctx, int(last.GetCompletedJobs()), int(last.GetTotalJobs()), end)}
		}
		stream(ctx, c, "SearchTagsV2", func(ctx context.Context, q tempopb.StreamingQuerierClient) (receiver[*tempopb.SearchTagsV2Response], error) {
			return q.SearchTagsV2(ctx, req)
		}, merge, finish, yield)
	}
}

// seconds returns a time in Unix seconds, and 0 for no time.
func seconds(t time.Time) uint32 {
	if t.IsZero() {
		return 0
	}
	return uint32(t.Unix())
}

// TagValues yields the answer of [tempoclient.Client.TagValues] while it arrives: every
// element holds everything so far, and the last element is the answer. Only the last has
// warnings.
func (c *Client) TagValues(ctx context.Context, name string, q tempoclient.TagQuery) iter.Seq2[*tempoclient.TagValues, error] {
	return func(yield func(*tempoclient.TagValues, error) bool) {
		start, end, err := q.TimeRange(time.Now())
		if err != nil {
			yield(nil, err)
			return
		}
		req := &tempopb.SearchTagValuesRequest{
			TagName: name, Query: q.TraceQL,
			Start: seconds(start), End: seconds(end),
			MaxTagValues: uint32(max(q.Limit, 0)),
		}
		values := make(map[tempoclient.TagValue]bool)
		var last *tempopb.MetadataMetrics
		merge := func(m *tempopb.SearchTagValuesV2Response) (*tempoclient.TagValues, error) {
			last = m.Metrics
			for _, v := range m.TagValues {
				values[tempoclient.TagValue{Type: v.Type, Value: v.Value}] = true
			}
			return &tempoclient.TagValues{Values: slices.SortedFunc(maps.Keys(values), func(a, b tempoclient.TagValue) int {
				return cmp.Or(strings.Compare(a.Type, b.Type), strings.Compare(a.Value, b.Value))
			})}, nil
		}
		finish := func(t *tempoclient.TagValues) *tempoclient.TagValues {
			return &tempoclient.TagValues{Values: t.Values, Warnings: c.warnings(ctx, int(last.GetCompletedJobs()), int(last.GetTotalJobs()), end)}
		}
		stream(ctx, c, "SearchTagValuesV2", func(ctx context.Context, q tempopb.StreamingQuerierClient) (receiver[*tempopb.SearchTagValuesV2Response], error) {
			return q.SearchTagValuesV2(ctx, req)
		}, merge, finish, yield)
	}
}
