package quantity

import (
	"math"
	"testing"
)

func TestOf(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{Of(0, "span"), "0 spans"},
		{Of(1, "span"), "1 span"},
		{Of(2, "span"), "2 spans"},
		{Of(int64(1234), "span"), "1,234 spans"},
		{Of(uint64(math.MaxUint64), "span"), "18,446,744,073,709,551,615 spans"},
		{Of(1.0, "call"), "1 call"},
		{Of(1.5, "call"), "1.5 calls"},
		{Of(0.5, "call"), "0.5 calls"},
		{Of(1234567.25, "call"), "1,234,567.25 calls"},
		{Of(1, "client or producer span"), "1 client or producer span"},
		{Of(2, "client or producer span"), "2 client or producer spans"},
		{Traces(1, 0, ""), "1 trace"},
		{Traces(2, 0, "unused"), "2 traces"},
		{Traces(1, 1, ""), "newest 1 trace (limit reached)"},
		{Traces(1000, 1, ""), "newest 1,000 traces (limit reached)"},
		{Traces(1000, 1, "newest 1,000 traces of the last 1h (limit reached)"), "newest 1,000 traces of the last 1h (limit reached)"},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}

func TestNumber(t *testing.T) {
	for _, c := range []struct {
		n    float64
		want string
	}{
		{0, "0"}, {999, "999"}, {1000, "1,000"}, {-1, "-1"}, {-999, "-999"}, {-1000, "-1,000"}, {-123456, "-123,456"},
		{0.1 + 0.2, "0.3"}, {1234.5678, "1,234.5678"}, {1e21, "1,000,000,000,000,000,000,000"},
		{math.NaN(), "NaN"}, {math.Inf(1), "+Inf"}, {math.Inf(-1), "-Inf"},
	} {
		if got := Number(c.n); got != c.want {
			t.Errorf("Number(%v) = %q, want %q", c.n, got, c.want)
		}
	}
	if got := Number(-1234); got != "-1,234" {
		t.Errorf("Number of an int = %q, want -1,234", got)
	}
	if got := Plain(1234567.5); got != "1234567.5" {
		t.Errorf("Plain = %q, want 1234567.5", got)
	}
}

func TestNoun(t *testing.T) {
	for _, c := range []struct{ noun, plural string }{
		{"call", "calls"}, {"address", "addresses"}, {"entry", "entries"}, {"key", "keys"},
		{"batch", "batches"}, {"box", "boxes"}, {"trace", "traces"},
	} {
		if got := Noun(1, c.noun); got != c.noun {
			t.Errorf("Noun(1, %q) = %q", c.noun, got)
		}
		for _, n := range []float64{0, 0.5, 1.5, 2, 1000} {
			if got := Noun(n, c.noun); got != c.plural {
				t.Errorf("Noun(%v, %q) = %q, want %q", n, c.noun, got, c.plural)
			}
		}
	}
}
