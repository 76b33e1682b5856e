package tracefile

import (
	"bufio"
	"iter"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/internal/pack"
	"github.com/tempograph/tempograph/servicegraph/tracefile/internal/inflate"
)

// A pipeline reads an input ahead of the builder that the spans are for.
//
// If the format can be split, several workers take turns: a worker reads one segment and decodes
// it, while the others read on. So a core decodes bytes that are in its caches. Otherwise one
// goroutine reads and decodes the input. One more goroutine decompresses a compressed input.
//
// The builder's goroutine takes the decoded segments in the order of the input, so the result is
// the same as with one goroutine. Instead of waiting for a segment, it works as a worker, because
// waking a waiting goroutine takes time: see inputLock.lock.
type pipeline struct {
	sink      *sink               // of the builder; each worker fills a sink of its own
	newPacker func() *pack.Packer // safe for concurrent use
	workers   int

	segmentSize int // about how many bytes a segment has

	free  chan *segment // segments to fill; their number bounds the memory in use
	order chan *segment // begun segments, in the order of the input
	stop  chan struct{}
	group sync.WaitGroup

	input atomic.Pointer[inputLock] // the lock of the workers on the input; nil before there are workers
	own   *worker                   // the worker that the builder's goroutine runs; made when needed
}

// A segment is the outcome of decoding one part of an input.
type segment struct {
	decoded chan struct{} // receives one element when the other fields are set
	parts   []segmentPart
	records int
	spans   int
	err     error // how the input ended after the parts; nil if it goes on
}

// A segmentPart is spans and perhaps a record that was left out after them. Its record
// number counts from the beginning of the segment.
type segmentPart struct {
	spans []servicegraph.Span // spans that precede those of the batch
	batch *pack.Batch         // may be nil
	skip  *servicegraph.SkipError
}

const (
	// defaultSegmentSize is about how many bytes a segment has. It is large enough that records
	// across two segments, and the change of turns, cost little. On two cores 250,000 spans of
	// protobuf (175 MB) took 157 ns a span with 128 KiB and with 1024 KiB, and 175 ns with 64 KiB;
	// 100,000 spans of JSON in lines of 100 KB took 338 ns with 128 KiB, 325 ns with 256 KiB and
	// 310 ns with 512 KiB. More segments in flight did not help.
	defaultSegmentSize = 512 << 10

	// maxWorkers is the number of workers that one builder can keep up with.
	maxWorkers = 4
)

// newPipeline starts to read an input for the builder of the packers.
func newPipeline(s *sink, newPacker func() *pack.Packer, in input, segmentSize int) *pipeline {
	// There is at least one worker besides the builder's goroutine, even if GOMAXPROCS has become
	// 1.
	workers := max(2, min(runtime.GOMAXPROCS(0), maxWorkers))
	segments := 2*workers + 1 // as many wait for the builder as are being filled
	p := &pipeline{
		sink: s, newPacker: newPacker, workers: workers,
		segmentSize: segmentSize,

		free:  make(chan *segment, segments),
		order: make(chan *segment, segments),
		stop:  make(chan struct{}),
	}
	for range segments {
		p.free <- &segment{decoded: make(chan struct{}, 1)}
	}
	if in.Codec != "" {
		ahead, decompressed := inflate.NewReadAhead(p.stop), in.Reader
		p.group.Go(func() { ahead.Fill(decompressed) })
		in.Reader = bufio.NewReaderSize(ahead, headSize)
	}
	p.group.Go(func() { p.read(&in) })
	return p
}

// close ends the pipeline's goroutines and waits for them, even if one of them waits for the input.
// After close has returned, no goroutine reads the input.
func (p *pipeline) close() {
	close(p.stop)
	p.group.Wait()
}

// segments returns the decoded segments in the order of the input.
func (p *pipeline) segments() iter.Seq[*segment] {
	return func(yield func(*segment) bool) {
		for {
			seg, ok := receive(p, p.order)
			if !ok {
				return
			}
			receive(p, seg.decoded)
			if !yield(seg) {
				return
			}
		}
	}
}

// receive receives from a channel, and decodes while it waits.
func receive[T any](p *pipeline, from <-chan T) (v T, ok bool) {
	for {
		select {
		case v, ok = <-from:
			return v, ok
		default:
			if !p.decodeWhileWaiting() {
				v, ok = <-from
				return v, ok
			}
		}
	}
}

// next returns a segment to fill, nil if the pipeline is closed.
func (p *pipeline) next() *segment {
	select {
	case seg := <-p.free:
		return seg
	case <-p.stop:
		return nil
	}
}

// recycle makes a segment free again after the builder has taken its parts.
func (p *pipeline) recycle(seg *segment) {
	clear(seg.parts)
	*seg = segment{decoded: seg.decoded, parts: seg.parts[:0]}
	p.free <- seg
}

// read reads the input to its end: by workers, or else in this goroutine.
func (p *pipeline) read(in *input) {
	defer close(p.order)
	b := newBuffer(p.sink, p.newPacker)
	b.full = func() bool { return p.send(b, nil) }
	var err error
	if in.format.split != nil {
		err = p.runWorkers(in.format.split(in))
	} else {
		err = in.format.read(&b.sink, in)
	}
	if err != errStopped {
		p.send(b, err)
	}
}

// send sends the content of a buffer to the builder's goroutine as one segment, with the error
// that ended the input, if any. It reports whether to go on.
func (p *pipeline) send(b *buffer, err error) bool {
	seg := p.next()
	if seg == nil {
		return false
	}
	b.moveTo(seg)
	seg.err = err
	seg.decoded <- struct{}{}
	p.order <- seg
	return true
}

// A buffer is a sink and its output, which gathers parts of a segment.
type buffer struct {
	sink  sink
	parts []segmentPart
	spans []servicegraph.Span // of the next part
	full  func() bool         // called when there are many parts; nil for no limit
}

func newBuffer(s *sink, newPacker func() *pack.Packer) *buffer {
	b := new(buffer)
	b.sink = *newSink(s.name, Config{Keep: s.keep}, b)
	b.sink.messages = s.messages
	b.sink.packer = newPacker()
	return b
}

func (b *buffer) add(span servicegraph.Span) bool {
	b.spans = append(b.spans, span)
	return b.goOn()
}

func (b *buffer) skip(skip *servicegraph.SkipError) bool {
	b.endPart(skip)
	return b.goOn()
}

func (b *buffer) flush() bool {
	if b.full != nil {
		return b.full()
	}
	b.endPart(nil)
	return true
}

// goOn hands the parts on if there are many, and reports whether to go on.
func (b *buffer) goOn() bool {
	return b.full == nil || len(b.spans)+len(b.parts) < batchSize || b.full()
}

// endPart makes a part of the spans that came last.
func (b *buffer) endPart(skip *servicegraph.SkipError) {
	part := segmentPart{spans: b.spans, skip: skip}
	if b.sink.packer.Len() > 0 {
		part.batch = b.sink.packer.Batch()
	}
	if part.spans != nil || part.batch != nil || skip != nil {
		b.parts = append(b.parts, part)
		b.spans = nil
	}
}

// moveTo moves the parts to a segment.
func (b *buffer) moveTo(seg *segment) {
	b.endPart(nil)
	seg.parts, b.parts = b.parts, seg.parts
	seg.records, b.sink.record = b.sink.record, 0
	seg.spans, b.sink.spans = b.sink.spans, 0
}
