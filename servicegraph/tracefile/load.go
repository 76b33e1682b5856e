package tracefile

import (
	"errors"
	"fmt"
	"io"

	"github.com/tempograph/tempograph/servicegraph"
)

// Load adds the spans of a trace file to a builder. It gives what adding the spans of
// [Read] would, much faster for OTLP, whose spans go from their bytes to the builder
// without becoming values of type Span. The name stands for the input in errors.
//
// A record that is left out is counted, and skipped, if not nil, is called with it: if
// that returns an error, reading ends there, and Load returns the error. Any other error
// says how the source was lost; what could be read before is in the builder.
func Load(b *servicegraph.Builder, r io.Reader, name string, skipped func(*servicegraph.SkipError) error) error {
	l := &loader{builder: b, skipped: skipped}
	s := newSource(name, Config{Keep: b.Config().Reads}, l.yield)
	if b.Config().TakesRaw() {
		s.intake = servicegraph.NewIntake(b.Config())
		s.loaded = l.take
	}
	s.run(r, maxRecord)
	if s.intake != nil {
		l.take(s.intake)
	}
	return l.err
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
	skipped func(*servicegraph.SkipError) error
	err     error // what ended it
}

// yield takes what comes from the source, and reports whether to go on.
func (l *loader) yield(span servicegraph.Span, err error) bool {
	skip, ok := errors.AsType[*servicegraph.SkipError](err)
	switch {
	case ok:
		l.builder.Skip()
		if l.skipped != nil {
			l.err = l.skipped(skip)
		}
	case err != nil:
		l.err = err
	default:
		l.builder.Add(span)
	}
	return l.err == nil
}

// batchSize is how many spans go to the builder at a time, at least: enough to
// find what they share in the processor's caches, and not too many for these.
const batchSize = 512

// take moves the spans of an intake to the builder.
func (l *loader) take(in *servicegraph.Intake) {
	if in.Len() > 0 {
		l.builder.Take(in.Batch())
	}
}
