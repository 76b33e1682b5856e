package histogram

// MaxWeight is the largest sum of weights. Weights are multiples of 1/4096, so sums up to
// MaxWeight are exact in a float64 and do not depend on the order of the terms. An edge with
// 10,000 calls a second reaches MaxWeight after seven years.
const MaxWeight = 1 << 41

// Sum returns the sum of two weights, at most MaxWeight.
func Sum(a, b float64) float64 {
	if sum := a + b; sum < MaxWeight { // the built-in min takes longer, because of NaN
		return sum
	}
	return MaxWeight
}
