package histogram

import "math"

// ExponentialIndex returns the index of the bucket that holds v, which is above 0, in a base-2
// exponential histogram as in OTLP: the bucket with index i ends at base^(i+1), where base is
// 2^(2^-scale).
func ExponentialIndex(v float64, scale int) int {
	mantissa, exponent := math.Frexp(v) // v = mantissa × 2^exponent, mantissa in [0.5, 1)
	if mantissa == 0.5 {                // a power of two is the upper bound of its bucket
		return scaled(exponent-1, scale) - 1
	}
	index := math.Ceil(math.Ldexp(math.Log2(mantissa)+float64(exponent), scale)) - 1
	return int(index)
}

// scaled returns ceil(n × 2^scale).
func scaled(n, scale int) int { return int(math.Ceil(math.Ldexp(float64(n), scale))) }
