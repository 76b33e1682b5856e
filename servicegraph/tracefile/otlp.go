package tracefile

import (
	"bytes"
	"fmt"
	"math"
	"strconv"

	"github.com/tempograph/tempograph/servicegraph"
)

// What both encodings of OTLP have in common.

const (
	serviceName      = "service.name"
	serviceNamespace = "service.namespace"
)

// A resource is what the spans of one process share.
type resource struct {
	service, namespace string
	attrs              []servicegraph.Attr

	number  servicegraph.Resource // to the intake, where spans go to one
	encoded []byte
}

// needs reports whether a resource attribute is to be read: for the name of the
// service, or because it is kept.
func (r *resource) needs(key string, keep bool) bool {
	return keep || key == serviceName || key == serviceNamespace
}

// add takes an attribute of the resource.
func (r *resource) add(key, value string) {
	switch {
	case key == serviceName && r.service == "":
		r.service = value
	case key == serviceNamespace && r.namespace == "":
		r.namespace = value
	case key != serviceName && key != serviceNamespace:
		r.attrs = append(r.attrs, servicegraph.Attr{Key: key, Value: value})
	}
}

// describe names a span in a message.
func describe(name, service string) string {
	name = shorten(name, 80)
	if service == "" {
		return fmt.Sprintf("span %q", name)
	}
	return fmt.Sprintf("span %q of %q", name, shorten(service, 80))
}

// kindOf returns the kind with OTLP's number n.
func kindOf(n int64) servicegraph.Kind {
	if n < 0 || n > int64(servicegraph.KindConsumer) {
		return servicegraph.KindUnset
	}
	return servicegraph.Kind(n)
}

// statusOf returns the status with OTLP's number n.
func statusOf(n int64) servicegraph.Status {
	if n < 0 || n > int64(servicegraph.StatusError) {
		return servicegraph.StatusUnset
	}
	return servicegraph.Status(n)
}

// weights finds the weights that tracestates mean. Most spans of a process have the
// same.
type weights struct {
	state []byte // that came last
	last  float64
}

func (w *weights) of(state []byte) float64 {
	if !bytes.Equal(state, w.state) {
		w.state = append(w.state[:0], state...)
		w.last = servicegraph.TraceStateWeight(string(state))
	}
	return w.last
}

// timeOf returns a time in nanoseconds, 0 if it is too late for an int64.
func timeOf(ns uint64) int64 {
	if ns > math.MaxInt64 {
		return 0
	}
	return int64(ns)
}

// appendFloat appends a number without an exponent as long as that is readable.
func appendFloat(b []byte, f float64) []byte {
	format := byte('f')
	if abs := math.Abs(f); abs != 0 && (abs < 1e-6 || abs >= 1e21) {
		format = 'e'
	}
	return strconv.AppendFloat(b, f, format, -1, 64)
}
