package tracefile

import (
	"bufio"
	"runtime"
	"sync"

	"github.com/tempograph/tempograph/servicegraph"
)

// A pipeline reads an input ahead of the builder that it is for. One goroutine reads,
// and cuts the input into units; in forms whose records can be told apart without
// being decoded, several decode units side by side, otherwise the first one does; and
// one more inflates what is compressed. The
// builder's goroutine takes what comes of the units in the order of the input, so
// that the outcome is that of doing one after the other.
type pipeline struct {
	blockSize int // bytes of a unit, if no message is larger

	free  chan *unit // to be filled; there are only so many, which bounds what is under way
	work  chan *unit // to be decoded
	order chan *unit // all that were filled
	stop  chan struct{}
	group sync.WaitGroup
}

// A unit is a stretch of an input, and what comes of it.
type unit struct {
	frames *frames // that block was cut by
	block

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
	// blockSize is how many bytes a unit has, unless a message is larger: some
	// hundred spans, so that passing it from one core to another costs little beside.
	// Half as much, which would stay in smaller caches, took 5 % longer.
	blockSize = 256 << 10

	// maxDecoders is as many decoders as a builder can keep up with.
	maxDecoders = 4
)

// newPipeline starts to read an input for builders with a configuration.
func newPipeline(s *source, config servicegraph.Config, in recognized, limit, blockSize int) *pipeline {
	decoders := min(runtime.GOMAXPROCS(0), maxDecoders)
	units := decoders + 3 // beside those, one is read, one waits, and one is with the builder
	p := &pipeline{
		blockSize: blockSize,

		free:  make(chan *unit, units),
		work:  make(chan *unit, units),
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
	reader := newCollector(s, config)
	p.group.Go(func() { p.read(reader, in, limit) })
	for range decoders {
		decoder := newCollector(s, config)
		p.group.Go(func() { p.decode(decoder) })
	}
	return p
}

// close ends the pipeline's goroutines. Where one of them waits for the input, close
// waits, too: nobody reads any more when it returns.
func (p *pipeline) close() {
	close(p.stop)
	p.group.Wait()
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
	if cap(u.buf) > 2*p.blockSize { // one large message, and perhaps no second one
		u.buf = nil
	}
	clear(u.deliveries)
	*u = unit{decoded: u.decoded, block: block{buf: u.buf, messages: u.messages[:0]}, deliveries: u.deliveries[:0]}
	p.free <- u
}

// read reads the input to its end.
func (p *pipeline) read(c *collector, in recognized, limit int) {
	defer close(p.order)
	defer close(p.work)
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

// readFrames cuts the input into units for the decoders.
func (p *pipeline) readFrames(f *frames) error {
	f.ahead = true
	for {
		u := p.next()
		if u == nil {
			return errStopped
		}
		if u.buf == nil {
			u.buf = make([]byte, 0, p.blockSize)
		}
		u.frames = f
		end := f.next(&u.block)
		p.work <- u
		p.order <- u
		if end != nil {
			return unlessEOF(end)
		}
	}
}

// decode decodes units as long as there are any.
func (p *pipeline) decode(c *collector) {
	d := newWireDecoder(&c.source)
	for u := range p.work {
		for i := range u.messages {
			if u.err = u.frames.decode(d, &u.block, &u.messages[i]); u.err != nil {
				break
			}
		}
		c.moveTo(u)
		u.decoded <- struct{}{}
	}
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
