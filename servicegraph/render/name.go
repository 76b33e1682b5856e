package render

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/tempograph/tempograph/servicegraph"
)

// NodeID returns the name of a node in DOT, which is also the id of its element
// in SVG: "service:shop/cart". It is made of the whole identity, so that two
// nodes that share a name stay two, and has no characters that DOT, SVG or a URL
// fragment would have to escape: those are percent-encoded. A very long one ends
// in a hash.
func NodeID(id servicegraph.NodeID) string {
	s := encode(string(id.Type)) + ":"
	if id.Namespace != "" {
		s += encode(id.Namespace) + "/"
	}
	return identifier(s + encode(id.Name))
}

// identifier shortens what is too long for Graphviz and for readers of DOT. The
// asterisk is there because encode has none: no name can pass for a hash.
func identifier(encoded string) string {
	runes := []rune(encoded)
	if len(runes) <= 200 {
		return encoded
	}
	return fmt.Sprintf("%s*%x", string(runes[:100]), sha256.Sum256([]byte(encoded)))
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
// its end around an ellipsis. Characters without a width count as one column, so
// that a pile of accents ends, too.
func shorten(s string, max int) string {
	runes := []rune(s)
	total := 0
	for _, r := range runes {
		total += columns(r)
	}
	if total <= max {
		return s
	}
	head, used := 0, 1 // the ellipsis
	for used+columns(runes[head]) <= (max+2)/2 {
		used += columns(runes[head])
		head++
	}
	tail := len(runes)
	for used+columns(runes[tail-1]) <= max {
		tail--
		used += columns(runes[tail])
	}
	return string(runes[:head]) + "…" + string(runes[tail:])
}

func columns(r rune) int { return max(1, runeWidth(r)) }
