package histogram

import "testing"

func TestExponentialBoundsAreInclusiveAbove(t *testing.T) {
	for _, c := range []struct {
		v           float64
		scale, want int
	}{
		{1, 0, -1}, {2, 0, 0}, {2.0001, 0, 1}, {4, 0, 1}, {1, 3, -1}, {2, 3, 7}, {1.5, 3, 4}, {4, -1, 0}, {0.25, 0, -3}, {2, -1, 0}, {16, -2, 0},
	} {
		if got := ExponentialIndex(c.v, c.scale); got != c.want {
			t.Errorf("%v at scale %d is in bucket %d, want %d", c.v, c.scale, got, c.want)
		}
	}
}
