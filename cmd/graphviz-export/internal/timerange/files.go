package timerange

import "time"

// OfFiles returns the time range for the traces of files, which are selected by their start.
// Without a flag that sets one, ok is false. Without --to the range has no end, because the clocks of
// services may be ahead; with --to alone it has no start. A zero time stands for no bound.
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

// Contains reports whether the period of [Flags.OfFiles] has a time, in Unix nanoseconds. A trace
// without any time, whose start is 0, is in none.
func (p Period) Contains(start int64) bool {
	at := time.Unix(0, start)
	return start != 0 && !at.Before(p.From) && (p.To.IsZero() || at.Before(p.To))
}

// During completes "traces that started …".
func (p Period) During() string {
	if p.From.IsZero() || !p.To.IsZero() {
		return p.Text
	}
	return "from " + p.From.Format(time.RFC3339)
}
