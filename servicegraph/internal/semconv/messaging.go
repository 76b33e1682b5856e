package semconv

import "cmp"

func (a *Attrs) hasQueue() bool { return a.msgSystem != "" || a.destination() != "" }

func (a *Attrs) destination() string {
	return cmp.Or(a.msgTemplate, a.msgDestination, a.msgDestinationOld, a.msgSource)
}

func (a *Attrs) operation() string { return cmp.Or(a.msgOperation, a.msgOperationOld) }

// queue returns the name of a destination: system/destination. Clients invent the names of
// temporary destinations, so all temporary destinations with the same template have one name,
// and those without a template have the name "temporary" [M13].
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

// carriesNothing reports whether the span neither sends nor receives a message: the span
// settles a message, or it sends a batch whose messages have spans of their own, to which the
// links of the span point.
func (a *Attrs) carriesNothing(hasLinks bool) bool {
	switch a.operation() {
	case "settle":
		return a.hasQueue()
	case "send", "publish":
		return a.hasQueue() && hasLinks
	}
	return false
}

// publishes reports whether the span puts a message into a queue. In the present conventions
// this is a CLIENT span if another span created the message. For the graph, it is the sending
// side of the message in any case.
func (a *Attrs) publishes() bool {
	switch a.operation() {
	case "send", "publish", "create":
		return a.hasQueue()
	}
	return false
}

// receives reports whether the span takes messages from a queue. In the present conventions it
// is a CLIENT span if it asks for messages, and a CONSUMER span if messages are delivered to
// it. For the graph, both are the receiving side.
func (a *Attrs) receives() bool { return a.hasQueue() && a.operation() == "receive" }
