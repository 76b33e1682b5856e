package draw

import (
	"image/color"
	"maps"
	"strconv"
)

// A Theme selects the colors of an image.
type Theme string

// The themes.
const (
	ThemeAuto  Theme = "" // in SVG the preference of the reader, in PNG light
	ThemeLight Theme = "light"
	ThemeDark  Theme = "dark"
)

// A palette is a set of colors by purpose. A healthy graph is gray, so that trouble
// stands out. Text has a contrast to its background of at least 4.5, a line of at least
// 3 (WCAG 1.4.3, 1.4.11); TestContrast checks this.
type palette map[string]string

var light = palette{
	"bg": "#ffffff", "ink": "#1b2330", "mute": "#5d6878",
	"box": "#f6f8fa", "box-line": "#e3e8ee",
	"card": "#ffffff", "card-line": "#cfd5de", "peer-line": "#7c899b", "edge": "#7c899b",
	"warn": "#b26a00", "warn-ink": "#8a5200", "warn-card": "#fff7e8",
	"error": "#c4262e", "error-ink": "#a51d27", "error-card": "#fff0f0",
}

var dark = palette{
	"bg": "#0f141b", "ink": "#e8edf4", "mute": "#9aa7b8",
	"box": "#141a22", "box-line": "#242d38",
	"card": "#1a212b", "card-line": "#384250", "peer-line": "#78869a", "edge": "#6f7d8f",
	"warn": "#e2a33b", "warn-ink": "#f0b95c", "warn-card": "#2c2416",
	"error": "#ff6b6b", "error-ink": "#ff9a9a", "error-card": "#321b1f",
}

// The colors of marks. Only images with marks use them.
var (
	lightMarks = palette{
		"good": "#1a7f37", "good-ink": "#116329", "good-card": "#eefaf1",
		"past": "#7c899b", "past-ink": "#5d6878", "past-card": "#f6f8fa",
	}
	darkMarks = palette{
		"good": "#3fb950", "good-ink": "#7ee787", "good-card": "#13261a",
		"past": "#78869a", "past-ink": "#9aa7b8", "past-card": "#141a22",
	}
)

// palette returns the colors of a theme.
func (t Theme) palette() palette {
	if t == ThemeDark {
		return dark
	}
	return light
}

// withMarks returns the colors of the palette and those of marks.
func (p palette) withMarks() palette {
	all := maps.Clone(p)
	if p["bg"] == dark["bg"] {
		maps.Copy(all, darkMarks)
	} else {
		maps.Copy(all, lightMarks)
	}
	return all
}

// rgb returns a color of the palette.
func (p palette) rgb(name string) color.RGBA {
	n, err := strconv.ParseUint(p[name][1:], 16, 32)
	if err != nil {
		panic("draw: no color " + name)
	}
	return color.RGBA{uint8(n >> 16), uint8(n >> 8), uint8(n), 0xff}
}

// leveled returns the name of a color for a level: "warn-ink" for "ink" and "warn".
func leveled(level, name string) string {
	if level == "ok" {
		return name
	}
	return level + "-" + name
}
