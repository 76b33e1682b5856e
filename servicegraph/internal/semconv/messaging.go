package semconv

import "cmp"

func (a *Attrs) hasQueue() bool { return a.msgSystem != "" || a.destination() != "" }

func (a *Attrs) destination() string {
	return cmp.Or(a.msgTemplate, a.msgDestination, a.msgDestinationOld, a.msgSource)
}

func (a *Attrs) operation() string { return cmp.Or(a.msgOperation, a.msgOperationOld) }

// queue names a destination as system/destination. Temporary destinations are one node for
// each template, or one for all: clients make their names up (M13).
func (a *Attrs) queue() string {
	destination, system := a.destination(), messagingSystem(a.msgSystem)
	if a.msgTemplate == "" && (a.msgTemporary == "true" || a.msgAnonymous == "true") {
		destination = "temporary"
	}
	if destination != "" && system != "" {
		return system + "/" + destination
	}
	return cmp.Or(destination, system)
}

// carriesNothing reports whether the span handles a message without sending or receiving
// it: the span settles a message, or it sends a batch whose messages have spans of their own,
// to which the span's links point.
func (a *Attrs) carriesNothing(hasLinks bool) bool {
	switch a.operation() {
	case "settle":
		return a.hasQueue()
	case "send", "publish":
		return a.hasQueue() && hasLinks
	}
	return false
}

// publishes reports whether the span puts a message into a queue. Today's conventions make
// such a span CLIENT where another span created the message; for the graph, it is a
// message's sending side all the same.
func (a *Attrs) publishes() bool {
	switch a.operation() {
	case "send", "publish", "create":
		return a.hasQueue()
	}
	return false
}

// receives reports whether the span takes messages from a queue. Today's conventions make
// such a span CLIENT where it asks for messages, and CONSUMER where they are handed to it;
// for the graph, both are the receiving side.
func (a *Attrs) receives() bool { return a.hasQueue() && a.operation() == "receive" }
