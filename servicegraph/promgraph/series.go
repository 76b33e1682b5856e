package promgraph

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/tempograph/tempograph/servicegraph"
)

// A Label is a label of a series. Its value is not empty.
type Label struct{ Name, Value string }

// A Series holds the values of one label set: an edge, or several that have the same labels.
type Series struct {
	Labels []Label // sorted by name

	// Since is when Total was zero: the last time before the first call at which the collector read
	// its source. FailedSince is the same for Failed, and zero if no call has failed.
	Since, FailedSince time.Time

	Total, Failed             float64 // Failed is 0 if no call has failed, and then has no series
	Server, Client, Messaging Histogram

	// TotalExemplar and FailedExemplar are a call and a failed call; zero if there is none.
	TotalExemplar, FailedExemplar Exemplar
}

// A Histogram holds samples in seconds. It is empty, and has no series, if Count is 0.
type Histogram struct {
	Since      time.Time // when the histogram was empty
	Count, Sum float64
	Bounds     []float64 // upper bounds of the buckets, rising, without +Inf; shared by all series
	Buckets    []float64 // samples up to each bound; nil without classic histograms

	// Native has the samples in exponential buckets of scale 3; Counts is nil without native
	// histograms.
	Native servicegraph.Exponential

	// Exemplars are calls by bucket, the last one for the bucket of +Inf; zero for a bucket without
	// an exemplar.
	Exemplars []Exemplar
}

// An Exemplar is the trace of one of the calls that a counter or a bucket counts.
type Exemplar struct {
	TraceID servicegraph.TraceID
	Seconds float64 // duration of the call; 0 if unknown
	Time    time.Time
}

// nativeScale is the scale of native histograms: that of Tempo, whose bucket factor is 1.1.
const nativeScale = 3

// add adds the samples of a final latency. With separate additions, cumulative counts only rise.
// The cumulative counts of a merged latency could fall.
func (h *Histogram) add(l servicegraph.Latency, cfg *Config, since time.Time) {
	if l.Count() == 0 {
		return
	}
	h.begin(since)
	h.Count += l.Count()
	h.Sum += l.Sum().Seconds()
	if cfg.Histograms != Native {
		if h.Buckets == nil {
			h.Bounds, h.Buckets = cfg.Buckets, make([]float64, len(cfg.Buckets))
		}
		bounds := make([]time.Duration, len(cfg.Buckets))
		for i, b := range cfg.Buckets {
			bounds[i] = time.Duration(b * 1e9)
		}
		for i, count := range l.Cumulative(bounds) {
			h.Buckets[i] += count
		}
	}
	if cfg.Histograms != Classic {
		h.addNative(l.Exponential(nativeScale))
	}
}

// begin notes the time at which a histogram was still empty.
func (h *Histogram) begin(since time.Time) {
	if h.Since.IsZero() {
		h.Since = since
	}
}

// fail adds failed calls.
func (s *Series) fail(n float64, since time.Time) {
	if n > 0 && s.FailedSince.IsZero() {
		s.FailedSince = since
	}
	s.Failed += n
}

// addNative adds exponential buckets.
func (h *Histogram) addNative(x servicegraph.Exponential) {
	n := &h.Native
	n.Scale = x.Scale
	n.ZeroCount += x.ZeroCount
	if len(x.Counts) == 0 {
		return
	}
	if n.Counts == nil {
		n.Offset = x.Offset
	}
	if before := n.Offset - x.Offset; before > 0 {
		n.Counts = slices.Insert(n.Counts, 0, make([]float64, before)...)
		n.Offset = x.Offset
	}
	if after := x.Offset + len(x.Counts) - (n.Offset + len(n.Counts)); after > 0 {
		n.Counts = append(n.Counts, make([]float64, after)...)
	}
	for i, count := range x.Counts {
		n.Counts[x.Offset-n.Offset+i] += count
	}
}

// addExemplar keeps an exemplar in the bucket of its value, which must be one of the samples or
// lie between them.
func (h *Histogram) addExemplar(x Exemplar, bounds []float64) {
	if h.Count == 0 {
		return
	}
	if h.Exemplars == nil {
		h.Exemplars = make([]Exemplar, len(bounds)+1)
	}
	i, _ := slices.BinarySearch(bounds, x.Seconds)
	h.Exemplars[i] = x
}

// clone returns a copy that shares no memory that later additions change.
func (h Histogram) clone() Histogram {
	h.Buckets = slices.Clone(h.Buckets)
	h.Native.Counts = slices.Clone(h.Native.Counts)
	h.Exemplars = slices.Clone(h.Exemplars)
	return h
}

// compareLabels orders label sets by name and value.
func compareLabels(a, b []Label) int {
	return slices.CompareFunc(a, b, func(a, b Label) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.Value, b.Value))
	})
}
