package main

import (
	"testing"
	"time"
)

func TestParseDuration(t *testing.T) {
	const day = 24 * time.Hour
	for _, c := range []struct {
		text string
		want time.Duration // 0: an error
		why  string
	}{
		{"1h", time.Hour, ""},
		{"1h30m", 90 * time.Minute, ""},
		{"1.5h", 90 * time.Minute, "Prometheus refuses it"},
		{"30m1h", 90 * time.Minute, "Prometheus wants the large unit first"},
		{"250ms", 250 * time.Millisecond, "not 250 minutes"},
		{"10µs", 10 * time.Microsecond, ""},
		{"1d", day, "Go refuses it"},
		{"1w", 7 * day, "Go refuses it"},
		{"1d12h", 36 * time.Hour, "Go refuses it"},
		{"1w2d3h4m5s", 9*day + 3*time.Hour + 4*time.Minute + 5*time.Second, ""},
		{"1.5d", 36 * time.Hour, ""},
		{"15000w", 15000 * 7 * day, "287 years"},
		{"15300w", 0, "293 years, more than a duration can hold"},
		{"15000w15000w", 0, "each of them fits, their sum does not"},
		{"2562047h2562047h", 0, "the same in hours"},
		{"", 0, ""},
		{"1", 0, "no unit"},
		{"h", 0, "no number"},
		{"1h30", 0, "no unit at the end"},
		{"1y", 0, "a year is no fixed time"},
		{"1M", 0, "months are none, and it might mean minutes"},
		{"-1h", 0, "the future has no traces"},
		{"1 h", 0, ""},
		{"..h", 0, ""},
		{"1hh", 0, ""},
	} {
		got, err := parseDuration(c.text)
		if got != c.want || (err == nil) != (c.want != 0) {
			t.Errorf("parseDuration(%q) = %v, %v; want %v (%s)", c.text, got, err, c.want, c.why)
		}
	}
}

func TestTimeRange(t *testing.T) {
	now := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	at := func(hour int) string { return now.Add(time.Duration(hour-12) * time.Hour).Format(time.RFC3339) }
	for _, c := range []struct {
		since, from, to    string
		wantFrom, wantTo   int // hours of the day; 0: an error
		wantText, mistaken string
	}{
		{"", "", "", 11, 12, "last 1h", ""},
		{"2h", "", "", 10, 12, "last 2h", ""},
		{"2h", "", at(9), 7, 9, "last 2h before 2026-01-31T09:00:00Z", ""},
		{"", "", at(9), 8, 9, "last 1h before 2026-01-31T09:00:00Z", ""},
		{"", at(8), "", 8, 12, "from 2026-01-31T08:00:00Z", ""},
		{"", at(8), at(9), 8, 9, "from 2026-01-31T08:00:00Z to 2026-01-31T09:00:00Z", ""},
		{"2h", at(8), "", 0, 0, "", "two beginnings"},
		{"", at(9), at(8), 0, 0, "", "reversed"},
		{"", at(13), "", 0, 0, "", "in the future"},
	} {
		var r timeRange
		for text, flag := range map[string]interface{ Set(string) error }{c.since: &r.since, c.from: &r.from, c.to: &r.to} {
			if text != "" {
				if err := flag.Set(text); err != nil {
					t.Fatal(err)
				}
			}
		}
		from, to, err := r.bounds(now)
		if c.wantTo == 0 {
			if statusOf(err) != statusUsage {
				t.Errorf("%+v: %v; want an error of usage", c, err)
			}
			continue
		}
		if err != nil || from.Hour() != c.wantFrom || to.Hour() != c.wantTo || r.String() != c.wantText {
			t.Errorf("%+v: %v to %v, %q, %v", c, from, to, r.String(), err)
		}
	}
}
