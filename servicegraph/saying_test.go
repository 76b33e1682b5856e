package servicegraph

import (
	"fmt"
	"testing"
)

// TestIntakeIsBounded gives an intake one large batch in which nothing comes twice: it
// does not remember more than it may, nor what is too long.
func TestIntakeIsBounded(t *testing.T) {
	in := NewIntake(Config{})
	key := in.Filter(KindClient).Key([]byte("server.address"))
	for i := range 3 * maxKnown {
		res := in.Resource(fmt.Append(nil, "r", i), "s", "", nil)
		raw := RawSpan{TraceID: TraceID{1}, SpanID: SpanID{1}, Kind: KindClient}
		raw.AddAttr(key, fmt.Append(nil, "h", i))
		in.Add(res, &raw)
	}
	if r, s := len(in.resources), len(in.sayings.all); r != maxKnown || s != maxKnown {
		t.Errorf("%d resources and %d sayings, want %d of each", r, s, maxKnown)
	}
	in = NewIntake(Config{})
	raw := RawSpan{TraceID: TraceID{1}, SpanID: SpanID{1}, Kind: KindClient}
	raw.AddAttr(key, make([]byte, maxKnownSaying))
	in.Add(in.Resource(make([]byte, maxKnownResource+1), "s", "", nil), &raw)
	if r, s := len(in.resources), len(in.sayings.all); r+s > 0 {
		t.Errorf("%d resources and %d sayings that are too long", r, s)
	}
}
