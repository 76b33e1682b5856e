package tracefile

import (
	"errors"
	"fmt"
	"io"
	"runtime"

	"github.com/tempograph/tempograph/servicegraph"
)

// Load adds the spans of a trace file to a builder. It gives what adding the spans of
// [Read] would, much faster for OTLP, whose spans go from their bytes to the builder
// without becoming values of type Span. The name stands for the input in errors.
//
// A record that is left out is counted, and skipped, if not nil, is called with it: if
// that returns an error, reading ends there, and Load returns the error. Any other error
// says how the source was lost; what could be read before is in the builder.
//
// With more than one processor ([runtime.GOMAXPROCS]), and unless the input is small,
// spans are read ahead of the builder by goroutines that end before Load returns. What
// comes of it is the same, and the builder, and skipped, see no other goroutine than the
// caller's; the reader is read by several, one at a time. At most some megabytes are read
// ahead, and as many of the largest records as there are processors, or 16 MB for each of
// them where one line of JSON holds that much. Where the reader is slow, spans reach the
// builder some megabytes behind it, too.
//
// Protobuf is decoded on all these processors, and so is OTLP JSON whose requests begin on
// lines of their own; what else there is, on one beside the builder's.
func Load(b *servicegraph.Builder, r io.Reader, name string, skipped func(*servicegraph.SkipError) error) error {
	return newLoader(b, name, skipped).load(r, maxRecord, unitSize)
}

// LoadFile is [Load] of the file at path.
func LoadFile(b *servicegraph.Builder, path string, skipped func(*servicegraph.SkipError) error) error {
	f, err := open(path)
	if err != nil {
		return fmt.Errorf("reading %s: %w", path, err)
	}
	defer f.Close()
	return Load(b, f, path, skipped)
}

// A loader is the consumer of a source that fills a builder.
type loader struct {
	builder *servicegraph.Builder
	source  *source
	skipped func(*servicegraph.SkipError) error
	err     error // what ended it
}

func newLoader(b *servicegraph.Builder, name string, skipped func(*servicegraph.SkipError) error) *loader {
	l := &loader{builder: b, skipped: skipped}
	l.source = newSource(name, Config{Keep: b.Config().Reads}, l.yield)
	l.source.intake = servicegraph.NewIntake(b.Config())
	l.source.loaded = l.take
	return l
}

// unitSize returns the size of the units in which to read an input beside the
// builder's goroutine, 0 if it is not worth it.
func unitSize(in recognized) int {
	if in.small || in.codec == "" && 0 <= in.size && in.size < minPipelined || runtime.GOMAXPROCS(0) == 1 {
		return 0
	}
	return blockSize
}

// minPipelined is how many bytes are worth the goroutines: these, and what each of them
// has to learn, take as long as reading some megabytes.
const minPipelined = 4 << 20

// load reads an input, in a pipeline with units of a size if that is not 0.
func (l *loader) load(r io.Reader, limit int, size func(recognized) int) error {
	if err := l.read(r, limit, size); err != nil && err != errStopped {
		return fmt.Errorf("reading %s: %w", l.source.name, err)
	}
	return l.err
}

func (l *loader) read(r io.Reader, limit int, size func(recognized) int) error {
	in, err := l.source.open(r)
	if err != nil {
		return err
	}
	if n := size(in); n > 0 {
		err = l.follow(newPipeline(l.source, l.builder.Config(), in, limit, n))
	} else {
		err = in.form.read(l.source, in.Reader, limit)
		l.take(l.source.intake)
	}
	return l.source.finish(in, err)
}

// follow takes what comes through a pipeline, and ends it.
func (l *loader) follow(p *pipeline) error {
	defer p.close()
	for u := range p.units() {
		l.source.spans += u.spans
		for _, d := range u.deliveries {
			if err := l.takeIn(d); err != nil {
				return err
			}
		}
		if u.err != nil {
			return u.err
		}
		l.source.record += u.records
		p.recycle(u)
	}
	return nil
}

// takeIn adds a delivery to the builder.
func (l *loader) takeIn(d delivery) error {
	for _, span := range d.spans {
		l.builder.Add(span)
	}
	if d.batch != nil {
		l.builder.Take(d.batch)
	}
	if d.skip != nil {
		d.skip.Record += l.source.record
		return l.source.report(d.skip)
	}
	return nil
}

// yield takes what comes from the source, and reports whether to go on.
func (l *loader) yield(span servicegraph.Span, err error) bool {
	skip, ok := errors.AsType[*servicegraph.SkipError](err)
	switch {
	case !ok:
		l.builder.Add(span)
	default:
		l.builder.CountSkipped()
		if l.skipped != nil {
			l.err = l.skipped(skip)
		}
	}
	return l.err == nil
}

// batchSize is how many spans go to the builder at a time, at least: enough to
// find what they share in the processor's caches, and not too many for these.
const batchSize = 512

// take moves the spans of an intake to the builder.
func (l *loader) take(in *servicegraph.Intake) bool {
	if in.Len() > 0 {
		l.builder.Take(in.Batch())
	}
	return true
}
