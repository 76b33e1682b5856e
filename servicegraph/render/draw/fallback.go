package draw

import (
	"iter"
	"os"
	"strings"
	"sync"
	"unicode"

	"github.com/flopp/go-findfont"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/text/unicode/bidi"
)

// systemFonts are file names of common system fonts with characters that the Go fonts
// lack: East Asian fonts first, then symbols.
var systemFonts = []string{
	"NotoSansCJK-Regular.ttc", "NotoSansCJKsc-Regular.otf", "NotoSansSC-Regular.otf", "SourceHanSans-Regular.ttc",
	"DroidSansFallbackFull.ttf", "wqy-microhei.ttc", "wqy-zenhei.ttc",
	"PingFang.ttc", "Hiragino Sans GB.ttc", "AppleSDGothicNeo.ttc", "Arial Unicode.ttf", "msyh.ttc", "malgun.ttf",
	"NotoSans-Regular.ttf", "DejaVuSans.ttf", "seguisym.ttf", "NotoEmoji-Regular.ttf", "Symbola.ttf", "Symbola_hint.ttf",
}

// fallbacks returns the fonts of this system from the list systemFonts. The first
// character that needs one starts the search: most images need none.
var fallbacks = sync.OnceValue(func() (list []*typeface) {
	for _, name := range systemFonts {
		path, err := findfont.Find(name)
		if err != nil {
			continue
		}
		data, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		if c, err := sfnt.ParseCollection(data); err == nil && c.NumFonts() > 0 {
			if f, err := c.Font(0); err == nil {
				list = append(list, &typeface{font: f, advances: make(map[rune]float64)})
			}
		}
	}
	return list
})

// faceOf returns the typeface for a character: t if t has the character, otherwise the
// first system font that has it. If no font has it, faceOf returns t, which shows a box.
func (t *typeface) faceOf(r rune) *typeface {
	if t.has(r) {
		return t
	}
	for _, f := range fallbacks() {
		if f.has(r) {
			return f
		}
	}
	return t
}

// A run is a part of a text in one typeface.
type run struct {
	face *typeface
	s    string
	x    float64 // offset from the beginning of the text
}

// parts returns the parts of the run that the typeface has, and those that it lacks, in order.
func (r run) parts() iter.Seq2[bool, string] {
	return func(yield func(bool, string) bool) {
		part, has := "", false
		for _, c := range r.s {
			now := r.face.has(c)
			if now != has && part != "" {
				if !yield(has, part) {
					return
				}
				part = ""
			}
			part, has = part+string(c), now
		}
		if part != "" {
			yield(has, part)
		}
	}
}

// visual returns a text in the order in which its characters stand from left to right. Words in
// scripts that are written from right to left are reversed, and numbers after them come before
// them.
func visual(s string) string {
	var p bidi.Paragraph
	if _, err := p.SetString(s, bidi.DefaultDirection(bidi.LeftToRight)); err != nil {
		return s
	}
	order, err := p.Order()
	if err != nil {
		return s
	}
	shown, group, tail := "", "", "" // the tail is punctuation after the group
	for i := range order.NumRuns() {
		r := order.Run(i)
		switch text := r.String(); {
		case r.Direction() == bidi.RightToLeft:
			word := strings.TrimRightFunc(text, func(c rune) bool { return !unicode.In(c, unicode.L, unicode.M, unicode.N) })
			group, tail = bidi.ReverseString(tail+word)+group, text[len(word):]
		case group != "" && !strings.ContainsFunc(text, unicode.IsLetter):
			group, tail = text+bidi.ReverseString(tail)+group, ""
		default:
			shown, group, tail = shown+group+tail+text, "", ""
		}
	}
	return shown + group + tail
}

// runs splits a text into parts of one typeface, from left to right.
func (t text) runs() []run {
	var list []run
	x := 0.0
	for _, r := range visual(t.s) {
		face := t.face().faceOf(r)
		if len(list) == 0 || list[len(list)-1].face != face {
			list = append(list, run{face: face, x: x})
		}
		list[len(list)-1].s += string(r)
		x += t.width(string(r))
	}
	return list
}
