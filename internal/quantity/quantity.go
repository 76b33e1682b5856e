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

// Traces returns the number of traces of a graph. If a limit left out other traces, the text says
// so: it is limited if limited is not empty.
func Traces(n, leftOut uint64, limited string) string {
	switch {
	case leftOut == 0:
		return Of(n, "trace")
	case limited != "":
		return limited
	}
	return "newest " + Of(n, "trace") + " (limit reached)"
}

// Number returns a number with commas between the thousands: "1,234,567". A float64 is rounded to
// 12 significant digits and written with as few decimals as possible. Rounding hides errors of
// floating-point sums: 0.30000000000000004 becomes "0.3".
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

// Plain returns a number as [Number] does, but without commas, so that a parser can read
// it.
func Plain(x float64) string {
	// The format g rounds to significant digits, but may write an exponent. The rounded text is
	// therefore parsed again, and the number is formatted without an exponent.
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

// Noun returns the form of a noun that follows the number n: the singular for 1, the plural
// for any other number, including 0 and 1.5. The noun is given in the singular. If it has
// several words, the last one changes.
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
