package timerange

import (
	"testing"
	"time"

	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/exit"
)

func TestParseDuration(t *testing.T) {
	const day = 24 * time.Hour
	for _, c := range []struct {
		text string
		want time.Duration // 0: expect an error
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
		{"1y", 0, "the length of a year varies"},
		{"1M", 0, "months are not supported, and M could mean minutes"},
		{"-1h", 0, "a duration has no sign"},
		{"1 h", 0, ""},
		{"..h", 0, ""},
		{"1hh", 0, ""},
	} {
		got, err := ParseDuration(c.text)
		if got != c.want || (err == nil) != (c.want != 0) {
			t.Errorf("ParseDuration(%q) = %v, %v; want %v (%s)", c.text, got, err, c.want, c.why)
		}
	}
}

func TestTimeRange(t *testing.T) {
	now := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	at := func(hour int) string { return now.Add(time.Duration(hour-12) * time.Hour).Format(time.RFC3339) }
	for _, c := range []struct {
		since, from, to    string
		wantFrom, wantTo   int // hours of the day; 0: expect an error
		wantText, mistaken string
	}{
		{"", "", "", 11, 12, "last 1h", ""},
		{"2h", "", "", 10, 12, "last 2h", ""},
		{"2h", "", at(9), 7, 9, "last 2h before 2026-01-31T09:00:00Z", ""},
		{"", "", at(9), 8, 9, "last 1h before 2026-01-31T09:00:00Z", ""},
		{"", at(8), "", 8, 12, "from 2026-01-31T08:00:00Z", ""},
		{"", at(8), at(9), 8, 9, "from 2026-01-31T08:00:00Z to 2026-01-31T09:00:00Z", ""},
		{"2h", at(8), "", 0, 0, "", "--since and --from"},
		{"", at(9), at(8), 0, 0, "", "the end is before the start"},
		{"", at(13), "", 0, 0, "", "in the future"},
		{"", "10:00", "", 10, 12, "from 2026-01-31T10:00:00Z", ""},
		{"2026-01-31 07:00", "", "", 7, 12, "from 2026-01-31T07:00:00Z", ""},
		{"now-3h", "", at(11), 9, 11, "from 2026-01-31T09:00:00Z to 2026-01-31T11:00:00Z", ""},
		{"0s", "", "", 0, 0, "", "an empty range"},
		{"soon", "", "", 0, 0, "", "neither a duration nor a time"},
	} {
		p, err := Flags{Since: c.since, From: c.from, To: c.to}.Period(now)
		if c.wantTo == 0 {
			if exit.Status(err) != exit.Usage {
				t.Errorf("%+v: %v; want an error of usage", c, err)
			}
			continue
		}
		if err != nil || p.From.Hour() != c.wantFrom || p.To.Hour() != c.wantTo || p.Text != c.wantText {
			t.Errorf("%+v: %v to %v, %q, %v", c, p.From, p.To, p.Text, err)
		}
	}
}

func TestParseTime(t *testing.T) {
	zone := time.FixedZone("CET", 3600)
	now := time.Date(2026, 1, 31, 12, 0, 0, 0, zone)
	for _, c := range []struct{ text, want string }{
		{"2026-01-30T09:30:00Z", "2026-01-30T09:30:00Z"},
		{"2026-01-30T09:30:00.5+02:00", "2026-01-30T07:30:00Z"},
		{"2026-01-30", "2026-01-29T23:00:00Z"},
		{"2026-01-30 09:30", "2026-01-30T08:30:00Z"},
		{"2026-01-30T09:30", "2026-01-30T08:30:00Z"},
		{"2026-01-30 09:30:15", "2026-01-30T08:30:15Z"},
		{"09:30", "2026-01-31T08:30:00Z"},
		{"09:30:15", "2026-01-31T08:30:15Z"},
		{"1769851800", "2026-01-31T09:30:00Z"},
		{"1769851800000", "2026-01-31T09:30:00Z"},
		{"now", "2026-01-31T11:00:00Z"},
		{"now-2d", "2026-01-29T11:00:00Z"},
		{"now-1d12h", "2026-01-29T23:00:00Z"},
		{"now+1h", "2026-01-31T12:00:00Z"},
		{"", ""},
		{"yesterday", ""},
		{"2026-13-01", ""},
		{"25:00", ""},
		{"12345", ""}, // neither Unix seconds nor milliseconds of this century
		{"now-", ""},
		{"now2d", ""},
		{"nowadays", ""},
	} {
		got, err := ParseTime(c.text, now)
		if c.want == "" {
			if err == nil {
				t.Errorf("ParseTime(%q) = %v, want an error", c.text, got)
			}
			continue
		}
		if err != nil || got.UTC().Format(time.RFC3339) != c.want {
			t.Errorf("ParseTime(%q) = %v, %v; want %v", c.text, got, err, c.want)
		}
	}
}
