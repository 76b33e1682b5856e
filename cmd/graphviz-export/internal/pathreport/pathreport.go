// Package pathreport writes reports about critical paths: as text for people, as JSON, and as
// folded stacks.
package pathreport

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/console"
	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/graphtext"
	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/plaintable"
	"github.com/tempograph/tempograph/internal/quantity"
	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/critpath"
	"github.com/tempograph/tempograph/servicegraph/render"
)

// Share returns the ratio of a time to the time of all requests as a percentage: "12.3%".
func Share(t, all time.Duration) string { return render.PercentText(float64(t), float64(all)) }

// Basis returns a sentence about the traces and spans from which a report was computed. read is
// the report about reading these spans.
func Basis(r critpath.Report, read servicegraph.Report) string {
	traces := quantity.Traces(r.Traces, read.LeftOutTraces, read.Limited)
	if read.LeftOutTraces > 0 {
		traces = "the " + traces // newest
	}
	text := fmt.Sprintf("From the paths of %s, with %s; all paths together are %s long", traces, quantity.Of(r.Spans, "span"), render.DurationText(r.Time))
	if r.Rootless > 0 {
		text += fmt.Sprintf("; no path for %s without a finished root span", quantity.Of(r.Rootless, "trace"))
	}
	if r.Early > 0 {
		text += fmt.Sprintf("; to limit memory, %s finished early, and %s arrived too late to count", quantity.Of(r.Early, "trace"), quantity.Of(r.Late, "span"))
	}
	if r.Sampled > 0 {
		text += fmt.Sprintf("; %s stand for several spans each because of sampling; each trace counts once", quantity.Of(r.Sampled, "span"))
	}
	if r.Folded > 0 {
		text += fmt.Sprintf("; names beyond a limit were counted as \"other\" %s", quantity.Of(r.Folded, "time"))
	}
	if r.LongNames > 0 {
		text += fmt.Sprintf("; names longer than 1 KiB were cut %s", quantity.Of(r.LongNames, "time"))
	}
	if r.Coarse > 0 {
		text += fmt.Sprintf("; percentiles and the times of slow requests are approximate: to limit memory, a duration was rounded, or was not counted as that of a slow request, %s", quantity.Of(r.Coarse, "time"))
	}
	return text + "."
}

// WriteText writes a report for people, the first n of each long list; n = 0 means all of them.
// Slow requests are those from the given percentile on.
func WriteText(w io.Writer, r critpath.Report, read servicegraph.Report, percentile float64, n int) error {
	var b strings.Builder
	slow := time.Duration(0)
	rows := [][]string{{"ENTRY", "REQUESTS", "P50", "P95", "P99"}}
	for _, e := range plaintable.First(r.Entries, n) {
		rows = append(rows, []string{e.Node.String() + " " + e.Operation, quantity.Number(int64(e.Requests)), render.DurationText(e.P50), render.DurationText(e.P95), render.DurationText(e.P99)})
	}
	for _, e := range r.Entries {
		slow += e.Time.Slow
	}
	b.WriteString("Entries\n")
	plaintable.Write(&b, rows, 1)
	plaintable.More(&b, len(r.Entries)-len(rows)+1)

	fmt.Fprintf(&b, "\nWhat requests wait for; SHARE is the fraction of the time of all requests, SLOW that of the slowest %.4g%%\n", 100-percentile)
	rows = [][]string{{"NODE", "SHARE", "SLOW", "PER REQUEST"}}
	for _, x := range plaintable.First(r.Nodes, n) {
		rows = append(rows, []string{graphtext.Label(x.Node), Share(x.Time.All, r.Time), Share(x.Time.Slow, slow), PerRequest(x.Time.All, r)})
	}
	plaintable.Write(&b, rows, 1)
	plaintable.More(&b, len(r.Nodes)-len(rows)+1)

	b.WriteString("\nTime within calls; SLACK is how much longer the call could at least take without delaying its caller\n")
	rows = [][]string{{"CALL", "SHARE", "SLOW", "PER REQUEST", "NETWORK", "SLACK", "SUPPRESSED ERRORS", "THEIR TIME"}}
	for _, x := range plaintable.First(r.Calls, n) {
		network, slack, suppressed, cost := "–", "–", "–", "–"
		if x.Network > 0 {
			network = Share(x.Network, x.Time.All)
		}
		if x.OffPath > 0 {
			slack = render.DurationText(x.MinSlack)
		}
		if x.Suppressed > 0 {
			suppressed, cost = quantity.Number(int64(x.Suppressed)), Share(x.SuppressedTime, r.Time)
		}
		rows = append(rows, []string{graphtext.Label(x.From) + " → " + graphtext.Label(x.To), Share(x.Time.All, r.Time), Share(x.Time.Slow, slow), PerRequest(x.Time.All, r), network, slack, suppressed, cost})
	}
	plaintable.Write(&b, rows, 1)
	plaintable.More(&b, len(r.Calls)-len(rows)+1)

	b.WriteString("\nOperations\n")
	rows = [][]string{{"OPERATION", "SHARE", "SLOW", "PER REQUEST"}}
	for _, x := range plaintable.First(r.Operations, n) {
		rows = append(rows, []string{graphtext.Label(x.Node) + " " + x.Name, Share(x.Time.All, r.Time), Share(x.Time.Slow, slow), PerRequest(x.Time.All, r)})
	}
	plaintable.Write(&b, rows, 1)
	plaintable.More(&b, len(r.Operations)-len(rows)+1)

	for _, a := range r.Answers {
		fmt.Fprintf(&b, "\nIf each request into %s took %s less, requests would save\n", console.OneLine(graphtext.Label(a.Node)), render.DurationText(a.Less))
		rows = [][]string{{"ENTRY", "MEAN", "P50", "P95"}}
		for _, s := range plaintable.First(a.Entries, n) {
			rows = append(rows, []string{s.Node.String() + " " + s.Operation, render.DurationText(s.Mean), render.DurationText(s.P50), render.DurationText(s.P95)})
		}
		plaintable.Write(&b, rows, 1)
	}
	fmt.Fprintf(&b, "\n%s\n", Basis(r, read))
	_, err := io.WriteString(w, b.String())
	return err
}

// PerRequest returns a time divided by the number of requests.
func PerRequest(t time.Duration, r critpath.Report) string {
	if r.Traces == 0 {
		return "–"
	}
	return render.DurationText(t / time.Duration(r.Traces))
}

// WriteFolded writes the stacks in the folded format of flame graph tools. Each line has a
// stack and a number of microseconds.
func WriteFolded(w io.Writer, r critpath.Report) error {
	var b strings.Builder
	for _, s := range r.Stacks {
		fmt.Fprintf(&b, "%s %d\n", s.Text, s.Time.Microseconds())
	}
	_, err := io.WriteString(w, b.String())
	return err
}
