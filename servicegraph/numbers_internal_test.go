package servicegraph

import (
	"testing"

	"github.com/tempograph/tempograph/servicegraph/internal/semconv"
	"github.com/tempograph/tempograph/servicegraph/internal/trace"
)

// TestNumbersAgree checks that the kinds and statuses of spans have the same numbers in this
// package and in the internal packages. The packages have different types, and conversions between
// them keep the number.
func TestNumbersAgree(t *testing.T) {
	for _, c := range []struct {
		kind    Kind
		compact trace.Kind
		semconv semconv.Kind
	}{
		{KindUnset, trace.KindUnset, semconv.Unset},
		{KindInternal, trace.Internal, semconv.Internal},
		{KindServer, trace.Server, semconv.Server},
		{KindClient, trace.Client, semconv.Client},
		{KindProducer, trace.Producer, semconv.Producer},
		{KindConsumer, trace.Consumer, semconv.Consumer},
	} {
		if uint8(c.kind) != uint8(c.compact) || uint8(c.kind) != uint8(c.semconv) {
			t.Errorf("kind %v has the number %d here, %d in internal/trace and %d in internal/semconv", c.kind, c.kind, c.compact, c.semconv)
		}
		if c.semconv.Calls() != c.compact.Calls() || c.semconv.Serves() != c.compact.Serves() {
			t.Errorf("kind %v is on one side of a call in internal/semconv, and on another in internal/trace", c.kind)
		}
	}
	for status, compact := range map[Status]trace.Status{
		StatusUnset: trace.StatusUnset, StatusOK: trace.StatusOK, StatusError: trace.StatusError,
	} {
		if uint8(status) != uint8(compact) {
			t.Errorf("status %v has the number %d here and %d in internal/trace", status, status, compact)
		}
	}
}
