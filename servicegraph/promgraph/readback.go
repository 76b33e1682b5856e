package promgraph

import (
	"cmp"
	"context"
	"maps"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/tempograph/tempograph/servicegraph"
)

// edgeLabels are the labels that identify an edge.
type edgeLabels struct {
	source                  string
	client, clientNamespace string
	server, serverNamespace string
	connectionType, virtual string
}

// edgeOf returns the labels of the edge that a series belongs to.
func edgeOf(l labels) edgeLabels {
	source := cmp.Or(string(l["source"]), tempoSource)
	if _, ok := l[failedLabel]; ok {
		source = collectorSource
	}
	return edgeLabels{
		source: source,
		client: string(l["client"]), clientNamespace: string(l["client_service_namespace"]),
		server: string(l["server"]), serverNamespace: string(l["server_service_namespace"]),
		connectionType: string(l["connection_type"]), virtual: string(l["virtual_node"]),
	}
}

// The sources of series without a label source: Tempo's generator, and the Collector's connector.
const (
	tempoSource     = "tempo"
	collectorSource = "collector"
)

// A readEdge has the values of the series of one edge.
type readEdge struct {
	labels                    edgeLabels
	calls, failed             float64
	server, client, messaging readHistogram
}

// A readHistogram has samples in seconds.
type readHistogram struct {
	sum     float64
	buckets []servicegraph.LatencyBucket
	native  bool
	above   float64 // samples in +Inf buckets
}

func (h *readHistogram) count() (n float64) {
	for _, b := range h.buckets {
		n += b.Count
	}
	return n
}

// isSeen reports whether spans measured the latency. Tempo counts 0 seconds for a side without
// spans.
func (h *readHistogram) isSeen() bool { return h.sum > 0 }

// latency returns the distribution, an empty one if no spans measured it.
func (h *readHistogram) latency() servicegraph.Latency {
	if !h.isSeen() {
		return servicegraph.Latency{}
	}
	return servicegraph.NewLatency(h.buckets, seconds(h.sum))
}

// seconds returns a number of seconds as a duration.
func seconds(s float64) time.Duration {
	if ns := s * 1e9; ns < math.MaxInt64 {
		return time.Duration(math.Round(ns))
	}
	return math.MaxInt64
}

// histogram reads the histograms of the first metric that has any, the native ones or else the
// classic ones of each edge.
func (q *reader) histogram(ctx context.Context, metrics []string, of func(labels) *readHistogram) error {
	for _, metric := range metrics {
		native, err := q.increases(ctx, metric)
		if err != nil {
			return err
		}
		for _, s := range native {
			of(s.labels).addNative(s.value)
		}
		buckets, err := q.increases(ctx, metric+"_bucket")
		if err != nil {
			return err
		}
		sums, err := q.increases(ctx, metric+"_sum")
		if err != nil {
			return err
		}
		addClassic(buckets, sums, of)
		if len(native)+len(buckets) > 0 {
			return nil
		}
	}
	q.back.Missing = append(q.back.Missing, metrics[0])
	return nil
}

// addNative adds the increase of a native histogram.
func (h *readHistogram) addNative(s sample) {
	h.native = true
	h.sum += s.sum
	for b, count := range s.buckets {
		h.buckets = append(h.buckets, servicegraph.LatencyBucket{Above: seconds(max(b.lower, 0)), UpTo: seconds(max(b.upper, 0)), Count: count})
	}
	h.sort()
}

func (h *readHistogram) sort() {
	slices.SortFunc(h.buckets, func(a, b servicegraph.LatencyBucket) int {
		return cmp.Or(cmp.Compare(a.UpTo, b.UpTo), cmp.Compare(a.Above, b.Above), cmp.Compare(a.Count, b.Count))
	})
}

// addClassic adds the increases of the buckets and of the sums of classic histograms.
func addClassic(buckets, sums []increase, of func(labels) *readHistogram) {
	type bucket struct{ bound, count float64 }
	cumulative := make(map[string][]bucket) // by the labels without le
	byKey := make(map[string]labels)
	for _, s := range buckets {
		bound, err := strconv.ParseFloat(string(s.labels["le"]), 64)
		if err != nil {
			continue
		}
		l := s.labels.Clone()
		delete(l, "le")
		key := l.String()
		byKey[key] = l
		cumulative[key] = append(cumulative[key], bucket{bound, s.value.number})
	}
	for _, key := range slices.Sorted(maps.Keys(cumulative)) {
		h := of(byKey[key])
		if h.native {
			continue
		}
		list := cumulative[key]
		slices.SortFunc(list, func(a, b bucket) int { return cmp.Compare(a.bound, b.bound) })
		lower, before := 0.0, 0.0
		for _, b := range list {
			count := max(b.count-before, 0)
			upper := b.bound
			if math.IsInf(upper, 1) {
				upper = lower
				h.above += count
			}
			if count > 0 {
				h.buckets = append(h.buckets, servicegraph.LatencyBucket{Above: seconds(lower), UpTo: seconds(upper), Count: count})
			}
			lower, before = upper, max(before, b.count)
		}
		h.sort()
	}
	for _, s := range sums {
		if h := of(s.labels); !h.native {
			h.sum += s.value.number
		}
	}
}

// readEdges are the edges by their labels.
type readEdges map[edgeLabels]*readEdge

func newReadEdges() readEdges { return make(readEdges) }

// at returns the edge of a series, a new one if there is none.
func (r readEdges) at(l labels) *readEdge {
	key := edgeOf(l)
	e := r[key]
	if e == nil {
		e = &readEdge{labels: key}
		r[key] = e
	}
	return e
}

// sources returns the sources of the series, sorted.
func (r readEdges) sources() []string {
	set := make(map[string]bool)
	for key := range r {
		set[key.source] = true
	}
	return slices.Sorted(maps.Keys(set))
}

// sorted returns the edges with calls, in a fixed order.
func (r readEdges) sorted() []*readEdge {
	list := slices.SortedFunc(maps.Values(r), func(a, b *readEdge) int {
		x, y := a.labels, b.labels
		return cmp.Or(
			cmp.Compare(x.clientNamespace, y.clientNamespace), cmp.Compare(x.client, y.client),
			cmp.Compare(x.serverNamespace, y.serverNamespace), cmp.Compare(x.server, y.server),
			cmp.Compare(x.connectionType, y.connectionType), cmp.Compare(x.virtual, y.virtual), cmp.Compare(x.source, y.source))
	})
	return slices.DeleteFunc(list, func(e *readEdge) bool { return e.calls <= 0 })
}

// unique returns the edges without those that a source with more calls also reports.
func unique(list []*readEdge, back *Readback) []*readEdge {
	type ends struct{ client, server string }
	type from struct {
		ends
		source string
	}
	calls := make(map[from]float64)
	best := make(map[ends]string)
	sources := make(map[ends]map[string]bool)
	for _, e := range list {
		at := ends{e.labels.client, e.labels.server}
		calls[from{at, e.labels.source}] += e.calls
		if sources[at] == nil {
			sources[at] = make(map[string]bool)
		}
		sources[at][e.labels.source] = true
	}
	for at, names := range sources {
		for _, name := range slices.Sorted(maps.Keys(names)) {
			if old, ok := best[at]; !ok || calls[from{at, name}] > calls[from{at, old}] {
				best[at] = name
			}
		}
		if len(names) > 1 {
			back.Duplicated++
		}
	}
	return slices.DeleteFunc(list, func(e *readEdge) bool {
		return best[ends{e.labels.client, e.labels.server}] != e.labels.source
	})
}
