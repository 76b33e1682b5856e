package main

import "testing"

func TestClosest(t *testing.T) {
	flags := []string{"output", "format", "quiet", "tempo", "query", "since", "from", "to"}
	for _, c := range []struct{ typed, want, why string }{
		{"ouput", "output", "a letter left out"},
		{"outputt", "output", "a letter too many"},
		{"formta", "format", "two letters swapped: one mistake"},
		{"tmepo", "tempo", ""},
		{"quite", "quiet", "two letters swapped"},
		{"form", "from", "nearer than format"},
		{"verbose", "", "nothing is near"},
		{"x", "", "one letter is like no other"},
		{"t", "to", "but may be the beginning of a short word"},
		{"", "", ""},
	} {
		if got := closest(c.typed, flags); got != c.want {
			t.Errorf("closest(%q) = %q, want %q (%s)", c.typed, got, c.want, c.why)
		}
	}
}
