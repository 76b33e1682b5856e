package render

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/tempograph/tempograph/internal/quantity"
	"github.com/tempograph/tempograph/servicegraph"
)

// unknown is the text of a value that was not measured.
const unknown = "–"

// count formats a weighted number of calls: with separators, with one decimal if the weights do not
// add up to a whole number, and with three digits from a million on.
func count(n float64) string {
	switch {
	case n >= 999_500_000:
		return trim(n/1e9, 2) + "G"
	case n >= 999_500:
		return trim(n/1e6, 2) + "M"
	case n == math.Trunc(n):
		return quantity.Separate(strconv.FormatFloat(n, 'f', 0, 64))
	}
	return quantity.Separate(strconv.FormatFloat(n, 'f', 1, 64))
}

// plural returns the number and the noun, in the singular for 1 and in the plural
// otherwise.
func plural(n float64, noun string) string { return count(n) + " " + quantity.Noun(n, noun) }

// A period is the unit of time of a rate.
type period struct {
	name   string
	length time.Duration
}

// periodOf returns the period that suits a rate: the second, or the minute for less
// than one call per second, or the hour for less than one call per minute.
func periodOf(perSecond float64) period {
	switch {
	case perSecond >= 1:
		return period{"/s", time.Second}
	case perSecond >= 1.0/60:
		return period{"/min", time.Minute}
	default:
		return period{"/h", time.Hour}
	}
}

// rate formats calls per second in the period. A rate above zero is never shown as
// zero.
func (p period) rate(perSecond float64) string {
	v := perSecond * p.length.Seconds()
	if v >= 999.5 {
		return significant(v/1000) + "k" + p.name
	}
	return significant(v) + p.name
}

// percent formats the ratio of n to total in percent, with two digits. A ratio above 0
// is never shown as 0 %, one below 1 never as 100 %.
func percent(n, total float64) string {
	if total == 0 {
		return unknown
	}
	switch p := 100 * n / total; {
	case p == 0:
		return "0%"
	case p < 0.01:
		return "<0.01%"
	case p < 1:
		return trim(p, 2) + "%"
	case p < 10:
		return trim(p, 1) + "%"
	case p >= 99.5 && n < total:
		return ">99%"
	default:
		return trim(p, 0) + "%"
	}
}

// trim formats v with at most the given number of decimals.
func trim(v float64, decimals int) string {
	s := strconv.FormatFloat(v, 'f', decimals, 64)
	if strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	return s
}

// significant formats v with three significant digits if v is from 0.1 to 1,000, and with two
// if v is smaller. Zeros at the end are left out. A v above 0 is never shown as 0.
func significant(v float64) string {
	switch {
	case v > 0 && v < 0.00001:
		return "<0.000001"
	case v >= 99.95:
		return trim(v, 0)
	case v >= 9.995:
		return trim(v, 1)
	case v >= 0.9995:
		return trim(v, 2)
	case v >= 0.0995:
		return trim(v, 3)
	}
	decimals := 3
	for limit := 0.00995; v < limit && decimals < maxDecimals; limit /= 10 {
		decimals++
	}
	return trim(v, decimals)
}

// maxDecimals is the largest number of decimals.
const maxDecimals = 6

// A unit is a unit of duration.
type unit struct {
	name string
	size time.Duration
}

// unitOf returns the unit in which d has less than 1,000 units after rounding, and at least
// one; days are the largest unit. A duration of 0 is in milliseconds.
func unitOf(d time.Duration) unit {
	switch {
	case d >= 59_970*time.Minute:
		return unit{"d", 24 * time.Hour}
	case d >= 59_970*time.Second:
		return unit{"h", time.Hour}
	case d >= 999_500*time.Millisecond:
		return unit{"min", time.Minute}
	case d >= 999_500*time.Microsecond:
		return unit{"s", time.Second}
	case d >= 999_500*time.Nanosecond || d == 0:
		return unit{"ms", time.Millisecond}
	case d >= time.Microsecond:
		return unit{"µs", time.Microsecond}
	default:
		return unit{"ns", time.Nanosecond}
	}
}

// number formats d in the unit, without the name of the unit, and with at most three
// significant digits below 1,000. A duration above zero is never shown as zero.
func (u unit) number(d time.Duration) string {
	return significant(float64(d) / float64(u.size))
}

// duration formats d in the unit that suits d.
func duration(d time.Duration) string {
	u := unitOf(d)
	return u.number(d) + " " + u.name
}

// quantiles formats the median, the 95th and the 99th percentile of l in one unit, and
// returns the name of the unit. The numbers are unknown if l is empty.
func quantiles(l servicegraph.Latency) (p50, p95, p99, name string) {
	if l.Count() == 0 {
		return unknown, unknown, unknown, ""
	}
	u := unitOf(l.Quantile(0.99))
	return u.number(l.Quantile(0.50)), u.number(l.Quantile(0.95)), u.number(l.Quantile(0.99)), u.name
}

// The exported functions format numbers and names as the formats of this package do, for
// formats of other packages.

// CountText formats a weighted number of calls: "18,240", or with three digits and a
// unit from a million on, "1.24M".
func CountText(n float64) string { return count(n) }

// PercentText formats the ratio of n to total in percent: "5.8%". The result is "–"
// where total is 0.
func PercentText(n, total float64) string { return percent(n, total) }

// DurationText formats a duration in the unit that suits its length: "627 µs".
func DurationText(d time.Duration) string { return duration(d) }

// NameText formats an untrusted name for display: characters without a glyph become
// escapes, and a name wider than max columns is shortened in the middle.
func NameText(name string, max int) string { return shorten(visible(name), max) }

// MarkdownCode returns s as inline code of GitHub Markdown, which is safe in a table.
func MarkdownCode(s string) string { return code(s) }
