package remotewrite

import (
	"math"

	"github.com/prometheus/client_golang/exp/api/remote"
	writev2 "github.com/prometheus/client_golang/exp/api/remote/genproto/v2"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/tempograph/tempograph/servicegraph/promgraph"
)

// A batch is the points of one request.
type batch []point

func (b batch) size() int { return len(b) }

// message returns the request for a batch. Points of one series are in the order of time, and
// one series can occur more than once in a request.
func (b batch) message(p Protocol) (remote.WriteMessageType, any) {
	if p == V2 {
		return remote.WriteV2MessageType, b.v2()
	}
	return remote.WriteV1MessageType, v1Request(b.v1())
}

func (b batch) v2() *writev2.Request {
	symbols := writev2.NewSymbolTable()
	refs := func(labels []promgraph.Label) (refs []uint32) {
		for _, l := range labels {
			refs = append(refs, symbols.Symbolize(l.Name), symbols.Symbolize(l.Value))
		}
		return refs
	}
	request := new(writev2.Request)
	for i := range b {
		p := &b[i]
		series := &writev2.TimeSeries{LabelsRefs: refs(p.labels), Metadata: &writev2.Metadata{Type: writev2.Metadata_METRIC_TYPE_HISTOGRAM}}
		if p.isCounter {
			series.Metadata.Type = writev2.Metadata_METRIC_TYPE_COUNTER
		}
		if p.native != nil {
			series.Histograms = []*writev2.Histogram{nativeHistogram(p)}
		} else {
			series.Samples = []*writev2.Sample{{Value: p.value, Timestamp: p.millis}}
		}
		for _, x := range p.exemplars {
			series.Exemplars = append(series.Exemplars, &writev2.Exemplar{
				LabelsRefs: refs([]promgraph.Label{{Name: exemplarLabel, Value: x.TraceID.String()}}),
				Value:      x.Seconds,
				Timestamp:  x.Time.UnixMilli(),
			})
		}
		request.Timeseries = append(request.Timeseries, series)
	}
	request.Symbols = symbols.Symbols()
	return request
}

// exemplarLabel is the label with the trace id, as in Tempo.
const exemplarLabel = "traceID"

// nativeHistogram returns a native histogram of floating point numbers, because sampling weights
// can be fractional.
func nativeHistogram(p *point) *writev2.Histogram {
	n := &p.native.Native
	total := n.ZeroCount
	h := &writev2.Histogram{
		Sum:           p.native.Sum,
		Schema:        int32(n.Scale),
		ZeroThreshold: math.Ldexp(1, -128),
		ZeroCount:     &writev2.Histogram_ZeroCountFloat{ZeroCountFloat: n.ZeroCount},
		Timestamp:     p.millis,
	}
	var span *writev2.BucketSpan
	next := int32(0) // index after the last bucket
	for i, count := range n.Counts {
		if count == 0 {
			continue
		}
		index := int32(n.Offset + i + 1)
		if span == nil || index != next {
			span = &writev2.BucketSpan{Offset: index - next}
			h.PositiveSpans = append(h.PositiveSpans, span)
		}
		span.Length++
		next = index + 1
		h.PositiveCounts = append(h.PositiveCounts, count)
		total += count
	}
	h.Count = &writev2.Histogram_CountFloat{CountFloat: total}
	return h
}

// Fields of the messages of remote write 1.0.
const (
	requestTimeseries = 1
	seriesLabels      = 1
	seriesSamples     = 2
	labelName         = 1
	labelValue        = 2
	sampleValue       = 1
	sampleTimestamp   = 2
)

// A v1Request is an encoded request of remote write 1.0, for which the client library has no type.
// Its methods are those that the library calls to encode messages.
type v1Request []byte

func (r v1Request) SizeVT() int { return len(r) }

func (r v1Request) MarshalToSizedBufferVT(to []byte) (int, error) { return copy(to, r), nil }

// v1 encodes a batch.
func (b batch) v1() []byte {
	var request, series, field []byte
	for i := range b {
		p := &b[i]
		series = series[:0]
		for _, l := range p.labels {
			field = protowire.AppendTag(field[:0], labelName, protowire.BytesType)
			field = protowire.AppendString(field, l.Name)
			field = protowire.AppendTag(field, labelValue, protowire.BytesType)
			field = protowire.AppendString(field, l.Value)
			series = protowire.AppendTag(series, seriesLabels, protowire.BytesType)
			series = protowire.AppendBytes(series, field)
		}
		field = protowire.AppendTag(field[:0], sampleValue, protowire.Fixed64Type)
		field = protowire.AppendFixed64(field, math.Float64bits(p.value))
		field = protowire.AppendTag(field, sampleTimestamp, protowire.VarintType)
		field = protowire.AppendVarint(field, uint64(p.millis))
		series = protowire.AppendTag(series, seriesSamples, protowire.BytesType)
		series = protowire.AppendBytes(series, field)
		request = protowire.AppendTag(request, requestTimeseries, protowire.BytesType)
		request = protowire.AppendBytes(request, series)
	}
	return request
}
