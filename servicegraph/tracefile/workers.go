package tracefile

import (
	"io"
	"runtime"
	"sync"
)

// A splitter cuts an input into segments that can be decoded in parallel.
type splitter interface {
	// reader returns a reader of segments for one worker. The reader puts the spans into a sink.
	// size is about how many bytes a segment should have.
	reader(s *sink, size int) segmentReader
}

// A segmentReader reads segments of an input in turn with the readers of other workers.
type segmentReader interface {
	// read reads the next segment, while no other reader reads. The error is how the input
	// ended after the segment, perhaps io.EOF; nil if the input goes on.
	read() error

	// decode decodes the segment just read into the sink. It may run at the same time as the
	// methods of other readers. After an error the rest of the input is ignored.
	decode() error
}

// runWorkers reads an input to its end with several workers, and returns how it ended.
func (p *pipeline) runWorkers(split splitter) error {
	lock := &inputLock{splitter: split}
	p.input.Store(lock)
	var group sync.WaitGroup
	for range p.workers - 1 { // the last worker is the builder's goroutine
		group.Go(func() {
			w := p.newWorker(lock)
			for seg := p.next(); seg != nil && w.fill(seg); {
				seg = p.next()
			}
		})
	}
	group.Wait()
	return unlessEOF(lock.ended())
}

// unlessEOF returns an error, and nil for io.EOF.
func unlessEOF(err error) error {
	if err == io.EOF {
		return nil
	}
	return err
}

// decodeWhileWaiting reads and decodes a segment in the builder's goroutine, and reports
// whether there was one.
func (p *pipeline) decodeWhileWaiting() bool {
	if p.own == nil {
		lock := p.input.Load()
		if lock == nil {
			return false
		}
		p.own = p.newWorker(lock)
	}
	select {
	case seg := <-p.free:
		return p.own.fill(seg)
	default:
		return false
	}
}

// An inputLock lets one worker at a time read an input.
type inputLock struct {
	splitter splitter

	mu  sync.Mutex
	end error // how the input ended; nil before that
}

// spins is how often a worker tries to lock the input before it sleeps.
const spins = 1000

// lock locks the input; mu.Unlock unlocks it. Reading a segment from memory takes some ten
// microseconds, and waking a goroutine can take longer than ten such reads. Therefore lock first
// tries repeatedly, and lets other goroutines run between attempts.
func (l *inputLock) lock() {
	for range spins {
		if l.mu.TryLock() {
			return
		}
		runtime.Gosched()
	}
	l.mu.Lock()
}

// ended returns how the input ended, nil if it has not.
func (l *inputLock) ended() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.end
}

// A worker reads and decodes segments of an input in turn with other workers.
type worker struct {
	pipeline *pipeline
	input    *inputLock
	reader   segmentReader
	buffer   *buffer
}

func (p *pipeline) newWorker(lock *inputLock) *worker {
	b := newBuffer(p.sink, p.newPacker)
	return &worker{pipeline: p, input: lock, reader: lock.splitter.reader(&b.sink, p.segmentSize), buffer: b}
}

// fill reads and decodes the next segment, and reports whether there was one.
func (w *worker) fill(seg *segment) bool {
	if !w.read(seg) {
		w.pipeline.free <- seg
		return false
	}
	seg.err = w.reader.decode()
	w.buffer.moveTo(seg)
	seg.decoded <- struct{}{}
	return true
}

// read reads the next segment, if there is one, and adds it to the order of segments.
func (w *worker) read(seg *segment) bool {
	w.input.lock()
	defer w.input.mu.Unlock()
	if w.input.end != nil {
		return false
	}
	w.input.end = w.reader.read()
	w.pipeline.order <- seg
	return true
}
