package sequence

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/tempograph/tempograph/internal/quantity"
	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/render"
)

// A Diagram is the calls of one trace, ready to be written. It is immutable and safe for
// concurrent use.
type Diagram struct {
	trace     servicegraph.Trace
	operation func(*servicegraph.Call) string
	below     [][]int // by call: the calls on its behalf, by start
	tops      []int   // the calls that are not on behalf of another call
	ranked    []int   // all calls, the most important first
	limit     int
}

func newDiagram(trace servicegraph.Trace, operation func(*servicegraph.Call) string, limit int) *Diagram {
	d := &Diagram{trace: trace, operation: operation, below: make([][]int, len(trace.Calls)), limit: limit}
	took := make([]int64, len(trace.Calls))
	for i := range trace.Calls {
		c := &trace.Calls[i]
		if c.Within < 0 {
			d.tops = append(d.tops, i)
		} else {
			d.below[c.Within] = append(d.below[c.Within], i)
		}
		if start, end, ok := c.Times(); ok {
			took[i] = end - start
		}
		d.ranked = append(d.ranked, i)
	}
	failed := func(i int) int {
		if trace.Calls[i].Failed() {
			return 1
		}
		return 0
	}
	slices.SortStableFunc(d.ranked, func(a, b int) int {
		return cmp.Or(cmp.Compare(failed(b), failed(a)), cmp.Compare(took[b], took[a]))
	})
	return d
}

// Calls returns how many calls the trace has. The requests from outside count as calls.
func (d *Diagram) Calls() int { return len(d.trace.Calls) }

// choose returns, by call, whether the call is drawn. At most n calls are: the most important ones,
// with the calls around them.
func (d *Diagram) choose(n int) []bool {
	shown := make([]bool, len(d.trace.Calls))
	left := n
	var around []int
	for _, i := range d.ranked {
		around = around[:0]
		for at := i; at >= 0 && !shown[at] && len(around) <= left; at = d.trace.Calls[at].Within {
			around = append(around, at)
		}
		if len(around) > left {
			continue
		}
		for _, at := range around {
			shown[at] = true
		}
		if left -= len(around); left == 0 {
			break
		}
	}
	return shown
}

// title describes the trace.
func (d *Diagram) title() string {
	text := "trace " + d.trace.ID.String()
	if start, _, took, ok := d.span(); ok {
		text += " · " + time.Unix(0, start).UTC().Format("2006-01-02 15:04:05") + " UTC · " + render.DurationText(took)
	}
	return text
}

// span returns the times of the call that took longest.
func (d *Diagram) span() (start, end int64, took time.Duration, ok bool) {
	for i := range d.trace.Calls {
		from, to, known := d.trace.Calls[i].Times()
		if known && (!ok || time.Duration(to-from) > took) {
			start, end, took, ok = from, to, time.Duration(to-from), true
		}
	}
	return start, end, took, ok
}

// description describes the diagram in sentences.
func (d *Diagram) description(shown int) string {
	text := fmt.Sprintf("Sequence of %s in a trace. Replies have the latency that the caller measured, or else the callee. Open arrows are messages.", quantity.Of(d.Calls(), "call"))
	if clip := d.clipped(shown); clip != "" {
		text += " " + clip + "."
	}
	return text
}

// clipped returns a text on how many calls are not drawn, or an empty text if all calls are drawn.
func (d *Diagram) clipped(shown int) string {
	if shown == d.Calls() {
		return ""
	}
	return fmt.Sprintf("%s of %s are shown: those that failed, and those that took longest", quantity.Number(shown), quantity.Of(d.Calls(), "call"))
}
