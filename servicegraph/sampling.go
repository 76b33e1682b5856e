package servicegraph

import (
	"math"
	"strconv"
	"strings"

	"github.com/tempograph/tempograph/servicegraph/internal/histogram"
)

// TraceStateWeight returns how many spans a span with a W3C tracestate stands for: the
// reciprocal of the probability with which the span was sampled. It takes the probability from
// the threshold that OpenTelemetry's consistent samplers write ("ot=th:c" is 1 in 4), or else
// from the power of two that their predecessors wrote ("ot=p:2;r:9" is 1 in 4 as well). The
// weight is at least 1, or 0 if it is unknown because the tracestate has neither, or a
// malformed one; [Span.Weight] takes 0 as 1.
func TraceStateWeight(tracestate string) float64 {
	for member := range strings.SplitSeq(tracestate, ",") {
		fields, ok := strings.CutPrefix(strings.Trim(member, " \t"), "ot=")
		if !ok {
			continue
		}
		weight := 0.0
		for field := range strings.SplitSeq(fields, ";") {
			if threshold, ok := strings.CutPrefix(field, "th:"); ok {
				return thresholdWeight(threshold)
			}
			if power, ok := strings.CutPrefix(field, "p:"); ok {
				weight = powerWeight(power)
			}
		}
		return weight // keys are unique: there is no second "ot"
	}
	return 0
}

// powerWeight returns 2ᵖ for p in decimal digits, at most 62, and otherwise 0: with 63 a
// sampler states that the probability is unknown.
func powerWeight(digits string) float64 {
	p, err := strconv.ParseUint(digits, 10, 64)
	if err != nil || len(digits) > 2 || p > 62 {
		return 0
	}
	return float64(uint64(1) << p)
}

// thresholdWeight returns 2⁵⁶/(2⁵⁶-T) for the threshold T in 1 to 14 hexadecimal digits without
// the trailing zeros, and 0 for other text: of 2⁵⁶ equally likely random numbers, the sampler
// dropped those below T.
func thresholdWeight(digits string) float64 {
	const maxDigits, all = 14, 1 << 56
	if len(digits) == 0 || len(digits) > maxDigits {
		return 0
	}
	var t uint64
	for i := range maxDigits {
		t <<= 4
		if i >= len(digits) {
			continue
		}
		switch c := digits[i]; {
		case '0' <= c && c <= '9':
			t |= uint64(c - '0')
		case 'a' <= c && c <= 'f':
			t |= uint64(c-'a') + 10
		default:
			return 0
		}
	}
	return all / float64(all-t)
}

// roundWeight returns a weight as a positive multiple of 1/4096 with at most 24 significant
// bits: see maxWeight. A weight that is 0, negative or not a number counts as 1.
func roundWeight(w float64) float32 {
	if w == 0 || math.IsNaN(w) || w < 0 {
		return 1
	}
	return float32(max(math.Round(min(w, 1<<32)*4096), 1) / 4096)
}

// maxWeight is where weighted counts stop.
const maxWeight = histogram.MaxWeight

// plus returns the sum of two weighted counts, at most maxWeight.
func plus(a, b float64) float64 { return histogram.Sum(a, b) }
