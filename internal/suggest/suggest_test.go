package suggest

import "testing"

func TestNearest(t *testing.T) {
	flags := []string{"output", "format", "quiet", "tempo", "query", "since", "from", "to"}
	for _, c := range []struct{ word, want, reason string }{
		{"ouput", "output", "a missing letter"},
		{"outputt", "output", "an extra letter"},
		{"formta", "format", "two swapped letters are one mistake"},
		{"tmepo", "tempo", "two swapped letters"},
		{"quite", "quiet", "two swapped letters"},
		{"outqxt", "output", "two wrong letters of six"},
		{"oqtqxt", "", "three wrong letters of six are more than a third"},
		{"form", "from", "from is nearer than format"},
		{"TEMPO", "tempo", "case is no mistake"},
		{"Temqo", "tempo", "a wrong letter in another case"},
		{"tempo", "", "a candidate is not mistyped"},
		{"verbose", "", "no candidate is near"},
		{"x", "", "a wrong letter and a missing one"},
		{"t", "to", "a missing letter, of a short word"},
		{"", "", "no word"},
	} {
		if got := Nearest(c.word, flags); got != c.want {
			t.Errorf("Nearest(%q) = %q, want %q (%s)", c.word, got, c.want, c.reason)
		}
	}
}

func TestNearestCountsLetters(t *testing.T) {
	for _, c := range []struct{ word, candidate, want, reason string }{
		{"möbel", "mäbel", "mäbel", "one letter of two bytes differs"},
		{"日本", "日木", "日木", "one letter of three bytes differs"},
		{"日本語", "中文字", "", "all letters differ"},
	} {
		if got := Nearest(c.word, []string{c.candidate}); got != c.want {
			t.Errorf("Nearest(%q, %q) = %q, want %q (%s)", c.word, c.candidate, got, c.want, c.reason)
		}
	}
}

func TestNearestTakesTheFirst(t *testing.T) {
	if got := Nearest("cars", []string{"cart", "card"}); got != "cart" {
		t.Errorf("got %q, want the first of two that are equally near", got)
	}
}

func TestDidYouMean(t *testing.T) {
	if got, want := DidYouMean("ouput", []string{"output"}), ": did you mean output?"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := DidYouMean("verbose", []string{"output"}); got != "" {
		t.Errorf("got %q, want nothing", got)
	}
}
