package pairing

import (
	"slices"

	"github.com/tempograph/tempograph/servicegraph/internal/trace"
)

// messagesWithoutConsumer returns, by start, the spans that stand for messages without a known consumer in the
// trace. With queue nodes it returns none, because the node of the queue connects both sides.
func (p *Pairer) messagesWithoutConsumer() (senders []int32) {
	if p.cfg.QueueNodes {
		return nil
	}
	for i := range p.sends {
		s := &p.sends[i]
		outer := p.state[s.Span].outer
		_, timed := p.spans[outer].Duration()
		if timed && s.Client.Kind == trace.Producer && !s.Called && p.state[outer].made == PendingCall {
			senders = append(senders, outer)
		}
	}
	slices.SortFunc(senders, p.compareTimes)
	return senders
}

// lostMessages returns the CONSUMER spans without links whose parent is not known, by start.
func (p *Pairer) lostMessages() (consumers []int32) {
	if p.cfg.QueueNodes {
		return nil
	}
	for _, i := range p.entered {
		span, state := &p.spans[i], &p.state[i]
		if _, timed := span.Duration(); !timed || span.Kind != trace.Consumer || p.parent[i] >= 0 || len(p.targets[i]) > 0 || state.delegates {
			continue
		}
		switch {
		case state.outcome == Detached, state.outcome == Virtual && p.queue(i) != 0, state.outcome == None && p.parent[i] == trace.MissingParent:
			consumers = append(consumers, i)
		}
	}
	slices.SortFunc(consumers, p.compareTimes)
	return consumers
}

// messageGuesses returns the pairs of spans that can be the two sides of a message: both name one
// queue, or one of them names none.
func (p *Pairer) messageGuesses(senders, consumers []int32) (guesses []guess) {
	for _, s := range consumers {
		consumer := &p.spans[s]
		if consumer.Kind != trace.Consumer {
			continue
		}
		for _, c := range senders {
			sender := &p.spans[c]
			if p.state[c].made != PendingCall || sender.Start > consumer.Start || sender.Node == consumer.Node {
				continue
			}
			from, to := p.sentTo(c), p.queue(s)
			switch {
			case from == 0 || to == 0:
				guesses = append(guesses, guess{c, s, 0})
			case from == to:
				guesses = append(guesses, guess{c, s, 1})
			}
		}
	}
	return guesses
}

// sentTo returns the queue of the message that span c stands for, 0 if it is unknown or c names
// only the broker.
func (p *Pairer) sentTo(c int32) trace.Node {
	for i := c; i >= 0; i = p.state[i].inner {
		if q := p.queue(i); q != 0 && !p.spans[i].Is(trace.PeerIsName) {
			return q
		}
	}
	return 0
}

// settleSend makes span s the known consumer of the message that span c stands for, and returns the
// queue.
func (p *Pairer) settleSend(c, s int32) trace.Node {
	for i := range p.sends {
		if send := &p.sends[i]; p.state[send.Span].outer == c {
			send.Called, send.Counted = true, true
		}
	}
	if q := p.sentTo(c); q != 0 {
		return q
	}
	return p.queue(s)
}
