package render

import "github.com/tempograph/tempograph/servicegraph"

// A timing is the distribution of durations that stands for an edge, and what it measures.
type timing struct {
	servicegraph.Latency
	of timed
}

// A timed is a part of a call that has a duration.
type timed int

const (
	ofNothing    timed = iota
	ofCaller           // a request, measured by the caller
	ofCallee           // a request, measured by the callee
	inQueue            // a message, from the end of its sending to the start of its processing
	ofSending          // a message of which only the producer's side is known
	ofProcessing       // a message, of which only the consumer's side is known
)

// timingOf returns the durations to show for an edge. For requests, they are the latency that the
// caller measured, or else the callee. For messages, they are the time in the queue, because no
// caller waits for a message, or else the durations that one side measured.
func timingOf(e servicegraph.Edge) timing {
	l, by, ok := e.Latency()
	switch {
	case e.ID.Kind == servicegraph.EdgeMessage && e.Gap.Count() > 0:
		return timing{e.Gap, inQueue}
	case !ok:
		return timing{}
	case e.ID.Kind == servicegraph.EdgeMessage && by == servicegraph.CallerSide:
		return timing{l, ofSending}
	case e.ID.Kind == servicegraph.EdgeMessage:
		return timing{l, ofProcessing}
	case by == servicegraph.CallerSide:
		return timing{l, ofCaller}
	}
	return timing{l, ofCallee}
}

// name returns a word for what the timing measures.
func (t timing) name() string {
	return [...]string{unknown, "caller", "callee", "queue", "sending", "processing"}[t.of]
}

// note returns the word that stands beside the numbers: none for the latency that the caller
// measured.
func (t timing) note() string {
	if t.of <= ofCaller {
		return ""
	}
	return t.name()
}

// explain returns an explanation of the word.
func (t timed) explain() string {
	return [...]string{"", "", "callee: measured by the callee", "queue: time in the queue", "sending: time to send a message", "processing: time to process a message"}[t]
}

// isMessage reports whether the timing is of messages.
func (t timing) isMessage() bool { return t.of >= inQueue }
