package buildtool

import (
	"context"
	"fmt"
	"time"

	"github.com/rogpeppe/go-internal/lockedfile"
)

// patience is how long lock waits before it tells its caller that another process holds the lock.
const patience = 100 * time.Millisecond

// lock takes the exclusive lock of the file at path, creating the file, and calls waiting once if
// another goroutine or process holds the lock. The system releases the lock of a process that dies.
// lock never removes the file: after a removal, another process would lock a new file with the same
// name.
//
// If ctx ends first, lock returns at once. One goroutine then still waits for the
// system to grant the lock, and releases it.
func lock(ctx context.Context, path string, waiting func()) (unlock func(), err error) {
	type result struct {
		unlock func()
		err    error
	}
	granted := make(chan result, 1)
	go func() {
		unlock, err := lockedfile.MutexAt(path).Lock()
		granted <- result{unlock, err}
	}()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for {
		select {
		case r := <-granted:
			return r.unlock, r.err
		case <-timer.C:
			waiting()
		case <-ctx.Done():
			go func() {
				if r := <-granted; r.err == nil {
					r.unlock()
				}
			}()
			return nil, fmt.Errorf("waiting for the lock %s: %w", path, ctx.Err())
		}
	}
}
