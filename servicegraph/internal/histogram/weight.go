package histogram

// MaxWeight is where sums of weights stop. Weights are multiples of 1/4096, so that sums
// below MaxWeight are exact in a float64 and do not depend on the order; at 10,000 calls a
// second one edge gets there in seven years.
const MaxWeight = 1 << 41

// Sum returns the sum of two weights, at most MaxWeight.
func Sum(a, b float64) float64 {
	if sum := a + b; sum < MaxWeight { // the built-in min takes longer, because of NaN
		return sum
	}
	return MaxWeight
}
