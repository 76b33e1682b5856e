package draw

import (
	"sync"
	"unicode"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
	"golang.org/x/text/width"
)

// The text of a PNG is set in the Go fonts. The text of an SVG is measured in the Go fonts,
// although viewers show it in fonts of their system: the Go fonts are one to three percent
// wider than Arial and similar fonts, so text that fits in a Go font also fits in those.
var (
	regular = sync.OnceValue(func() *typeface { return newTypeface(goregular.TTF) })
	bold    = sync.OnceValue(func() *typeface { return newTypeface(gobold.TTF) })
)

// A typeface measures text. It is safe for concurrent use.
type typeface struct {
	font *sfnt.Font

	mu       sync.Mutex
	buf      sfnt.Buffer
	advances map[rune]float64 // in multiples of the font size
}

func newTypeface(ttf []byte) *typeface {
	f, err := sfnt.Parse(ttf)
	if err != nil {
		panic(err) // the font is part of the program
	}
	return &typeface{font: f, advances: make(map[rune]float64)}
}

// width returns the width of s in a font size.
func (t *typeface) width(s string, size float64) float64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	w := 0.0
	for _, r := range s {
		w += t.advance(r)
	}
	return w * size
}

// advance returns the width of a character in multiples of the font size. The width is an
// estimate if the font lacks the character: 1 for East Asian wide characters, 1.3 for
// emoji, 0 for combining marks, and 0.6 for others.
func (t *typeface) advance(r rune) float64 {
	if w, ok := t.advances[r]; ok {
		return w
	}
	w := 0.6
	if glyph, err := t.font.GlyphIndex(&t.buf, r); err == nil && glyph != 0 {
		units := fixed.I(int(t.font.UnitsPerEm()))
		if a, err := t.font.GlyphAdvance(&t.buf, glyph, units, font.HintingNone); err == nil {
			w = float64(a) / float64(units)
		}
	} else {
		switch kind := width.LookupRune(r).Kind(); {
		case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf):
			w = 0
		case r >= 0x1f000 && r < 0x20000:
			w = 1.3
		case kind == width.EastAsianWide || kind == width.EastAsianFullwidth:
			w = 1
		}
	}
	t.advances[r] = w
	return w
}

// has reports whether the font has a glyph for the character.
func (t *typeface) has(r rune) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	glyph, err := t.font.GlyphIndex(&t.buf, r)
	return err == nil && glyph != 0
}
