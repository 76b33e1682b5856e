package timerange

import "time"

// OfFiles returns the time range for traces in files. A trace is selected by its start. ok is false
// if no flag sets a time range. Without --to, the range has no end, because the clocks of services
// may be ahead. With --to alone, the range has no start. A zero time means no bound.
func (r Flags) OfFiles(now time.Time) (p Period, ok bool, err error) {
	if r.Since == "" && r.From == "" && r.To == "" {
		return Period{}, false, nil
	}
	p, err = r.Period(now)
	if r.To == "" {
		p.To = time.Time{}
	} else if r.Since == "" && r.From == "" {
		p.From, p.Text = time.Time{}, "before "+p.To.Format(time.RFC3339)
	}
	return p, true, err
}

// Contains reports whether the start of a trace, in Unix nanoseconds, is in a period that
// [Flags.OfFiles] returned. A start of 0 means a trace without times, which is in no period.
func (p Period) Contains(start int64) bool {
	at := time.Unix(0, start)
	return start != 0 && !at.Before(p.From) && (p.To.IsZero() || at.Before(p.To))
}

// During returns the period as a text that completes the phrase "traces that started …".
func (p Period) During() string {
	if p.From.IsZero() || !p.To.IsZero() {
		return p.Text
	}
	return "from " + p.From.Format(time.RFC3339)
}
