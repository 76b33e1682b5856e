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

// The Go fonts draw the PNG, and measure for the SVG, whose viewers use what they have:
// they are one to three percent wider than Arial and its kin, so that text which fits
// in them fits in those.
var (
	regular = sync.OnceValue(func() *typeface { return newTypeface(goregular.TTF) })
	bold    = sync.OnceValue(func() *typeface { return newTypeface(gobold.TTF) })
)

// A typeface measures text. It is safe for concurrent use.
type typeface struct {
	font *sfnt.Font

	mu       sync.Mutex
	buf      sfnt.Buffer
	advances map[rune]float64 // in parts of the size
}

func newTypeface(ttf []byte) *typeface {
	f, err := sfnt.Parse(ttf)
	if err != nil {
		panic(err) // it is part of the program
	}
	return &typeface{font: f, advances: make(map[rune]float64)}
}

// width returns how wide s is in a size.
func (t *typeface) width(s string, size float64) float64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	w := 0.0
	for _, r := range s {
		w += t.advance(r)
	}
	return w * size
}

// advance returns the width of a character in parts of the size, an estimate if the
// font does not have it: those of East Asia are as wide as they are high, emoji wider.
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
