package draw

import (
	"os"
	"sync"

	"github.com/flopp/go-findfont"
	"golang.org/x/image/font/sfnt"
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

// runs splits a text into parts of one typeface.
func (t text) runs() []run {
	var list []run
	x := 0.0
	for _, r := range t.s {
		face := t.face().faceOf(r)
		if len(list) == 0 || list[len(list)-1].face != face {
			list = append(list, run{face: face, x: x})
		}
		list[len(list)-1].s += string(r)
		x += t.width(string(r))
	}
	return list
}
