package main

import (
	"cmp"
	"errors"
	"math"
	"strings"
	"time"
)

// defaultSince is how far back a Tempo is asked, unless told otherwise.
const defaultSince = time.Hour

// A timeRange is the time that traces are looked for in, as the flags state it.
type timeRange struct {
	since    since
	from, to instant
}

// bounds returns both ends of the range, given the present.
func (r timeRange) bounds(now time.Time) (from, to time.Time, err error) {
	from, to = r.from.Time, r.to.Time
	if to.IsZero() {
		to = now
	}
	switch {
	case r.since.Duration > 0 && !from.IsZero():
		return from, to, usagef("--since and --from both say where the time range begins: give one of them")
	case from.IsZero():
		from = to.Add(-cmp.Or(r.since.Duration, defaultSince))
	case !from.Before(to):
		return from, to, usagef("--from %s is not before --to %s: the time range is empty", from.Format(time.RFC3339), to.Format(time.RFC3339))
	}
	return from, to, nil
}

// String says in words what the flags say: "last 1h".
func (r timeRange) String() string {
	length := cmp.Or(r.since.text, "1h")
	switch {
	case !r.from.IsZero() && !r.to.IsZero():
		return "from " + r.from.String() + " to " + r.to.String()
	case !r.from.IsZero():
		return "from " + r.from.String()
	case !r.to.IsZero():
		return "last " + length + " before " + r.to.String()
	}
	return "last " + length
}

// A since is a flag that holds a duration above zero; 0 if it was not given.
type since struct {
	time.Duration
	text string // as the user wrote it
}

func (s *since) Type() string   { return "duration" }
func (s *since) String() string { return s.text }

func (s *since) Set(text string) error {
	d, err := parseDuration(text)
	if err == nil && d <= 0 {
		err = errors.New("want a duration above zero")
	}
	*s = since{d, text}
	return err
}

// An instant is a flag that holds a point in time; the zero time if it was not given.
type instant struct{ time.Time }

func (t *instant) Type() string { return "time" }

func (t *instant) String() string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.RFC3339)
}

func (t *instant) Set(text string) (err error) {
	t.Time, err = time.Parse(time.RFC3339, text)
	if err != nil {
		return errors.New("want a time such as 2026-01-31T09:30:00Z or 2026-01-31T09:30:00+01:00")
	}
	return nil
}

// parseDuration reads what Go and what Prometheus call a duration: numbers with
// units, where a d is 24 hours and a w is 7 days. People type 1.5h as well as
// 1d12h, and each of the two refuses one of them.
func parseDuration(s string) (time.Duration, error) {
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
			return 0, errors.New("want a duration below 292 years")
		}
		total += d * times
	}
	return total, nil
}
