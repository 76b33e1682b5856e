package tempoclient

// If the answer to one search for all spans of a group of traces would be too large, the client
// makes several searches, each for a share of the traces: those whose ids end with certain digits.
// Every trace lies in exactly one share, with all its spans. Shares by time range would overlap:
// each search must reach past its range, for traces that arrived late, and would show all later
// traces again.

// A share selects the traces whose ids, in hexadecimal, have one of the digits before the suffix.
// Tempo shows ids without leading zeros, so that a share with a suffix can miss a very short id.
type share struct{ digits, suffix string }

const allDigits = "0123456789abcdef"

// everything is the share of all traces.
var everything = share{digits: allDigits}

// filter returns the share in TraceQL.
func (s share) filter() string {
	if s == everything {
		return "{}"
	}
	return `{trace:id =~ ".*[` + s.digits + `]` + s.suffix + `$"}`
}

// halves divides a share.
func (s share) halves() (low, high share) {
	if len(s.digits) == 1 {
		s = share{allDigits, s.digits + s.suffix}
	}
	middle := len(s.digits) / 2
	return share{s.digits[:middle], s.suffix}, share{s.digits[middle:], s.suffix}
}

// shares divides all traces into shares of about the same size. No share has more than the fraction
// most of all traces. The shares have suffixes only if one digit for each share is too much.
func shares(most float64) (list []share) {
	if most >= 1 {
		return []share{everything}
	}
	digits := max(int(most*float64(len(allDigits))), 1) // of one share, at most
	n := (len(allDigits) + digits - 1) / digits
	for i := range n {
		list = append(list, share{digits: allDigits[i*len(allDigits)/n : (i+1)*len(allDigits)/n]})
	}
	return list
}
