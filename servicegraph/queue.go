package servicegraph

// A queue is an order of traces: the one that is longest in it first. Queues that no
// trace is in at the same time can share their turns.
type queue struct {
	turns       *chunks[turn] // by number of trace
	first, last traceNumber
	n           int
}

// A turn is where a trace stands in a queue: 16 bytes.
type turn struct {
	before, behind traceNumber
	since          int64
}

// push puts a trace that is not in the queue at its end.
func (q *queue) push(n traceNumber, now int64) {
	q.turns.reach(uint32(n))
	*q.turns.at(uint32(n)) = turn{before: q.last, since: now}
	*q.behind(q.last) = n
	q.last = n
	q.n++
}

// remove takes a trace out of the queue.
func (q *queue) remove(n traceNumber) {
	p := *q.turns.at(uint32(n))
	*q.behind(p.before) = p.behind
	if p.behind == 0 {
		q.last = p.before
	} else {
		q.turns.at(uint32(p.behind)).before = p.before
	}
	q.n--
}

// behind returns where it says what is behind a trace: the first of the queue if that
// is none.
func (q *queue) behind(n traceNumber) *traceNumber {
	if n == 0 {
		return &q.first
	}
	return &q.turns.at(uint32(n)).behind
}

// again moves a trace to the end of the queue.
func (q *queue) again(n traceNumber, now int64) {
	if n == q.last {
		q.turns.at(uint32(n)).since = now
		return
	}
	q.remove(n)
	q.push(n, now)
}

// due returns the first trace if it has been in the queue since then, or longer; 0 if
// it has not.
func (q *queue) due(then int64) traceNumber {
	if q.n == 0 || q.turns.at(uint32(q.first)).since > then {
		return 0
	}
	return q.first
}
