package console

import (
	"strings"
	"unicode"
)

// OneLine makes the text of an error safe for a terminal: text from a server or a file name
// cannot break the line, send control sequences, or change the direction in which the line is
// shown.
func OneLine(s string) string {
	s = strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r == '\n' || r == '\r' }), " ")
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) || unicode.Is(unicode.Zs, r) {
			return r
		}
		return unicode.ReplacementChar
	}, s)
}
