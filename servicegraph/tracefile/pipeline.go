package tracefile

import (
	"bufio"
	"iter"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/tempograph/tempograph/servicegraph"
)

// A pipeline reads an input ahead of the builder that it is for. In forms that can be cut
// between records without being decoded, several goroutines take turns to read a
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

	blockSize int // bytes of a stretch, if no record is larger

	free  chan *unit // to be filled; there are only so many, which bounds what is under way
	order chan *unit // all that were begun
	stop  chan struct{}
	group sync.WaitGroup

	turns atomic.Pointer[turns] // nil before the form is known, and in other forms
	own   *decoder              // of the builder's goroutine; made when needed
}

// A unit is what comes of a stretch of an input.
type unit struct {
	decoded    chan struct{} // holds one element when the rest is there
	deliveries []delivery
	records    int // their numbers are counted from where the unit begins
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
	// blockSize is how many bytes a stretch has, unless a message or a line is larger: so
	// much that what lies across two of them, and taking turns, cost little beside. Of
	// protobuf, 250,000 spans of 175 MB on two cores took 157 ns a span with 128 KiB and
	// with 1024, 175 with 64; of JSON with lines of 100 KB, 100,000 spans took 338 ns a
	// span with 128 KiB, 325 with 256, 310 with 512. More units under way did not help.
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
	c.intake = servicegraph.NewIntake(config)
	c.loaded = c.take
	return c
}

// take takes what the intake holds, before what comes behind it.
func (c *collector) take(*servicegraph.Intake) bool {
	if c.pass == nil {
		c.deliver(nil)
		return true
	}
	return c.pass()
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
	if c.intake.Len() > 0 {
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
	u.records, c.record = c.record, 0
	u.spans, c.spans = c.spans, 0
}
