package tracefile

import (
	"runtime"
	"sync"
)

// A stretchReader reads stretches of an input in turn with others, and decodes them for a
// source of its own. What it learns of the input, it keeps to itself.
type stretchReader interface {
	// read reads the next stretch while nobody else reads. The error is how the input
	// ended behind it, perhaps io.EOF; nil if it goes on.
	read() error

	// decode passes on what is in the stretch that was read, beside others that do.
	// Nothing behind an error counts.
	decode() error
}

// readStretches has an input read to its end, by this goroutine and others, each with a
// reader of stretches of a size.
func (p *pipeline) readStretches(reader func(s *source, size int) stretchReader) error {
	t := &turns{reader: reader}
	p.turns.Store(t)
	var group sync.WaitGroup
	for range p.decoders - 1 { // the last one is the builder's goroutine
		group.Go(func() {
			d := p.newDecoder(t)
			for u := p.next(); u != nil && d.decode(u); {
				u = p.next()
			}
		})
	}
	group.Wait()
	return unlessEOF(t.ended())
}

// help decodes a stretch, and reports whether there was one to decode. It is what the
// builder's goroutine does while it waits.
func (p *pipeline) help() bool {
	if p.own == nil {
		t := p.turns.Load()
		if t == nil {
			return false
		}
		p.own = p.newDecoder(t)
	}
	select {
	case u := <-p.free:
		return p.own.decode(u)
	default:
		return false
	}
}

// turns are what decoders take to read an input.
type turns struct {
	reader func(s *source, size int) stretchReader

	mu  sync.Mutex
	end error // of the input; nil before that
}

// looks is how often a decoder looks for its turn before it sleeps.
const looks = 1000

// take waits for a turn, which ends with mu.Unlock. A turn takes some ten microseconds
// where the input is there, and to be woken takes longer than ten turns: so it looks
// again and again for a while, and lets others run in between.
func (t *turns) take() {
	for range looks {
		if t.mu.TryLock() {
			return
		}
		runtime.Gosched()
	}
	t.mu.Lock()
}

// ended returns how the input ended, nil if it has not.
func (t *turns) ended() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.end
}

// A decoder reads and decodes stretches of an input in turn with others.
type decoder struct {
	pipeline  *pipeline
	turns     *turns
	reader    stretchReader
	collector *collector
}

func (p *pipeline) newDecoder(t *turns) *decoder {
	c := newCollector(p.source, p.config)
	return &decoder{pipeline: p, turns: t, reader: t.reader(&c.source, p.blockSize), collector: c}
}

// decode fills a unit, and reports whether there was something to fill it with.
func (d *decoder) decode(u *unit) bool {
	if !d.read(u) {
		d.pipeline.free <- u
		return false
	}
	u.err = d.reader.decode()
	d.collector.moveTo(u)
	u.decoded <- struct{}{}
	return true
}

// read reads the next stretch for a unit, if there is one.
func (d *decoder) read(u *unit) bool {
	d.turns.take()
	defer d.turns.mu.Unlock()
	if d.turns.end != nil {
		return false
	}
	d.turns.end = d.reader.read()
	d.pipeline.order <- u
	return true
}
