package graphdiff

import (
	"cmp"
	"math"
	"slices"
)

// normal95 is the quantile of the normal distribution for two-sided intervals of 95 %.
const normal95 = 1.959964

// logChoose returns the logarithm of the binomial coefficient n over k.
func logChoose(n, k float64) float64 {
	a, _ := math.Lgamma(n + 1)
	b, _ := math.Lgamma(k + 1)
	c, _ := math.Lgamma(n - k + 1)
	return a - b - c
}

// poissonTest returns the probability that two Poisson counts with equal rates differ at least as
// much as a and b, which were counted over the exposures ea and eb: given the sum, a is binomial.
// least is the smallest probability that any split of the sum could have. The result is the same if
// both sides are exchanged. Counts are rounded down.
func poissonTest(a, b, ea, eb float64) (p, least float64) {
	a, b = math.Floor(a), math.Floor(b)
	share, n := ea/(ea+eb), a+b
	least = min(1, 2*min(math.Exp(n*math.Log(share)), math.Exp(n*math.Log1p(-share))))
	mean := n * share
	k, prob := a, share // the tail at and beyond the smaller side
	if a > mean {
		k, prob = b, 1-share
	}
	tail := tailSum(k, func(i float64) float64 {
		return logChoose(n, i) + i*math.Log(prob) + (n-i)*math.Log1p(-prob)
	})
	return min(1, 2*tail), least
}

// fisherTest returns the probability that, if failures are spread at random over na and nb samples,
// they differ at least as much as xa and xb: Fisher's exact test with both tails equal. least is
// the smallest probability that any split of the failures could have. The result is the same if
// both sides are exchanged. Numbers are rounded down.
func fisherTest(xa, na, xb, nb float64) (p, least float64) {
	xa, na, xb, nb = math.Floor(xa), math.Floor(na), math.Floor(xb), math.Floor(nb)
	x, n := xa+xb, na+nb
	if x == 0 || x == n || na == 0 || nb == 0 {
		return 1, 1
	}
	log := func(n1, n2 float64) func(float64) float64 { // of i failures among n1 of the n1+n2 samples
		return func(i float64) float64 { return logChoose(n1, i) + logChoose(n2, x-i) - logChoose(n, x) }
	}
	lowest := func(n1, n2 float64) float64 { return math.Exp(log(n1, n2)(max(0, x-n2))) }
	least = min(1, 2*min(lowest(na, nb), lowest(nb, na)))
	k, n1, n2 := xa, na, nb
	if xa*nb > xb*na {
		k, n1, n2 = xb, nb, na
	}
	bottom := max(0, x-n2)
	tail := tailSum(k, func(i float64) float64 {
		if i < bottom {
			return math.Inf(-1)
		}
		return log(n1, n2)(i)
	})
	return min(1, 2*tail), least
}

// tailSum returns the sum of the probabilities of k, k-1, …, 0, whose logarithms are given. It ends
// when the terms no longer matter, because the probabilities fall below the mean.
func tailSum(k float64, log func(float64) float64) float64 {
	sum := 0.0
	for i := k; i >= 0; i-- {
		term := math.Exp(log(i))
		sum += term
		if term < sum*1e-12 {
			break
		}
	}
	return sum
}

// wilson returns the Wilson interval of a ratio of x in n.
func wilson(x, n float64) (low, high float64) {
	if n == 0 {
		return 0, 1
	}
	const z = normal95
	p := x / n
	center := (p + z*z/(2*n)) / (1 + z*z/n)
	half := z * math.Sqrt(p*(1-p)/n+z*z/(4*n*n)) / (1 + z*z/n)
	return max(0, center-half), min(1, center+half)
}

// newcombe returns the interval of the difference of two ratios, head minus base, from their
// Wilson intervals.
func newcombe(base, nb, head, nh float64) (low, high float64) {
	bl, bh := wilson(base*nb, nb)
	hl, hh := wilson(head*nh, nh)
	d := head - base
	return d - math.Hypot(head-hl, bh-base), d + math.Hypot(hh-head, base-bl)
}

// twoSided returns the probability that a standard normal variable is at least as far from 0.
func twoSided(z float64) float64 { return math.Erfc(math.Abs(z) / math.Sqrt2) }

// A test is the result of one test: its probability, and the smallest that it could have.
type test struct {
	p, least float64
	passed   bool // the probability is too small for chance
}

// holm marks the tests that pass, and returns how many tests counted. Without any change, the
// probability that a test passes is at most alpha over all tests together. Tests that could not
// pass do not count (Tarone's method).
func holm(tests []*test, alpha float64) int {
	count := 0
	for k := 1; k <= len(tests); k++ {
		able := 0
		for _, t := range tests {
			if t.least <= alpha/float64(k) {
				able++
			}
		}
		if count = k; able <= k {
			break
		}
	}
	counted := slices.Clone(tests)
	counted = slices.DeleteFunc(counted, func(t *test) bool { return t.least > alpha/float64(count) })
	slices.SortStableFunc(counted, func(a, b *test) int { return cmp.Compare(a.p, b.p) })
	for i, t := range counted {
		if t.p > alpha/float64(len(counted)-i) {
			break
		}
		t.passed = true
	}
	return len(counted)
}
