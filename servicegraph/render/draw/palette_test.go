package draw

import (
	"image/color"
	"math"
	"testing"
)

// Text has a contrast to its background of at least 4.5, and a line with a meaning has one of at
// least 3.
func TestContrast(t *testing.T) {
	for name, p := range map[string]palette{"light": light.withMarks(), "dark": dark.withMarks()} {
		for _, test := range []struct {
			ink, background string
			least           float64
		}{
			{"ink", "bg", 4.5}, {"ink", "card", 4.5}, {"ink", "warn-card", 4.5}, {"ink", "error-card", 4.5}, {"ink", "box", 4.5},
			{"mute", "bg", 4.5}, {"mute", "card", 4.5}, {"mute", "warn-card", 4.5}, {"mute", "error-card", 4.5}, {"mute", "box", 4.5},
			{"warn-ink", "bg", 4.5}, {"warn-ink", "warn-card", 4.5}, {"warn-ink", "box", 4.5},
			{"error-ink", "bg", 4.5}, {"error-ink", "error-card", 4.5}, {"error-ink", "box", 4.5},
			{"edge", "bg", 3}, {"edge", "box", 3}, {"peer-line", "bg", 3}, {"peer-line", "box", 3},
			{"warn", "bg", 3}, {"warn", "box", 3}, {"error", "bg", 3}, {"error", "box", 3},
			{"ink", "good-card", 4.5}, {"mute", "good-card", 4.5}, {"good-ink", "bg", 4.5}, {"good-ink", "good-card", 4.5}, {"good-ink", "box", 4.5},
			{"ink", "past-card", 4.5}, {"mute", "past-card", 4.5}, {"past-ink", "bg", 4.5}, {"past-ink", "past-card", 4.5}, {"past-ink", "box", 4.5},
			{"good", "bg", 3}, {"good", "box", 3}, {"past", "bg", 3}, {"past", "box", 3},
		} {
			if got := contrast(p.rgb(test.ink), p.rgb(test.background)); got < test.least {
				t.Errorf("%s: %s on %s has a contrast of %.2f, want %v", name, test.ink, test.background, got, test.least)
			}
		}
		if want := len(light) + len(lightMarks); len(p) != want {
			t.Errorf("%s has %d colors, want %d", name, len(p), want)
		}
	}
}

// contrast returns the contrast ratio by WCAG 2.
func contrast(a, b color.RGBA) float64 {
	la, lb := luminance(a), luminance(b)
	return (max(la, lb) + 0.05) / (min(la, lb) + 0.05)
}

func luminance(c color.RGBA) float64 {
	linear := func(v uint8) float64 {
		s := float64(v) / 255
		if s <= 0.04045 {
			return s / 12.92
		}
		return math.Pow((s+0.055)/1.055, 2.4)
	}
	return 0.2126*linear(c.R) + 0.7152*linear(c.G) + 0.0722*linear(c.B)
}
