package servicegraph

import (
	"math"
	"testing"
)

func TestRoundWeight(t *testing.T) {
	for _, test := range []struct{ weight, want float64 }{
		{0, 1}, {-1, 1}, {math.NaN(), 1},
		{1, 1}, {3.5, 3.5},
		{1.0 / 3, 1365.0 / 4096}, {7.777, 31855.0 / 4096},
		{1e-9, 1.0 / 4096},
		{1<<24 + 1, 1 << 24}, {100_000 + 1.0/4096, 100_000},
		{1 << 40, 1 << 32}, {math.Inf(1), 1 << 32},
	} {
		got := float64(roundWeight(test.weight))
		if got != test.want {
			t.Errorf("the weight %v becomes %v, want %v", test.weight, got, test.want)
		}
		if again := float64(roundWeight(got)); again != got {
			t.Errorf("the weight %v becomes %v, and then %v", test.weight, got, again)
		}
	}
}
