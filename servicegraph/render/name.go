package render

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/tempograph/tempograph/servicegraph"
)

// NodeID returns an identifier for a node in DOT, HTML and Grafana's data frames, such
// as "service:shop/cart". The identifier is made of type, namespace and name, so that
// distinct nodes have distinct identifiers. Characters that DOT, HTML or a URL fragment
// would have to escape are percent-encoded. A very long identifier ends in a hash.
func NodeID(id servicegraph.NodeID) string {
	s := encode(string(id.Type)) + ":"
	if id.Namespace != "" {
		s += encode(id.Namespace) + "/"
	}
	return identifier(s + encode(id.Name))
}

// identifier replaces the end of a long identifier by a hash, for Graphviz and for
// people who read DOT. The asterisk before the hash is a character that encode never
// writes, so no name can be mistaken for a hash.
func identifier(encoded string) string {
	runes := []rune(encoded)
	if len(runes) <= 200 {
		return encoded
	}
	return fmt.Sprintf("%s*%x", string(runes[:100]), sha256.Sum256([]byte(encoded)))
}

// encode percent-encodes every character that is not a letter, a digit or one of
// "-._~".
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

// visible returns s with every character without a glyph replaced by a Go escape: line
// breaks, other control characters, characters that override the writing direction, and
// bytes that are not UTF-8.
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

// zeroWidthJoiner joins the parts of compound emoji.
const zeroWidthJoiner = '\u200d'

// shorten returns s if it is at most max columns wide, and otherwise the beginning and
// the end of s around an ellipsis. A character without a width counts as one column, so
// that a long sequence of combining marks is shortened as well.
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

// width returns the number of terminal columns of s: two for an East Asian wide
// character and most emoji, none for combining marks and joiners. Terminals differ on
// compound emoji; width adds up the widths of their parts.
func width(s string) int {
	n := 0
	for _, r := range s {
		n += runeWidth(r)
	}
	return n
}

func runeWidth(r rune) int {
	switch {
	case r < 0x300:
		return 1
	case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf):
		return 0
	case unicode.Is(wide, r):
		return 2
	}
	return 1
}

// wide holds the blocks of characters with the East Asian width W or F (UAX #11). The
// scattered wide symbols between U+2000 and U+2BFF are left out: no two terminals agree
// on their width.
var wide = &unicode.RangeTable{
	R16: []unicode.Range16{
		{Lo: 0x1100, Hi: 0x115f, Stride: 1}, // Hangul Jamo
		{Lo: 0x2e80, Hi: 0x303e, Stride: 1}, // CJK radicals to punctuation
		{Lo: 0x3041, Hi: 0x4dbf, Stride: 1}, // kana to CJK ideographs A
		{Lo: 0x4e00, Hi: 0xa4cf, Stride: 1}, // CJK ideographs, Yi
		{Lo: 0xa960, Hi: 0xa97f, Stride: 1}, // Hangul Jamo A
		{Lo: 0xac00, Hi: 0xd7a3, Stride: 1}, // Hangul syllables
		{Lo: 0xf900, Hi: 0xfaff, Stride: 1}, // CJK compatibility ideographs
		{Lo: 0xfe30, Hi: 0xfe6f, Stride: 1}, // CJK compatibility forms
		{Lo: 0xff00, Hi: 0xff60, Stride: 1}, // full-width forms
		{Lo: 0xffe0, Hi: 0xffe6, Stride: 1}, // full-width signs
	},
	R32: []unicode.Range32{
		{Lo: 0x16fe0, Hi: 0x18cff, Stride: 1}, // Tangut, Khitan
		{Lo: 0x1b000, Hi: 0x1b2ff, Stride: 1}, // kana supplements, Nushu
		{Lo: 0x1f300, Hi: 0x1f64f, Stride: 1}, // pictographs, faces
		{Lo: 0x1f680, Hi: 0x1f6ff, Stride: 1}, // transport
		{Lo: 0x1f900, Hi: 0x1f9ff, Stride: 1}, // more pictographs
		{Lo: 0x1fa70, Hi: 0x1faff, Stride: 1}, // and more
		{Lo: 0x20000, Hi: 0x3fffd, Stride: 1}, // CJK ideographs B and on
	},
}
