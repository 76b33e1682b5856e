package semconv

import (
	"strings"
	"unicode/utf8"
)

// Limits on texts, in bytes. A graph keeps no text of more than MaxText bytes. Of the value of an
// attribute, only the first MaxValue bytes are interpreted. The limit is higher, because the texts
// of a graph can be parts of values.
const (
	MaxText  = 1 << 10
	MaxValue = 4 << 10
)

// mark is the end of a text that was cut.
const mark = "…"

// ValidText returns a text in which U+FFFD replaces every byte that is not UTF-8, as
// encoding/json does. Names and values from every source become valid by this rule, so that one
// name is one node.
func ValidText(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return string([]rune(s))
}

// CutText returns a valid text. A text of more than MaxText bytes is cut at the end of a
// character, and ends in "…". The result shares no memory with a text that is cut.
func CutText(s string) string {
	if len(s) <= MaxText {
		return ValidText(s)
	}
	s = ValidText(s[:MaxText]) // at most three times as long
	return s[:wholeLen(s, MaxText-len(mark))] + mark
}

// CutValue returns the part of the value of an attribute that is interpreted: at most MaxValue
// bytes, up to the end of a character. The result shares no memory with a value that is cut.
func CutValue(s string) string {
	if len(s) <= MaxValue {
		return s
	}
	return strings.Clone(s[:wholeLen(s, MaxValue)])
}

// CutBytes returns the part of the value of an attribute that is interpreted: see [CutValue].
func CutBytes(b []byte) []byte {
	if len(b) <= MaxValue {
		return b
	}
	return b[:wholeLen(b, MaxValue)]
}

// wholeLen returns the length of the longest prefix of s that has at most most bytes and does not
// end inside a character. The text s is longer than that.
func wholeLen[T string | []byte](s T, most int) int {
	for n := most; n > most-utf8.UTFMax; n-- {
		if utf8.RuneStart(s[n]) {
			return n
		}
	}
	return most // not UTF-8
}
