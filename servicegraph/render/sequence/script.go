package sequence

import (
	"fmt"
	"slices"
	"time"

	"github.com/tempograph/tempograph/internal/quantity"
	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/render"
)

// A script is a diagram as a list of steps. The writer of each language writes them one after
// another.
type script struct {
	lifelines []servicegraph.NodeID // by first use; the zero id is the outside
	steps     []step
	shown     int // calls
}

// A step is one line of a diagram.
type step struct {
	kind     stepKind
	from, to int // lifelines
	text     string
}

type stepKind uint8

const (
	request stepKind = iota // the callee becomes active
	message                 // the callee becomes active, but nobody waits for it
	dropped                 // a message to a lifeline that does nothing
	reply                   // the callee, from, is no longer active
	failure                 // like reply, after a failure
	begin                   // the lifeline to becomes active
	end                     // the lifeline to is no longer active
	note                    // over the lifelines from and to
	par                     // groups of calls that run in parallel begin
	and                     // the next group of parallel calls begins
	endPar
)

// script returns the steps of the diagram with at most n calls.
func (d *Diagram) script(n int) *script {
	w := &writing{Diagram: d, visible: d.choose(n), at: make(map[servicegraph.NodeID]int), script: new(script)}
	for _, is := range w.visible {
		if is {
			w.shown++
		}
	}
	w.beside(w.tops)
	if clip := d.clipped(w.shown); clip != "" {
		w.steps = slices.Insert(w.steps, 0, step{note, 0, len(w.lifelines) - 1, clip})
	}
	return w.script
}

// A writing adds the steps of a diagram to a script.
type writing struct {
	*Diagram
	*script
	visible []bool
	at      map[servicegraph.NodeID]int // the lifelines
}

func (w *writing) add(kind stepKind, from, to int, text string) {
	w.steps = append(w.steps, step{kind, from, to, text})
}

// lifeline returns the lifeline of a node.
func (w *writing) lifeline(id servicegraph.NodeID) int {
	i, ok := w.at[id]
	if !ok {
		i = len(w.lifelines)
		w.lifelines = append(w.lifelines, id)
		w.at[id] = i
	}
	return i
}

// beside adds the calls on behalf of one request. Several of them can run at the same time.
func (w *writing) beside(calls []int) {
	drawn := slices.DeleteFunc(slices.Clone(calls), func(i int) bool { return !w.visible[i] })
	attempts := w.attempts(drawn)
	for _, lanes := range w.lanes(drawn) {
		if len(lanes) == 1 {
			w.oneByOne(lanes[0], attempts)
			continue
		}
		for k, lane := range lanes {
			if k == 0 {
				w.add(par, 0, 0, fmt.Sprintf("%d at the same time", len(lanes)))
			} else {
				w.add(and, 0, 0, "")
			}
			w.oneByOne(lane, attempts)
		}
		w.add(endPar, 0, 0, "")
	}
}

func (w *writing) oneByOne(calls []int, attempts map[int]int) {
	for _, i := range calls {
		w.call(i, attempts[i])
	}
}

// call adds a call, and all calls on its behalf. attempt is the number of failed attempts before
// the call.
func (w *writing) call(i, attempt int) {
	c := &w.trace.Calls[i]
	text := w.Diagram.operation(c)
	if attempt > 0 {
		text = fmt.Sprintf("retry %d: %s", attempt, text)
	} else if c.Resent {
		text = "retry: " + text
	}
	isMessage := c.Kind == servicegraph.EdgeMessage
	from := -1
	if c.From != (servicegraph.NodeID{}) || c.Entry && !isMessage {
		from = w.lifeline(c.From)
	}
	to := w.lifeline(c.To)
	took := ""
	if start, finish, ok := c.Times(); ok {
		took = render.DurationText(time.Duration(finish - start))
	}
	switch {
	case from < 0:
		w.add(note, to, to, text)
		w.add(begin, 0, to, "")
	case isMessage && c.Callee.SpanID.IsZero():
		w.add(dropped, from, to, text)
		if c.Failed() {
			w.add(note, from, from, failureText(c, took))
		}
		return
	case isMessage:
		w.add(message, from, to, text)
	default:
		w.add(request, from, to, text)
	}
	w.beside(w.below[i])
	if hidden := w.hidden(i); hidden > 0 {
		w.add(note, to, to, quantity.Of(hidden, "more call")+" not shown")
	}
	switch {
	case from >= 0 && !isMessage && c.Failed():
		w.add(failure, to, from, failureText(c, took))
	case from >= 0 && !isMessage:
		w.add(reply, to, from, took)
	default:
		if c.Failed() {
			w.add(note, to, to, failureText(c, took))
		}
		w.add(end, 0, to, "")
	}
}

// failureText describes how a call failed.
func failureText(c *servicegraph.Call, took string) string {
	text := "✗ failed"
	if c.Recovered {
		text += ", recovered"
	}
	if took != "" {
		text += " · " + took
	}
	return text
}

// hidden returns how many calls on behalf of a call are not drawn.
func (w *writing) hidden(i int) (n int) {
	for _, c := range w.below[i] {
		if !w.visible[c] {
			n++
		}
	}
	return n
}

// attempts returns for each call that repeats a failed one how many attempts came before it.
func (w *writing) attempts(calls []int) map[int]int {
	type what struct {
		from, to  servicegraph.NodeID
		kind      servicegraph.EdgeKind
		operation string
	}
	attempts, last := make(map[int]int), make(map[what]int)
	for _, i := range calls {
		c := &w.trace.Calls[i]
		key := what{c.From, c.To, c.Kind, w.Diagram.operation(c)}
		if before, ok := last[key]; ok && w.trace.Calls[before].Failed() && w.until(before) <= w.from(i) {
			attempts[i] = attempts[before] + 1
		}
		last[key] = i
	}
	return attempts
}

// from returns when a call starts, and until returns when it ends. A message ends when its consumer
// is done.
func (w *writing) from(i int) int64 {
	start, _, _ := w.trace.Calls[i].Times()
	return start
}

func (w *writing) until(i int) int64 {
	c := &w.trace.Calls[i]
	start, end, _ := c.Times()
	if c.Kind == servicegraph.EdgeMessage {
		end = max(end, c.Callee.End)
	}
	return max(start, end)
}

// lanes returns groups of calls, one group after the other in time. Calls of one group overlap, and
// calls of one lane of a group do not.
func (w *writing) lanes(calls []int) (groups [][][]int) {
	var ends []int64 // by lane of the last group: the end of its last call
	latest := int64(0)
	for _, i := range calls { // by start
		from, until := w.from(i), w.until(i)
		if len(groups) == 0 || from >= latest {
			groups, ends = append(groups, [][]int{{i}}), []int64{until}
			latest = max(latest, until)
			continue
		}
		latest = max(latest, until)
		group := &groups[len(groups)-1]
		lane := slices.IndexFunc(ends, func(end int64) bool { return end <= from })
		if lane < 0 {
			*group, ends = append(*group, []int{i}), append(ends, until)
		} else {
			(*group)[lane], ends[lane] = append((*group)[lane], i), until
		}
	}
	return groups
}
