package otelsetup

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// reportInterval is how long a fault that goes on stays silent in the log.
const reportInterval = time.Minute

// A reporter tells the log about faults, each kind once in reportInterval.
// It is safe for concurrent use.
type reporter struct {
	logger *slog.Logger // nil is slog.Default at the time
	tally  *tally

	mu      sync.Mutex
	logged  map[string]time.Time // when, by hint: hints do not vary as the texts of errors do
	failing bool                 // logged a fault and no recovery since
	last    *deliveryError       // the latest fault
	dropped int64                // as of the latest message about it
}

func (r *reporter) log(level slog.Level, msg string, args ...any) {
	logger := r.logger
	if logger == nil {
		logger = slog.Default()
	}
	logger.Log(context.Background(), level, "otelsetup: "+msg, args...)
}

// due says whether key may be logged now, and notes that it was.
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

// failed reports that spans cannot be delivered at the moment.
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

// stopped notes that Shutdown broke off an export. What was wrong before is
// the better cause.
func (r *reporter) stopped(e *deliveryError) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.last == nil {
		r.last = e
	}
}

// delivered reports that a batch has arrived.
func (r *reporter) delivered() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.failing {
		r.failing = false
		r.log(slog.LevelInfo, "spans are being delivered now", "lost", r.tally.stats().lost())
	}
}

// checkDrops reports that the queue overflowed since it was last reported.
func (r *reporter) checkDrops(now time.Time) {
	n := r.tally.stats().Dropped
	r.mu.Lock()
	defer r.mu.Unlock()
	if n > r.dropped && r.due(now, "queue") {
		r.dropped = n
		r.log(slog.LevelWarn, "the queue is full and spans are dropped", "dropped", n, "queue", r.tally.queue,
			"hint", hintQueue)
	}
}

// cause returns the latest fault. It is nil if there was none, and not nil if
// the tally has failed spans.
func (r *reporter) cause() *deliveryError {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.last
}
