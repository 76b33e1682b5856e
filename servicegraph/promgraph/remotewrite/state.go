package remotewrite

import (
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/promgraph"
)

// A point is a sample of a series at a time.
type point struct {
	metric string            // the name of the counter or histogram
	labels []promgraph.Label // sorted by name, with the name of the series
	millis int64
	value  float64

	native    *promgraph.Histogram // set instead of value
	exemplars []promgraph.Exemplar
	isCounter bool // otherwise part of a histogram
}

// staleNaN is the value that ends a series.
var staleNaN = math.Float64frombits(0x7ff0000000000002)

// A state remembers what was written for each edge.
type state struct {
	cfg   Config
	edges map[string]*writtenEdge // by the text of their labels
	last  int64                   // time of the last points
}

// A writtenEdge is an edge that was written.
type writtenEdge struct {
	begun  map[string]bool      // the metrics that were written
	shown  map[string]time.Time // the time of the last exemplar, by series
	total  float64
	series promgraph.Series // the last values
	moved  time.Time        // when total last rose
	ended  bool
}

func newState(cfg Config) *state { return &state{cfg: cfg, edges: make(map[string]*writtenEdge)} }

// active returns the number of edges that have not ended.
func (s *state) active() (n int) {
	for _, e := range s.edges {
		if !e.ended {
			n++
		}
	}
	return n
}

// advance returns the time of the next points, at least two milliseconds after the last.
func (s *state) advance(now time.Time) int64 {
	s.last = max(now.UnixMilli(), s.last+2)
	return s.last
}

// next returns the points of all edges that have not ended.
func (s *state) next(series []promgraph.Series, now time.Time) []point {
	millis := s.advance(now)
	var points []point
	for _, one := range series {
		key := labelText(one.Labels)
		e := s.edges[key]
		if e == nil {
			e = &writtenEdge{begun: make(map[string]bool), shown: make(map[string]time.Time), moved: now}
			s.edges[key] = e
		}
		if one.Total > e.total {
			e.total, e.moved = one.Total, now
			if e.ended { // the edge continues from its last values
				e.ended = false
				points = append(points, s.pointsOf(&e.series, millis-1)...)
			}
		}
		switch {
		case e.ended:
			continue
		case now.Sub(e.moved) >= s.cfg.Idle:
			points = append(points, s.stale(e, millis)...)
			continue
		}
		fresh := make(map[string]bool)
		for _, p := range s.pointsOf(&one, millis) {
			if !e.begun[p.metric] {
				fresh[p.metric] = true
				points = append(points, p.zero(millis-1))
			}
			e.withoutOld(&p)
			points = append(points, p)
		}
		maps.Copy(e.begun, fresh)
		e.series = one
	}
	return points
}

// withoutOld removes the exemplars that were written before. Receivers refuse exemplars that are
// older than the last one of their series.
func (e *writtenEdge) withoutOld(p *point) {
	if len(p.exemplars) == 0 {
		return
	}
	series := labelText(p.labels)
	p.exemplars = slices.DeleteFunc(p.exemplars, func(x promgraph.Exemplar) bool { return !x.Time.After(e.shown[series]) })
	if n := len(p.exemplars); n > 0 {
		e.shown[series] = p.exemplars[n-1].Time
	}
}

