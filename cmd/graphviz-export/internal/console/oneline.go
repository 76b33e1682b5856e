package console

import (
	"strings"
	"unicode"
)

// OneLine makes the text of an error safe for a terminal. An error may contain a file name or text
// from a server; the result has no line breaks, no control sequences and no characters that change
// the writing direction.
func OneLine(s string) string {
	s = strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r == '\n' || r == '\r' }), " ")
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) || unicode.Is(unicode.Zs, r) {
			return r
		}
		return unicode.ReplacementChar
	}, s)
}
