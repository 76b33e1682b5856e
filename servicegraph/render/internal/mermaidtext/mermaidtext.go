// Package mermaidtext writes texts of Mermaid diagrams.
package mermaidtext

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// Quote returns s as the text of a quoted label, or of a message. Most punctuation is written as a
// character code such as "#34;", because Mermaid interprets Markdown, HTML, formulas,
// icons and its own syntax even in a quoted label. The space after the word direction is
// a code as well, because a line that contains "direction TB" is a command.
func Quote(s string) string {
	var b strings.Builder
	runes := []rune(s)
	for i, r := range runes {
		if isPlain(runes, i) {
			b.WriteRune(r)
		} else {
			fmt.Fprintf(&b, "#%d;", r)
		}
	}
	return strings.ReplaceAll(b.String(), "direction ", "direction#32;")
}

// isPlain reports whether the character at i needs no code: letters, digits, single
// spaces, characters outside ASCII, and some punctuation within a word. The characters
// ﬂ and ¶ need one, because Mermaid uses them internally in place of # and ;.
func isPlain(s []rune, i int) bool {
	alnum := func(i int) bool { return i >= 0 && i < len(s) && (unicode.IsLetter(s[i]) || unicode.IsDigit(s[i])) }
	switch r := s[i]; {
	case r == 'ﬂ' || r == '¶':
		return false
	case r > unicode.MaxASCII || alnum(i):
		return true
	case r == ' ':
		return i > 0 && s[i-1] != ' ' && i < len(s)-1
	default:
		return slices.Contains([]rune("-._/"), r) && alnum(i-1) && alnum(i+1) ||
			slices.Contains([]rune("%,"), r) && alnum(i-1)
	}
}
