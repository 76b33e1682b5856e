package remotewrite

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/prometheus/client_golang/exp/api/remote"

	"github.com/tempograph/tempograph/internal/redact"
	"github.com/tempograph/tempograph/servicegraph/promgraph"
)

// A Writer writes series at regular intervals. [New] makes one. Its methods are safe for
// concurrent use.
type Writer struct {
	cfg    Config
	series func() []promgraph.Series
	api    *remote.API
	now    func() time.Time
	state  *state

	mu    sync.Mutex
	queue []batch
	wake  chan struct{} // has an element after the queue has grown
	stats Stats
}

// Stats count samples; a native histogram is one.
type Stats struct {
	Sent    uint64 // accepted by the receiver
	Refused uint64 // dropped because the receiver refused the request
	Dropped uint64 // dropped because the queue was full or Run had ended
	Retries uint64 // requests that were sent again
	Queued  int    // waiting now
	Edges   int    // edges that are being written
	LastErr error  // of the last failed attempt; nil if none has failed
}

// New returns a writer of the series that a function returns, such as the method Series of a
// [promgraph.Collector].
func New(series func() []promgraph.Series, cfg Config) (*Writer, error) {
	u, err := redact.ParseURL(cfg.URL)
	if err != nil {
		return nil, fmt.Errorf("remotewrite: URL %q: %w", redact.URL(cfg.URL), err)
	}
	cfg, err = cfg.withDefaults(u)
	if err != nil {
		return nil, err
	}
	client := &http.Client{
		Transport: transport{cfg, u.Host},
		Timeout:   cfg.Timeout,
	}
	// The library would append a path of its own to the URL, which already has the whole path.
	api, err := remote.NewAPI(cfg.URL,
		remote.WithAPIPath(""),
		remote.WithAPIHTTPClient(client),
		remote.WithAPIBackoff(remote.BackoffConfig{Min: cfg.MinDelay, Max: cfg.MaxDelay}))
	if err != nil {
		return nil, fmt.Errorf("remotewrite: %w", err)
	}
	return &Writer{cfg: cfg, series: series, api: api, now: time.Now, state: newState(cfg), wake: make(chan struct{}, 1)}, nil
}

// Stats returns the counts so far.
func (w *Writer) Stats() Stats {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.stats
}

// Run writes until ctx ends. It then writes the last values and stale markers, for at most
// Config.Grace. Run returns the cause of the end, and must be called only once.
func (w *Writer) Run(ctx context.Context) error {
	sending, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	done := make(chan struct{})
	ending := make(chan struct{})
	go func() {
		defer close(done)
		w.send(sending, ending)
	}()

	ticker := time.NewTicker(w.cfg.Interval)
	defer ticker.Stop()
	for ctx.Err() == nil {
		w.enqueue(w.state.next(w.series(), w.now()))
		select {
		case <-ticker.C:
		case <-ctx.Done():
		}
	}
	w.enqueue(w.state.next(w.series(), w.now()))
	w.enqueue(w.state.end(w.now()))
	close(ending)
	grace := time.AfterFunc(w.cfg.Grace, stop)
	defer grace.Stop()
	<-done
	w.mu.Lock()
	for _, b := range w.queue {
		w.stats.Dropped += uint64(b.size())
	}
	w.queue, w.stats.Queued = nil, 0
	w.mu.Unlock()
	return context.Cause(ctx)
}

// enqueue adds points to the queue, in batches, and drops the oldest batches beyond the limit.
func (w *Writer) enqueue(points []point) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stats.Edges = w.state.active()
	for len(points) > 0 {
		n := min(len(points), w.cfg.MaxBatch)
		w.queue = append(w.queue, batch(points[:n:n]))
		w.stats.Queued += n
		points = points[n:]
	}
	for len(w.queue) > 1 && w.stats.Queued > w.cfg.MaxQueue {
		w.drop(&w.stats.Dropped)
	}
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// drop removes the oldest batch and counts its samples. The caller holds w.mu.
func (w *Writer) drop(counter *uint64) {
	n := w.queue[0].size()
	*counter += uint64(n)
	w.stats.Queued -= n
	w.queue = w.queue[1:]
}

// send sends batches until ctx ends, or the queue is empty after ending was closed.
func (w *Writer) send(ctx context.Context, ending <-chan struct{}) {
	for {
		w.mu.Lock()
		var next batch
		if len(w.queue) > 0 {
			next = w.queue[0]
			w.queue = w.queue[1:] // so that a full queue cannot drop the batch while it is being sent
			w.stats.Queued -= next.size()
		}
		w.mu.Unlock()
		if next != nil {
			w.write(ctx, next)
			continue
		}
		select {
		case <-w.wake:
		case <-ctx.Done():
			return
		case <-ending:
			w.mu.Lock()
			empty := len(w.queue) == 0
			w.mu.Unlock()
			if empty {
				return
			}
		}
	}
}

// write sends one batch, and repeats the request as often as necessary.
func (w *Writer) write(ctx context.Context, b batch) {
	messageType, message := b.message(w.cfg.Protocol)
	_, err := w.api.Write(ctx, messageType, message, remote.WithWriteRetryCallback(func(err error) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.stats.Retries++
		w.stats.LastErr = shown(err)
	}))
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case err == nil:
		w.stats.Sent += uint64(b.size())
	case ctx.Err() != nil:
		w.stats.Dropped += uint64(b.size())
	default:
		w.stats.Refused += uint64(b.size())
		w.stats.LastErr = shown(err)
	}
}

// maxErrorText is the length at which the text of an answer is cut.
const maxErrorText = 1024

// shown returns an error without passwords in URLs, in one line, and without long texts.
func shown(err error) error {
	if failed, ok := errors.AsType[*url.Error](err); ok {
		return failed.Err // the text of a url.Error repeats the URL
	}
	if line := redact.Line(err.Error(), maxErrorText); line != err.Error() {
		return errors.New(line)
	}
	return err
}
