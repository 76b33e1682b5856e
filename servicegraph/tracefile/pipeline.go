package tracefile

import (
	"bufio"
	"iter"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/tempograph/tempograph/servicegraph"
)

// A pipeline reads an input ahead of the builder that it is for. In forms whose records
// can be told apart without being decoded, several goroutines take turns to read a
// stretch of it, and decode what they have read while the others read on: what a core
// has brought into its caches, it decodes itself. Other forms are read and decoded by one
// goroutine. One more inflates what is compressed. The builder's goroutine takes what
// comes of it in the order of the input, so that the outcome is that of doing one
// after the other; where it would have to wait, it decodes, too. Goroutines that wait are
// what costs most here: to wake one takes as long as to decode some dozen spans.
type pipeline struct {
	source   *source // what it reads for
	config   servicegraph.Config
	decoders int

	blockSize int // bytes of a stretch, if no message is larger

	free  chan *unit // to be filled; there are only so many, which bounds what is under way
	order chan *unit // all that were begun
	stop  chan struct{}
	group sync.WaitGroup

	shared atomic.Pointer[sharedFrames] // nil before they are known, and in other forms
	own    *decoder                     // of the builder's goroutine; made when needed
}

// A unit is what comes of a stretch of an input.
type unit struct {
	decoded    chan struct{} // holds one element when the rest is there
	deliveries []delivery
	spans      int
	err        error // the end of the input, behind the deliveries
}

// A delivery is spans, those that are values before the others, and a record behind
// them that was left out.
type delivery struct {
	spans []servicegraph.Span
	batch *servicegraph.Batch
	skip  *servicegraph.SkipError // perhaps nil
}

const (
	// blockSize is how many bytes a stretch has, unless a message is larger: so much
	// that taking turns costs little beside. Reading 250,000 spans of 175 MB on two cores
	// took 278 ns a span with 64 KiB, 190 with 128, 171 with 256, 156 with 512 and with
	// 1024. More units under way, and spinning in place of waiting for one's turn, did
	// not help.
	blockSize = 512 << 10

	// maxDecoders is as many decoders as a builder can keep up with.
	maxDecoders = 4
)

// newPipeline starts to read an input for builders with a configuration.
func newPipeline(s *source, config servicegraph.Config, in recognized, limit, blockSize int) *pipeline {
	// One beside the builder's goroutine, however few processors are left by now.
	decoders := max(2, min(runtime.GOMAXPROCS(0), maxDecoders))
	units := 2*decoders + 1 // beside those at work, as many wait for the builder
	p := &pipeline{
		source: s, config: config, decoders: decoders,
		blockSize: blockSize,

		free:  make(chan *unit, units),
		order: make(chan *unit, units),
		stop:  make(chan struct{}),
	}
	for range units {
		p.free <- &unit{decoded: make(chan struct{}, 1)}
	}
	if in.codec != "" {
		ahead, inflated := newReadAhead(p.stop), in.Reader
		p.group.Go(func() { ahead.fill(inflated) })
		in.Reader = bufio.NewReaderSize(ahead, headSize)
	}
	p.group.Go(func() { p.read(in, limit) })
	return p
}

// close ends the pipeline's goroutines. Where one of them waits for the input, close
// waits, too: nobody reads any more when it returns.
func (p *pipeline) close() {
	close(p.stop)
	p.group.Wait()
}

// units returns the units in the order of the input, each when it is decoded.
func (p *pipeline) units() iter.Seq[*unit] {
	return func(yield func(*unit) bool) {
		for {
			u, ok := receive(p, p.order)
			if !ok {
				return
			}
			receive(p, u.decoded)
			if !yield(u) {
				return
			}
		}
	}
}

// receive receives from a channel, and helps until there is something.
func receive[T any](p *pipeline, from <-chan T) (v T, ok bool) {
	for {
		select {
		case v, ok = <-from:
			return v, ok
		default:
			if !p.help() {
				v, ok = <-from
				return v, ok
			}
		}
	}
}

// next returns a unit to fill, nil if no more are wanted.
func (p *pipeline) next() *unit {
	select {
	case u := <-p.free:
		return u
	case <-p.stop:
		return nil
	}
}

// recycle takes back a unit that the builder is done with.
func (p *pipeline) recycle(u *unit) {
	clear(u.deliveries)
	*u = unit{decoded: u.decoded, deliveries: u.deliveries[:0]}
	p.free <- u
}

// read reads the input to its end.
func (p *pipeline) read(in recognized, limit int) {
	defer close(p.order)
	c := newCollector(p.source, p.config)
	c.pipeline = p
	c.pass = func() bool { return p.deliver(c, nil) }
	if err := in.form.read(&c.source, in.Reader, limit); err != errStopped {
		p.deliver(c, err)
	}
}

