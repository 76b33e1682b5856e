package servicegraph

import (
	"testing"

	"github.com/tempograph/tempograph/servicegraph/internal/semconv"
	"github.com/tempograph/tempograph/servicegraph/internal/trace"
)

// TestNumbersAgree wants the kinds and statuses of spans, which have types of their own in
// the internal packages, to have the same numbers everywhere: they are converted as numbers.
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
			t.Errorf("kind %v is %d, %d and %d", c.kind, c.kind, c.compact, c.semconv)
		}
		if c.kind.calls() != c.compact.Calls() || c.kind.serves() != c.compact.Serves() {
			t.Errorf("kind %v is another side of a call in internal/trace", c.kind)
		}
	}
	for status, compact := range map[Status]trace.Status{
		StatusUnset: trace.StatusUnset, StatusOK: trace.StatusOK, StatusError: trace.StatusError,
	} {
		if uint8(status) != uint8(compact) {
			t.Errorf("status %v is %d and %d", status, status, compact)
		}
	}
}
