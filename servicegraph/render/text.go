package render

import (
	"time"
)

// The functions of this file format numbers and names as the formats of this package
// do, for formats of other packages.

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
