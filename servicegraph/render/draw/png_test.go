package draw

import (
	"bytes"
	"image/color"
	"image/png"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tempograph/tempograph/servicegraph/render"
	"github.com/tempograph/tempograph/servicegraph/render/internal/rendertest"
)

// The PNG shows the parts of the scene at their places, in the colors of the theme.
func TestPNGShowsTheScene(t *testing.T) {
	g := rendertest.Shop().Graph(t)
	for _, theme := range []Theme{ThemeAuto, ThemeDark} {
		d := Options{Theme: theme, Style: render.Style{Title: "shop"}}
		s, err := d.scene(g)
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := (PNG{d, 2}).Render(&b, g); err != nil {
			t.Fatal(err)
		}
		img, err := png.Decode(&b)
		if err != nil {
			t.Fatal(err)
		}
		if got := img.Bounds().Size(); got.X != int(2*s.width) || got.Y != int(2*s.height) {
			t.Errorf("%v pixels, want twice %v × %v", got, s.width, s.height)
		}
		p := theme.palette()
		at := func(q point) color.RGBA { return color.RGBAModel.Convert(img.At(int(2*q.x), int(2*q.y))).(color.RGBA) }
		if got := at(point{2, 2}); got != p.rgb("bg") {
			t.Errorf("background %v, want %v", got, p.rgb("bg"))
		}
		checkCards(t, s, p, at)
		checkArrows(t, s, p, at)
		checkHeading(t, s, p, at)
	}
}

// checkCards checks the colors of the cards. at returns the color of a point.
func checkCards(t *testing.T, s *scene, p palette, at func(point) color.RGBA) {
	states := 0
	for _, c := range s.cards {
		fill := p.rgb("card")
		if c.level != render.Healthy {
			fill = p.rgb(c.level.String() + "-card")
			states++
		}
		if got := at(point{c.min.x + 6, c.min.y + 26}); got != fill {
			t.Errorf("card %s has the color %v, want %v", c.id, got, fill)
		}
	}
	if states < 3 {
		t.Errorf("only %d cards are marked", states)
	}
}

// checkArrows checks the colors of the heads of arrows.
func checkArrows(t *testing.T, s *scene, p palette, at func(point) color.RGBA) {
	for _, e := range s.edges {
		name := "edge"
		if e.level != render.Healthy {
			name = e.level.String()
		}
		tip := point{(e.head[0].x + e.head[1].x + e.head[2].x) / 3, (e.head[0].y + e.head[1].y + e.head[2].y) / 3}
		if got := at(tip); got != p.rgb(name) {
			t.Errorf("the arrow of edge %d has the color %v, want %v", e.index, got, p.rgb(name))
		}
	}
}

// checkHeading checks that there is text at the places of the heading.
func checkHeading(t *testing.T, s *scene, p palette, at func(point) color.RGBA) {
	for _, x := range s.heading {
		inked := 0
		for y := x.at.y - x.size; y < x.at.y; y += 0.5 {
			for dx := 0.0; dx < x.width(x.s); dx += 0.5 {
				if at(point{x.at.x + dx, y}) != p.rgb("bg") {
					inked++
				}
			}
		}
		if inked < 100 {
			t.Errorf("no text at the place of the heading %q", x.s)
		}
	}
}

func TestPNGHasASizeLimit(t *testing.T) {
	err := PNG{Scale: 100}.Render(new(bytes.Buffer), rendertest.Shop().Graph(t))
	if err == nil || !strings.Contains(err.Error(), "lower the scale") {
		t.Errorf("error %v", err)
	}
}

func TestPNGIsTheSameEveryTime(t *testing.T) {
	g := rendertest.Shop().Graph(t)
	var a, b bytes.Buffer
	if err := (PNG{}).Render(&a, g); err != nil {
		t.Fatal(err)
	}
	if err := (PNG{}).Render(&b, g); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(a.Bytes(), b.Bytes()) {
		t.Error("two images of one graph differ")
	}
}

// Text in several scripts uses several fonts, and each run begins at the end of the run
// before.
func TestRuns(t *testing.T) {
	x := text{textStyle: nameStyle, s: "cart 注文 api"}
	runs := x.runs()
	joined := ""
	for i, r := range runs {
		if want := nameStyle.width(joined); r.x < want-0.01 || r.x > want+0.01 {
			t.Errorf("run %d begins at %v, want %v", i, r.x, want)
		}
		joined += r.s
	}
	if joined != x.s {
		t.Errorf("the runs contain %q", joined)
	}
	if runs[0].face != bold() {
		t.Error("Latin letters are in another font")
	}
	cjk := slices.ContainsFunc(fallbacks(), func(f *typeface) bool { return f.has('注') })
	if got := len(runs) == 3; got != cjk {
		t.Errorf("%d runs, and fonts for East Asia on this system: %v", len(runs), cjk)
	}
	if w := nameStyle.width("注文"); w != 2*nameStyle.size {
		t.Errorf("two ideographs are %v wide", w)
	}
}

// Scripts that are written from right to left are drawn from right to left.
func TestVisualOrder(t *testing.T) {
	for s, want := range map[string]string{
		"cart": "cart", "": "", "注文-2": "注文-2",
		"\u05d0\u05d1\u05d2":             "\u05d2\u05d1\u05d0",
		"shop \u05d0\u05d1 x":            "shop \u05d1\u05d0 x",
		"\u05d0\u05d1-2":                 "2-\u05d1\u05d0",
		"\u062a\u0634/\u0645\u062f, api": "\u062f\u0645/\u0634\u062a, api",
	} {
		if got := visual(s); got != want {
			t.Errorf("%+q is shown as %+q, want %+q", s, got, want)
		}
	}
}

// A character that no font has is a box and not empty.
func TestMissingCharacters(t *testing.T) {
	dark := func(name string) (n int) {
		traffic := &rendertest.Traffic{Window: time.Minute}
		traffic.Entry(name, rendertest.Load{Calls: 1, Typical: time.Second})
		var b bytes.Buffer
		if err := (PNG{Options: Options{Theme: ThemeLight}, Scale: 1}).Render(&b, traffic.Graph(t)); err != nil {
			t.Fatal(err)
		}
		img, err := png.Decode(&b)
		if err != nil {
			t.Fatal(err)
		}
		for y := range img.Bounds().Dy() {
			for x := range img.Bounds().Dx() {
				if r, _, _, _ := img.At(x, y).RGBA(); r < 0x6000 {
					n++
				}
			}
		}
		return n
	}
	const private = "\U000f0000" // of the area for private use, which no usual font has
	if empty, some := dark("."), dark(private+private+private); some < empty+20 {
		t.Errorf("%d dark pixels, with three missing characters %d", empty, some)
	}
}
