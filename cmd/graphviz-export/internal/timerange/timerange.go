// Package timerange parses the times, durations and time ranges that users write.
package timerange

import (
	"cmp"
	"errors"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/exit"
)

// defaultSince is the length of the time range without --since and --from.
const defaultSince = time.Hour

// Flags are the time range of a query as the user writes it.
type Flags struct {
	Since, From, To string // as the user wrote them; empty: not set
	UTC             bool
}

// A Period is a time range and its description.
type Period struct {
	From, To time.Time
	Text     string // "last 1h"
}

// Period returns the time range. Times without a zone are in the zone of now, or in UTC with
// --utc.
func (r Flags) Period(now time.Time) (p Period, err error) {
	if r.UTC {
		now = now.UTC()
	}
	length := defaultSince
	var from, to time.Time
	if r.To != "" {
		if to, err = ParseTime(r.To, now); err != nil {
			return p, exit.Usagef("--to %q: %w", r.To, err)
		}
	}
	if r.From != "" {
		if from, err = ParseTime(r.From, now); err != nil {
			return p, exit.Usagef("--from %q: %w", r.From, err)
		}
	}
	if r.Since != "" {
		if r.From != "" {
			return p, exit.Usagef("--since and --from both set the start of the time range: use only one of them")
		}
		if length, err = ParseDuration(r.Since); err != nil {
			// --since also accepts a point in time.
			var bad error
			if from, bad = ParseTime(r.Since, now); bad != nil {
				return p, exit.Usagef("--since %q: %w", r.Since, err)
			}
		} else if length <= 0 {
			return p, exit.Usagef("--since %q: want a duration above zero", r.Since)
		}
	}

	written := func(t time.Time) string { return t.Format(time.RFC3339) }
	last := "last " + cmp.Or(r.Since, "1h")
	switch {
	case !from.IsZero() && !to.IsZero():
		p = Period{from, to, "from " + written(from) + " to " + written(to)}
	case !from.IsZero():
		p = Period{from, now, "from " + written(from)}
	case !to.IsZero():
		p = Period{to.Add(-length), to, last + " before " + written(to)}
	default:
		p = Period{now.Add(-length), now, last}
	}
	if !p.From.Before(p.To) {
		if to.IsZero() {
			return p, exit.Usagef("the time range starts at %s, which is not in the past", written(p.From))
		}
		return p, exit.Usagef("--from %s is not before --to %s: the time range is empty", written(p.From), written(p.To))
	}
	return p, nil
}

// timeLayouts are the layouts of a date, or date and time, without a zone.
var timeLayouts = []string{"2006-01-02", "2006-01-02 15:04", "2006-01-02T15:04", "2006-01-02 15:04:05", "2006-01-02T15:04:05"}

// ParseTime parses a point in time: RFC 3339; a date, or date and time, in the zone of now; a
// time of today; Unix seconds or milliseconds; now, or a duration before or after now.
func ParseTime(s string, now time.Time) (time.Time, error) {
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t, nil
	}
	for _, layout := range timeLayouts {
		if t, err := time.ParseInLocation(layout, s, now.Location()); err == nil {
			return t, nil
		}
	}
	for _, layout := range []string{"15:04", "15:04:05"} {
		if t, err := time.Parse(layout, s); err == nil {
			y, m, d := now.Date()
			return time.Date(y, m, d, t.Hour(), t.Minute(), t.Second(), 0, now.Location()), nil
		}
	}
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		switch len(s) {
		case 9, 10:
			return time.Unix(n, 0).In(now.Location()), nil
		case 12, 13:
			return time.UnixMilli(n).In(now.Location()), nil
		}
	}
	if rest, ok := strings.CutPrefix(s, "now"); ok {
		if rest == "" {
			return now, nil
		}
		sign := rest[:1]
		d, err := ParseDuration(rest[1:])
		switch {
		case err == nil && sign == "-":
			return now.Add(-d), nil
		case err == nil && sign == "+":
			return now.Add(d), nil
		}
	}
	return time.Time{}, errors.New("want a time such as 2026-01-31, 2026-01-31 09:30, 09:30, 2026-01-31T09:30:00Z, 1769851800 or now-2d")
}

// ParseDuration parses the durations of Go and of Prometheus: numbers with units, where d is
// 24 hours and w is 7 days. People type both 1.5h, which Prometheus refuses, and 1d12h, which
// Go refuses.
func ParseDuration(s string) (time.Duration, error) {
	bad := errors.New("want a duration such as 90s, 1.5h, 30m, 1d12h or 2w")
	if s == "" {
		return 0, bad
	}
	var total time.Duration
	for rest := s; rest != ""; {
		digits := len(rest) - len(strings.TrimLeft(rest, "0123456789."))
		letters := len(rest[digits:]) - len(strings.TrimLeft(rest[digits:], "wdhmsunµ"))
		if digits == 0 || letters == 0 {
			return 0, bad
		}
		number, unit := rest[:digits], rest[digits:digits+letters]
		rest = rest[digits+letters:]
		times := time.Duration(1)
		switch unit {
		case "d":
			unit, times = "h", 24
		case "w":
			unit, times = "h", 7*24
		}
		d, err := time.ParseDuration(number + unit)
		if err != nil {
			return 0, bad
		}
		if d > (math.MaxInt64-total)/times {
			return 0, errors.New("want a duration of less than 292 years")
		}
		total += d * times
	}
	return total, nil
}
