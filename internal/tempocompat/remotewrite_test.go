package tempocompat

import (
	"fmt"
	"io"
	"maps"
	"math"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/klauspost/compress/snappy"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/tempograph/tempograph/servicegraph/temposeries"
)

// values holds the latest value of each series, by name and labels in Prometheus's
// notation.
type values map[string]float64

// seriesName returns name{label="value",…} with sorted labels and without empty ones.
func seriesName(labels map[string]string) string {
	var b strings.Builder
	separator := "{"
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		if name == "__name__" || labels[name] == "" {
			continue
		}
		fmt.Fprintf(&b, "%s%s=%q", separator, name, labels[name])
		separator = ","
	}
	return labels["__name__"] + b.String() + "}"
}

// add adds a value that Tempo would write.
func (v values) add(s *temposeries.Series, name, le string, value float64) {
	labels := map[string]string{
		"__name__": "traces_service_graph_request_" + name,
		"client":   s.Client, "server": s.Server, "connection_type": s.ConnectionType,
		"le": le,
	}
	for _, l := range s.Labels {
		labels[l.Name] = l.Value
	}
	v[seriesName(labels)] = value
}

func (v values) addHistogram(s *temposeries.Series, name string, h temposeries.Histogram) {
	for _, b := range h.Buckets {
		v.add(s, name+"_bucket", strconv.FormatFloat(b.UpTo, 'f', -1, 64), b.Count)
	}
	v.add(s, name+"_bucket", "+Inf", h.Count)
	v.add(s, name+"_count", "", h.Count)
	v.add(s, name+"_sum", "", h.Sum)
}

// valuesOf returns the values that Tempo would write for series.
func valuesOf(series []temposeries.Series) values {
	v := make(values)
	for i := range series {
		s := &series[i]
		v.add(s, "total", "", s.Total)
		if s.Failed != 0 {
			v.add(s, "failed_total", "", s.Failed)
		}
		v.addHistogram(s, "server_seconds", s.ServerSeconds)
		v.addHistogram(s, "client_seconds", s.ClientSeconds)
		if s.MessagingSeconds.Count != 0 {
			v.addHistogram(s, "messaging_system_seconds", s.MessagingSeconds)
		}
	}
	return v
}

// A sink receives Prometheus remote write 0.1.0 and keeps the latest sample of each
// series.
type sink struct {
	url string

	mu      sync.Mutex
	latest  map[string]sample
	changed chan struct{} // has an element after new samples arrived
}

type sample struct {
	value  float64
	millis int64
}

func newSink(t *testing.T) *sink {
	s := &sink{latest: make(map[string]sample), changed: make(chan struct{}, 1)}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		compressed, err := io.ReadAll(r.Body)
		if err != nil {
			// The request broke off, probably because Tempo was stopped while it wrote. After a
			// status of 5xx, a running Tempo sends the request again. If samples never arrive, the
			// comparison fails.
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		if err := s.write(compressed); err != nil {
			t.Errorf("remote write: %v", err)
		}
	}))
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

// values returns the latest values, without series that have ended.
func (s *sink) values() values {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := make(values)
	for name, sample := range s.latest {
		if !math.IsNaN(sample.value) {
			v[name] = sample.value
		}
	}
	return v
}

// Fields of the messages of remote write 0.1.0.
const (
	writeRequestTimeseries = 1
	timeseriesLabels       = 1
	timeseriesSamples      = 2
	labelName              = 1
	labelValue             = 2
	sampleValue            = 1
	sampleTimestamp        = 2
)

func (s *sink) write(compressed []byte) error {
	request, err := snappy.Decode(nil, compressed)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	err = fields(request, func(number protowire.Number, timeseries []byte, _ uint64) error {
		if number != writeRequestTimeseries {
			return nil
		}
		return s.timeseries(timeseries)
	})
	select {
	case s.changed <- struct{}{}:
	default:
	}
	return err
}

func (s *sink) timeseries(b []byte) error {
	labels := make(map[string]string)
	var samples []sample
	err := fields(b, func(number protowire.Number, field []byte, _ uint64) error {
		switch number {
		case timeseriesLabels:
			var name, value string
			err := fields(field, func(number protowire.Number, text []byte, _ uint64) error {
				switch number {
				case labelName:
					name = string(text)
				case labelValue:
					value = string(text)
				}
				return nil
			})
			labels[name] = value
			return err
		case timeseriesSamples:
			var one sample
			err := fields(field, func(number protowire.Number, _ []byte, bits uint64) error {
				switch number {
				case sampleValue:
					one.value = math.Float64frombits(bits)
				case sampleTimestamp:
					one.millis = int64(bits)
				}
				return nil
			})
			samples = append(samples, one)
			return err
		}
		return nil
	})
	if err != nil || !strings.HasPrefix(labels["__name__"], "traces_service_graph_") {
		return err
	}
	delete(labels, "__metrics_gen_instance") // the writing process
	name := seriesName(labels)
	for _, sample := range samples {
		if latest, ok := s.latest[name]; !ok || sample.millis >= latest.millis {
			s.latest[name] = sample
		}
	}
	return nil
}

// fields calls visit with the number of each field of a message and its bytes or bits.
func fields(b []byte, visit func(number protowire.Number, bytes []byte, bits uint64) error) error {
	for len(b) > 0 {
		number, wire, n := protowire.ConsumeTag(b)
		if n < 0 {
			return protowire.ParseError(n)
		}
		b = b[n:]
		var bytes []byte
		var bits uint64
		switch wire {
		case protowire.BytesType:
			bytes, n = protowire.ConsumeBytes(b)
		case protowire.VarintType:
			bits, n = protowire.ConsumeVarint(b)
		case protowire.Fixed64Type:
			bits, n = protowire.ConsumeFixed64(b)
		default:
			n = protowire.ConsumeFieldValue(number, wire, b)
		}
		if n < 0 {
			return protowire.ParseError(n)
		}
		if err := visit(number, bytes, bits); err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}
