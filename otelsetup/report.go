package otelsetup

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// reportInterval is the time after which a persistent fault is logged again.
const reportInterval = time.Minute

// A reporter logs faults, each kind once in reportInterval. It is safe for
// concurrent use.
type reporter struct {
	logger *slog.Logger // nil means slog.Default() at the time of a message
	level  slog.Level   // messages below it are left out
	tally  *tally

	mu      sync.Mutex
	logged  map[string]time.Time // when a fault was last logged; the key is its hint, because texts of errors vary
	failing bool                 // a fault was logged, and no recovery after it
	last    *deliveryError       // the latest fault
	dropped int64                // the number in the latest message about dropped spans

	// Why the queue was full: during an outage, or with a receiver that answered. Batches that
	// drain the queue after an outage set neither.
	fullInOutage, fullInHealth bool
	healthy                    int // batches in a row that were sent without a fault
}

func (r *reporter) log(level slog.Level, msg string, args ...any) {
	if level < r.level {
		return
	}
	logger := r.logger
	if logger == nil {
		logger = slog.Default()
	}
	logger.Log(context.Background(), level, "otelsetup: "+msg, args...)
}

// due reports whether a fault of this kind may be logged now. If so, it records now as the time of
// the log message.
func (r *reporter) due(now time.Time, key string) bool {
	if at, ok := r.logged[key]; ok && now.Sub(at) < reportInterval {
		return false
	}
	if r.logged == nil {
		r.logged = make(map[string]time.Time)
	}
	r.logged[key] = now
	return true
}

// failed logs that spans cannot be delivered at the moment.
func (r *reporter) failed(now time.Time, e *deliveryError) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last = e
	if !r.due(now, e.hint) {
		return
	}
	r.failing = true
	args := []any{"endpoint", e.target.String(), "error", e.reason}
	if e.hint != "" {
		args = append(args, "hint", e.hint)
	}
	if n := r.tally.stats().lost(); n > 0 {
		args = append(args, "lost", n)
	}
	r.log(slog.LevelWarn, "spans are not being delivered", args...)
}

// stopped records that Shutdown canceled an export. It keeps an earlier fault, because an
// earlier fault explains lost spans better.
func (r *reporter) stopped(e *deliveryError) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.last == nil {
		r.last = e
	}
}

// delivered logs that spans are delivered again, if a fault was logged before.
func (r *reporter) delivered() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.failing {
		r.failing = false
		r.log(slog.LevelInfo, "spans are being delivered again", "lost", r.tally.stats().lost())
	}
}

// sent records that a batch has left the queue, with or without a fault. If spans were dropped
// since the last message about dropped spans, sent logs another such message.
func (r *reporter) sent(now time.Time, fault bool) {
	n := r.tally.stats().Dropped
	full := r.tally.ended.Load()-r.tally.taken.Load()-n >= r.tally.queue
	r.mu.Lock()
	defer r.mu.Unlock()
	if fault {
		r.healthy = 0
	} else {
		r.healthy++
	}
	switch {
	case !full:
	case fault:
		r.fullInOutage = true
	case r.healthy > r.tally.drain:
		r.fullInHealth = true
	}
	if n > r.dropped && r.due(now, "queue") {
		r.dropped = n
		r.log(slog.LevelWarn, "the queue is full and spans are dropped", "dropped", n, "queue", r.tally.queue,
			"hint", r.dropReasonLocked())
	}
}

// dropReason returns why spans were dropped, with a remedy.
func (r *reporter) dropReason() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.dropReasonLocked()
}

func (r *reporter) dropReasonLocked() string {
	if r.last == nil || !r.fullInOutage && r.fullInHealth {
		return hintQueue
	}
	outage := "it was full while spans could not be delivered: " + r.last.reason
	if r.fullInHealth {
		outage += "; at other times " + hintQueue
	}
	return outage
}

// cause returns the latest fault, and nil if there was no fault. It is never nil if the tally
// has failed spans.
func (r *reporter) cause() *deliveryError {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.last
}
