package tempoclient

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"syscall"
	"time"
)

const (
	attempts     = 5                      // the largest number of times that a request is sent
	firstBackoff = 250 * time.Millisecond // the wait after the first attempt; each further attempt doubles it
	maxBackoff   = 30 * time.Second       // the longest wait that an answer may ask for
)

// withRetries sends a request until it succeeds or worthRetrying returns false. The wait
// between attempts is a random time between half and all of a backoff that doubles, or
// as long as the answer asks for. withRetries returns the error at once if the wait would
// outlast ctx.
func (c *Client) withRetries(ctx context.Context, send func() error) error {
	for attempt := 1; ; attempt++ {
		err := send()
		if err == nil || attempt == attempts || !c.worthRetrying(err, attempt) {
			return err
		}
		wait := firstBackoff << (attempt - 1)
		wait = wait/2 + rand.N(wait/2)
		if e, ok := errors.AsType[*Error](err); ok && e.retryAfter > 0 {
			if e.retryAfter > maxBackoff {
				return err
			}
			wait = max(wait, e.retryAfter)
		}
		if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < wait {
			return err
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return c.ended(ctx)
		case <-timer.C:
		}
	}
}

// worthRetrying reports whether the same request may soon succeed.
func (c *Client) worthRetrying(err error, attempt int) bool {
	e, ok := errors.AsType[*Error](err)
	if !ok {
		return false // the context has ended
	}
	if e.final || e.exceedsMessage() {
		return false
	}
	switch e.StatusCode {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	case http.StatusInternalServerError:
		return attempt == 1 // Tempo also answers some bad requests with 500
	case 0, http.StatusOK:
		return c.brokenConnection(e.Err)
	}
	return false
}

// brokenConnection reports whether an error suggests that a server went away for a
// moment. The result is false for a server that never answered, and for one that was
// silent for all of Config.Timeout.
func (c *Client) brokenConnection(err error) bool {
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return false
	case errors.Is(err, syscall.ECONNREFUSED): // explain keeps this error
		return c.reached.Load()
	case errors.Is(err, errBrokeOff):
		return true
	}
	if op, ok := errors.AsType[*net.OpError](err); ok {
		switch op.Op {
		case "dial":
			return c.reached.Load()
		case "remote error": // a TLS alert: the server refuses our certificate
			return false
		}
		return true
	}
	return errors.Is(err, io.EOF) // the server closed the connection before it answered
}

// retryAfter returns the wait that an answer asks for, or 0.
func retryAfter(h http.Header, now time.Time) time.Duration {
	value := h.Get("Retry-After")
	if seconds, err := strconv.Atoi(value); err == nil {
		return time.Duration(max(seconds, 0)) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(at.Sub(now), 0)
	}
	return 0
}
