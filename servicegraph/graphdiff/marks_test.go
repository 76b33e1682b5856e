package graphdiff

import "testing"

// A plus sign before a number that fell would mislead.
func TestMarkTexts(t *testing.T) {
	for _, test := range []struct {
		change Change
		want   string
	}{
		{Change{Metric: Errors, Verdict: Better, Size: -0.13}, "-13 points err"},
		{Change{Metric: Errors, Verdict: Worse, Size: 0.13}, "● +13 points err"},
		{Change{Metric: Presence, Verdict: New}, "+ new"},
		{Change{Metric: Presence, Verdict: Gone}, "× gone"},
	} {
		if got := markOf(test.change.Verdict, []Change{test.change}).Text; got != test.want {
			t.Errorf("%s %s: got %q, want %q", test.change.Metric, test.change.Verdict, got, test.want)
		}
	}
}
