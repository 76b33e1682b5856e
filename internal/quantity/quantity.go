// Package quantity writes numbers as people read them, with commas between the thousands
// and the noun in its singular or plural: "1 span", "1,234 spans".
package quantity

import (
	"strconv"
	"strings"
)

// Of returns a number with its noun, which is given in the singular.
func Of[N int | int64 | uint64 | float64](n N, noun string) string {
	return Number(n) + " " + Noun(float64(n), noun)
}

// Number returns a number with commas between the thousands: "1,234,567". A fraction
// has no more digits than it needs, and a number no more than 12 beside those before
// the point, which hides the rounding errors of sums: 0.30000000000000004 is "0.3".
func Number[N int | int64 | uint64 | float64](n N) string {
	switch n := any(n).(type) {
	case int:
		return Separate(strconv.Itoa(n))
	case int64:
		return Separate(strconv.FormatInt(n, 10))
	case uint64:
		return Separate(strconv.FormatUint(n, 10))
	}
	return Separate(Plain(float64(n)))
}

// Plain returns a number without separators, as a parser reads it back, and otherwise
// like [Number].
func Plain(x float64) string {
	// The text in the format g may have an exponent, hence the way back through a number.
	if rounded, err := strconv.ParseFloat(strconv.FormatFloat(x, 'g', 12, 64), 64); err == nil {
		x = rounded
	}
	return strconv.FormatFloat(x, 'f', -1, 64)
}

// Separate puts commas between the thousands of a number that is written in decimal
// digits, with or without a sign and a fraction.
func Separate(number string) string {
	start := strings.IndexFunc(number, isDigit)
	if start < 0 {
		return number // NaN, Inf
	}
	whole, fraction, hasFraction := strings.Cut(number, ".")
	for i := len(whole) - 3; i > start; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if hasFraction {
		return whole + "." + fraction
	}
	return whole
}

func isDigit(r rune) bool { return r >= '0' && r <= '9' }

// Noun returns a noun, given in the singular, as it stands after the number n: in the
// singular after 1, in the plural after any other number, 0 and 1.5 included. Of several
// words the last is the noun.
func Noun(n float64, noun string) string {
	if n == 1 {
		return noun
	}
	stem, isY := strings.CutSuffix(noun, "y")
	switch {
	case isY && !strings.HasSuffix(stem, "a") && !strings.HasSuffix(stem, "e") && !strings.HasSuffix(stem, "o") && !strings.HasSuffix(stem, "u"):
		return stem + "ies" // entry, retry; but keys
	case strings.HasSuffix(noun, "s"), strings.HasSuffix(noun, "x"), strings.HasSuffix(noun, "ch"), strings.HasSuffix(noun, "sh"):
		return noun + "es"
	}
	return noun + "s"
}
