package render

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/tempograph/tempograph/servicegraph"
)

// NodeID returns the name of a node in DOT, which is also the id of its element
// in SVG: "service:shop/cart". It is made of the whole identity, so that two
// nodes that share a name stay two, and has no characters that DOT, SVG or a URL
// fragment would have to escape: those are percent-encoded.
func NodeID(id servicegraph.NodeID) string {
	s := encode(string(id.Type)) + ":"
	if id.Namespace != "" {
		s += encode(id.Namespace) + "/"
	}
	return s + encode(id.Name)
}

// encode percent-encodes what is not a letter, a digit or one of "-._~".
func encode(s string) string {
	var b strings.Builder
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		if unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("-._~", r) {
			b.WriteString(s[:size])
		} else {
			for i := range size {
				fmt.Fprintf(&b, "%%%02X", s[i])
			}
		}
		s = s[size:]
	}
	return b.String()
}

// visible returns s with every character that has no glyph of its own replaced
// by its escape in Go: line breaks, other control characters, the overrides of
// writing direction, bytes that are not UTF-8.
func visible(s string) string {
	if s == "" {
		return "(no name)"
	}
	var b strings.Builder
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, s[0])
		case unicode.IsPrint(r) || r == zeroWidthJoiner:
			b.WriteRune(r)
		default:
			q := fmt.Sprintf("%+q", r) // '\n', '\u202e'
			b.WriteString(q[1 : len(q)-1])
		}
		s = s[size:]
	}
	return b.String()
}

// zeroWidthJoiner holds compound emoji together.
const zeroWidthJoiner = '\u200d'

// shorten returns s if it is at most max columns wide, else its beginning and
// its end around an ellipsis.
func shorten(s string, max int) string {
	if width(s) <= max {
		return s
	}
	runes := []rune(s)
	room := max - 1
	head, tail := 0, len(runes)
	for used := 0; ; {
		if w := runeWidth(runes[head]); used+w <= (room+1)/2 {
			used += w
			head++
			continue
		}
		break
	}
	for used := width(string(runes[:head])); ; {
		if w := runeWidth(runes[tail-1]); used+w <= room {
			used += w
			tail--
			continue
		}
		break
	}
	return string(runes[:head]) + "…" + string(runes[tail:])
}
