package livegraph

import (
	"fmt"
	"slices"
	"time"

	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/timerange"
)

// AllTime is the window without a limit.
const AllTime = "all"

// The windows that the report offers in addition to the window of a flag.
var (
	OTLPWindows  = []string{"5m", "15m", "1h", AllTime}
	TempoWindows = []string{"5m", "15m", "1h", "6h", "1d"}
)

// Offered returns the windows and the given window, the shortest first, each once.
func Offered(windows []string, given string) []string {
	list := slices.Clone(windows)
	length := func(s string) time.Duration {
		d, err := timerange.ParseDuration(s)
		if err != nil {
			return 1<<63 - 1 // AllTime
		}
		return d
	}
	if !slices.ContainsFunc(list, func(s string) bool { return length(s) == length(given) }) {
		list = append(list, given)
	}
	slices.SortStableFunc(list, func(a, b string) int { return int(min(max(length(a)-length(b), -1), 1)) })
	return list
}

// WindowLength returns the length of a window of serve --otlp; 0 for AllTime.
func WindowLength(window string) (time.Duration, error) {
	if window == AllTime {
		return 0, nil
	}
	d, err := timerange.ParseDuration(window)
	switch {
	case err != nil:
		return 0, err
	case d < minWindow || d > maxWindow:
		return 0, fmt.Errorf("want a duration from %v to %v, or all", minWindow, maxWindow)
	}
	return d, nil
}

const (
	minWindow = 30 * time.Second
	maxWindow = 24 * time.Hour
)
