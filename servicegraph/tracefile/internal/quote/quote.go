// Package quote shortens and quotes parts of an input for one-line error messages.
package quote

import (
	"bytes"
	"strconv"
	"strings"
)

// ExcerptLen is how many bytes of an input an excerpt depends on, at most.
const ExcerptLen = 512

// maxExcerpt is how many bytes of the input an excerpt shows.
const maxExcerpt = 40

const blanks = " \t\r\n\xef\xbb\xbf" // white space, and the bytes of a byte order mark

// Excerpt quotes the beginning of the first line that is not blank. If that line is only
// an opening bracket of JSON, the lines after it are joined to it.
func Excerpt(b []byte) string {
	b = bytes.TrimLeft(b, blanks)
	line, _, _ := bytes.Cut(b, []byte("\n"))
	if len(bytes.TrimRight(line, blanks)) == 1 && (line[0] == '{' || line[0] == '[') {
		line = bytes.Join(bytes.Fields(b[:min(len(b), len(line)+400)]), []byte(" "))
	}
	s := Shorten(string(bytes.TrimRight(line, "\r")), maxExcerpt)
	if strings.Contains(s, `"`) && strconv.CanBackquote(s) {
		return "`" + s + "`"
	}
	return strconv.Quote(s)
}

// HasExcerpt reports whether b holds all bytes on which its excerpt depends: a complete line that
// is more than one bracket.
func HasExcerpt(b []byte) bool {
	line, _, ended := bytes.Cut(bytes.TrimLeft(b, blanks), []byte("\n"))
	return ended && len(bytes.TrimRight(line, blanks)) > 1
}

// Shorten cuts a string to at most n bytes, and marks the cut with an ellipsis.
func Shorten(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return s[:n] + "…"
}