// deliver passes on what was decoded by the goroutine that reads, and how the input
// ended, if not well. It reports whether to go on.
func (p *pipeline) deliver(c *collector, err error) bool {
	u := p.next()
	if u == nil {
		return false
	}
	c.moveTo(u)
	u.err = err
	u.decoded <- struct{}{}
	p.order <- u
	return true
}

// readFrames has the input decoded to its end, by this goroutine and others.
func (p *pipeline) readFrames(f *frames) error {
	f.ahead = true
	shared := &sharedFrames{frames: f}
	p.shared.Store(shared)
	var group sync.WaitGroup
	for range p.decoders - 1 { // the last one is the builder's goroutine
		group.Go(func() {
			d := p.newDecoder(shared)
			for u := p.next(); u != nil && d.decode(u); {
				u = p.next()
			}
		})
	}
	group.Wait()
	return unlessEOF(shared.ended())
}

// help decodes a stretch, and reports whether there was one to decode. It is what the
// builder's goroutine does while it waits.
func (p *pipeline) help() bool {
	if p.own == nil {
		shared := p.shared.Load()
		if shared == nil {
			return false
		}
		p.own = p.newDecoder(shared)
	}
	select {
	case u := <-p.free:
		return p.own.decode(u)
	default:
		return false
	}
}

// sharedFrames are read by several decoders, one at a time.
type sharedFrames struct {
	mu sync.Mutex
	*frames
	end error // how they ended; nil before that
}

// ended returns how the frames ended, nil if they have not.
func (f *sharedFrames) ended() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.end
}

// A decoder reads and decodes stretches of an input in turn with others.
type decoder struct {
	pipeline  *pipeline
	frames    *sharedFrames
	block     block
	wire      *wireDecoder
	collector *collector
}

func (p *pipeline) newDecoder(shared *sharedFrames) *decoder {
	c := newCollector(p.source, p.config)
	return &decoder{
		pipeline:  p,
		frames:    shared,
		block:     block{buf: make([]byte, 0, p.blockSize)},
		wire:      newWireDecoder(&c.source),
		collector: c,
	}
}

// decode fills a unit, and reports whether there was something to fill it with.
func (d *decoder) decode(u *unit) bool {
	if !d.read(u) {
		d.pipeline.free <- u
		return false
	}
	for i := range d.block.messages {
		if u.err = d.frames.decode(d.wire, &d.block, &d.block.messages[i]); u.err != nil {
			break
		}
	}
	d.collector.moveTo(u)
	u.decoded <- struct{}{}
	if size := d.pipeline.blockSize; cap(d.block.buf) > 2*size { // one large message, and perhaps no second one
		d.block.buf = make([]byte, 0, size)
	}
	return true
}

// read reads the next stretch for a unit, if there is one.
func (d *decoder) read(u *unit) bool {
	d.frames.mu.Lock()
	defer d.frames.mu.Unlock()
	if d.frames.end != nil {
		return false
	}
	d.frames.end = d.frames.next(&d.block)
	d.pipeline.order <- u
	return true
}

// A collector is a source whose consumer gathers what comes of it.
type collector struct {
	source
	deliveries []delivery
	pending    []servicegraph.Span // for the next one
	pass       func() bool         // passes deliveries on; nil if somebody fetches them
}

func newCollector(s *source, config servicegraph.Config) *collector {
	c := new(collector)
	c.source = *newSource(s.name, Config{Keep: s.keep}, c.yield)
	if s.intake != nil {
		c.intake = servicegraph.NewIntake(config)
		c.loaded = func(*servicegraph.Intake) bool { return c.pass() }
	}
	return c
}

// yield takes what comes from the source.
func (c *collector) yield(span servicegraph.Span, err error) bool {
	skip, ok := err.(*servicegraph.SkipError)
	if !ok {
		c.pending = append(c.pending, span)
	} else {
		c.deliver(skip)
	}
	return c.pass == nil || len(c.pending)+len(c.deliveries) < batchSize || c.pass()
}

// deliver makes a delivery of the spans that came last.
func (c *collector) deliver(skip *servicegraph.SkipError) {
	d := delivery{spans: c.pending, skip: skip}
	if c.intake != nil && c.intake.Len() > 0 {
		d.batch = c.intake.Batch()
	}
	if d.spans != nil || d.batch != nil || skip != nil {
		c.deliveries = append(c.deliveries, d)
		c.pending = nil
	}
}

// moveTo moves what was gathered to a unit.
func (c *collector) moveTo(u *unit) {
	c.deliver(nil)
	u.deliveries, c.deliveries = c.deliveries, u.deliveries
	u.spans, c.spans = c.spans, 0
}
