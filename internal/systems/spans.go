package systems

import (
	"encoding/binary"
	"iter"
	"math/rand/v2"
	"time"

	"github.com/tempograph/tempograph/servicegraph"
)

// start is the time of the first request. Requests are spread over an hour.
var start = time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)

// maxSpans limits the spans of one request.
const maxSpans = 400

// Graph returns the graph of the requests to the system.
func (s *System) Graph() (*servicegraph.Graph, error) {
	return servicegraph.Build(func(yield func(servicegraph.Span, error) bool) {
		for span := range s.Spans() {
			if !yield(span, nil) {
				return
			}
		}
	}, servicegraph.Config{})
}

// Spans returns the spans of the requests to the system, one request after the other.
func (s *System) Spans() iter.Seq[servicegraph.Span] {
	return func(yield func(servicegraph.Span) bool) {
		if len(s.entries) == 0 {
			return
		}
		requests := s.config.Requests
		if requests == 0 {
			requests = max(600, 20*s.config.Services)
		}
		r := &recorder{rng: rand.New(rand.NewPCG(s.config.Seed, 0x7ace5))}
		for i := range requests {
			r.begin(uint64(i + 1))
			r.request(s.entries[r.rng.IntN(len(s.entries))], servicegraph.Span{Kind: servicegraph.KindServer}, start.Add(time.Hour*time.Duration(i)/time.Duration(requests)))
			for _, span := range r.spans {
				if !yield(span) {
					return
				}
			}
		}
	}
}

// A recorder makes the spans of one request at a time.
type recorder struct {
	rng   *rand.Rand
	trace servicegraph.TraceID
	last  uint64 // span id
	spans []servicegraph.Span
}

func (r *recorder) begin(trace uint64) {
	r.trace, r.spans = servicegraph.TraceID{}, r.spans[:0]
	binary.BigEndian.PutUint64(r.trace[8:], trace)
}

// add adds a span and returns its position.
func (r *recorder) add(v *service, span servicegraph.Span, begin time.Time) int {
	r.last++
	span.TraceID = r.trace
	binary.BigEndian.PutUint64(span.SpanID[:], r.last)
	span.Namespace, span.Service, span.Name = v.namespace, v.name, "work"
	span.Start = begin.UnixNano()
	r.spans = append(r.spans, span)
	return len(r.spans) - 1
}

// request adds the span of a request to a service and the spans of all calls that the
// service makes for it. It returns the end of the request, and whether it failed.
func (r *recorder) request(v *service, span servicegraph.Span, begin time.Time) (end time.Time, failed bool) {
	i := r.add(v, span, begin)
	id := r.spans[i].SpanID
	end = begin.Add(r.vary(v.typical))
	failed = r.rng.Float64() < v.errors
	for _, c := range v.calls {
		if len(r.spans) >= maxSpans || r.rng.Float64() >= c.fraction {
			continue
		}
		if c.queue != "" {
			r.message(v, c, id, end)
			continue
		}
		for range 1 + c.retries {
			callEnd, callFailed := r.call(v, c, id, end)
			end = callEnd
			if !callFailed {
				break
			}
			failed = failed || r.rng.Float64() < 0.7
		}
	}
	r.end(i, end, failed)
	return end, failed
}

// call adds the spans of both sides of a call.
func (r *recorder) call(v *service, c call, parent servicegraph.SpanID, begin time.Time) (end time.Time, failed bool) {
	client := servicegraph.Span{ParentID: parent, Kind: servicegraph.KindClient}
	if c.to.key != "" {
		client.Attrs = []servicegraph.Attr{{Key: c.to.key, Value: c.to.name}}
	}
	i := r.add(v, client, begin)
	if c.to.key != "" {
		end, failed = begin.Add(r.vary(c.to.typical)), r.rng.Float64() < c.to.errors
	} else {
		end, failed = r.request(c.to, servicegraph.Span{ParentID: r.spans[i].SpanID, Kind: servicegraph.KindServer}, begin.Add(200*time.Microsecond))
		end = end.Add(200 * time.Microsecond)
	}
	r.end(i, end, failed)
	return end, failed
}

// message adds the spans of both sides of a message. The producer does not wait for the consumer.
func (r *recorder) message(v *service, c call, parent servicegraph.SpanID, begin time.Time) {
	attrs := []servicegraph.Attr{{Key: "messaging.system", Value: "kafka"}, {Key: "messaging.destination.name", Value: c.queue}}
	i := r.add(v, servicegraph.Span{ParentID: parent, Kind: servicegraph.KindProducer, Attrs: attrs}, begin)
	sent := begin.Add(time.Millisecond)
	id := r.spans[i].SpanID
	r.end(i, sent, false)
	r.request(c.to, servicegraph.Span{ParentID: id, Kind: servicegraph.KindConsumer, Attrs: attrs}, sent.Add(r.vary(20*time.Millisecond)))
}

func (r *recorder) end(i int, end time.Time, failed bool) {
	r.spans[i].End = end.UnixNano()
	if failed {
		r.spans[i].Status = servicegraph.StatusError
	}
}

// vary returns a random duration around a typical duration. One in twenty durations is three times
// as long.
func (r *recorder) vary(typical time.Duration) time.Duration {
	d := time.Duration(float64(typical) * (0.6 + 0.8*r.rng.Float64()))
	if r.rng.Float64() < 0.05 {
		d *= 3
	}
	return d
}