// end returns stale markers for all series.
func (s *state) end(now time.Time) (points []point) {
	millis := s.advance(now)
	keys := make([]string, 0, len(s.edges))
	for key := range s.edges {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	for _, key := range keys {
		if e := s.edges[key]; !e.ended {
			points = append(points, s.stale(e, millis)...)
		}
	}
	return points
}

// stale returns stale markers for the series of an edge.
func (s *state) stale(e *writtenEdge, millis int64) []point {
	e.ended = true
	points := s.pointsOf(&e.series, millis)
	for i := range points {
		points[i].value, points[i].exemplars = staleNaN, nil
		if points[i].native != nil {
			points[i].native = &promgraph.Histogram{Sum: staleNaN}
		}
	}
	return points
}

// zero returns the point with which a counter begins.
func (p point) zero(millis int64) point {
	p.millis, p.value, p.exemplars = millis, 0, nil
	if p.native != nil {
		p.native = &promgraph.Histogram{Native: servicegraph.Exponential{Scale: p.native.Native.Scale}}
	}
	return p
}

// pointsOf returns the points of an edge at a time.
func (s *state) pointsOf(one *promgraph.Series, millis int64) []point {
	var points []point
	add := func(metric, suffix string, value float64, more ...promgraph.Label) *point {
		points = append(points, point{metric: metric, labels: s.labels(one.Labels, metric+suffix, more...), millis: millis, value: value})
		return &points[len(points)-1]
	}
	total := add(promgraph.MetricTotal, "", one.Total)
	total.isCounter, total.exemplars = true, exemplars(one.TotalExemplar)
	if one.Failed > 0 {
		failed := add(promgraph.MetricFailed, "", one.Failed)
		failed.isCounter, failed.exemplars = true, exemplars(one.FailedExemplar)
	}
	for _, h := range []struct {
		name string
		*promgraph.Histogram
	}{
		{promgraph.MetricServerSeconds, &one.Server},
		{promgraph.MetricClientSeconds, &one.Client},
		{promgraph.MetricMessagingSeconds, &one.Messaging},
	} {
		if h.Count == 0 {
			continue
		}
		if h.Native.Counts != nil || h.Native.ZeroCount > 0 {
			if s.cfg.Protocol == V2 {
				native := add(h.name, "", 0)
				native.native, native.exemplars = h.Histogram, exemplars(h.Exemplars...)
			}
		}
		if h.Buckets == nil {
			continue
		}
		for i, count := range h.Buckets {
			bucket := add(h.name, "_bucket", count, promgraph.Label{Name: "le", Value: strconv.FormatFloat(h.Bounds[i], 'g', -1, 64)})
			bucket.exemplars = bucketExemplars(h.Histogram, i)
		}
		above := add(h.name, "_bucket", h.Count, promgraph.Label{Name: "le", Value: "+Inf"})
		above.exemplars = bucketExemplars(h.Histogram, len(h.Buckets))
		add(h.name, "_sum", h.Sum)
		add(h.name, "_count", h.Count)
	}
	return points
}

// labels returns the labels of a series, sorted by name. Labels of the edge take precedence over
// labels of the configuration.
func (s *state) labels(edge []promgraph.Label, name string, more ...promgraph.Label) []promgraph.Label {
	set := map[string]string{}
	for name, value := range s.cfg.Labels {
		set[name] = value
	}
	for _, l := range slices.Concat(edge, more) {
		set[l.Name] = l.Value
	}
	set["__name__"] = name
	labels := make([]promgraph.Label, 0, len(set))
	for name, value := range set {
		if value != "" {
			labels = append(labels, promgraph.Label{Name: name, Value: value})
		}
	}
	slices.SortFunc(labels, func(a, b promgraph.Label) int { return strings.Compare(a.Name, b.Name) })
	return labels
}

func labelText(labels []promgraph.Label) string {
	var b strings.Builder
	for _, l := range labels {
		b.WriteString(strconv.Quote(l.Name))
		b.WriteString(strconv.Quote(l.Value))
	}
	return b.String()
}

// exemplars returns the exemplars with a trace, in the order of time.
func exemplars(list ...promgraph.Exemplar) []promgraph.Exemplar {
	list = slices.DeleteFunc(slices.Clone(list), func(x promgraph.Exemplar) bool { return x.TraceID.IsZero() })
	slices.SortStableFunc(list, func(a, b promgraph.Exemplar) int { return a.Time.Compare(b.Time) })
	return list
}

func bucketExemplars(h *promgraph.Histogram, i int) []promgraph.Exemplar {
	if i >= len(h.Exemplars) {
		return nil
	}
	return exemplars(h.Exemplars[i])
}
