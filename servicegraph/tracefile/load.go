package tracefile

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"runtime"

	"github.com/tempograph/tempograph/servicegraph"
)

// Load adds the spans of a trace file to a builder. The result is the same as with the spans of
// [Read]. For OTLP, Load is much faster: spans go from their bytes to the builder without becoming
// values of type Span. The name stands for the input in errors.
//
// The builder counts each record, and each part of a record, that is left out. Load returns the
// error of cfg.Skipped, or an error that says how the input was lost. In both cases the builder has
// the spans that were read before.
//
// With more than one processor ([runtime.GOMAXPROCS]), and unless the input is small, goroutines
// that end before Load returns read ahead of the builder. The result is the same. Only the caller's
// goroutine uses the builder and calls cfg.Skipped. Several goroutines read r, one at a time. They
// read at most some megabytes ahead, and in addition one of the largest records per processor, or
// 16 MB per processor if one line of JSON is that long. If r is slow, spans therefore reach the
// builder some megabytes late.
//
// Protobuf is decoded on all these processors, and so is OTLP JSON whose requests begin on
// lines of their own. Other formats are decoded on one processor, and the builder uses another.
//
// Without those goroutines, protobuf in a [bytes.Reader] is decoded where it is and not copied.
func Load(b *servicegraph.Builder, r io.Reader, name string, cfg LoadConfig) error {
	return newLoader(b, name, cfg).load(r)
}

// A LoadConfig is the configuration of [Load]. The zero value is the default.
type LoadConfig struct {
	// MaxRecord is the size in bytes of the largest record that is read, as in [Config].
	MaxRecord int

	// Skipped, if it is not nil, is called with the reason why a record, or a part of one,
	// is left out. If it returns an error, reading ends and Load returns that error.
	Skipped func(*servicegraph.SkipError) error
}

// LoadFile is [Load] of the file at path.
func LoadFile(b *servicegraph.Builder, path string, cfg LoadConfig) error {
	f, err := openFile(path)
	if err != nil {
		return fmt.Errorf("reading %s: %w", path, err)
	}
	defer f.Close()
	return Load(b, f, path, cfg)
}

// A loader is the output of a sink that fills a builder.
type loader struct {
	builder *servicegraph.Builder
	sink    *sink
	skipped func(*servicegraph.SkipError) error
	err     error // the error of skipped that ended reading

	limit       int // bytes of a record
	segmentSize int // bytes of a segment; 0 to read without a pipeline, or chosenByInput
}

// chosenByInput is a segment size that depends on the input.
const chosenByInput = -1

func newLoader(b *servicegraph.Builder, name string, cfg LoadConfig) *loader {
	l := &loader{builder: b, skipped: cfg.Skipped, limit: cmp.Or(cfg.MaxRecord, DefaultMaxRecord), segmentSize: chosenByInput}
	l.sink = newSink(name, Config{Keep: b.Config().Reads}, l)
	l.sink.packer = b.NewPacker()
	return l
}

// load reads an input into the builder.
func (l *loader) load(r io.Reader) error {
	var err error
	if m, ok := r.(*bytes.Reader); ok && m.Len() > 0 && (m.Len() < minPipelined || runtime.GOMAXPROCS(0) == 1) {
		m.WriteTo(lend(func(memory []byte) { err = l.read(bytes.NewReader(memory), memory) }))
	} else {
		err = l.read(r, nil)
	}
	if err != nil && err != errStopped {
		return fmt.Errorf("reading %s: %w", l.sink.name, err)
	}
	return l.err
}

// lend is a writer that a bytes.Reader lends its bytes to, all in one call of Write.
type lend func([]byte)

func (f lend) Write(p []byte) (int, error) {
	f(p)
	return len(p), nil
}

// read reads an input into the builder. memory is the same input if it is in memory.
func (l *loader) read(r io.Reader, memory []byte) error {
	in, err := openInput(r, memory, l.limit)
	if err != nil {
		return err
	}
	size := l.segmentSize
	if size == chosenByInput {
		size = segmentSizeFor(in)
	}
	if size > 0 {
		err = l.follow(newPipeline(l.sink, l.builder.NewPacker, *in, size))
	} else {
		err = in.format.read(l.sink, in)
		l.flush()
	}
	return l.sink.summarize(in, err)
}

// minPipelined is the size in bytes from which an input is read in a pipeline. Starting the
// goroutines and filling their memos takes as long as reading some megabytes.
const minPipelined = 4 << 20

// segmentSizeFor returns the size of the segments in which to read an input in a pipeline;
// 0 if a pipeline is not worth it.
func segmentSizeFor(in *input) int {
	if in.small || in.Codec == "" && 0 <= in.size && in.size < minPipelined || runtime.GOMAXPROCS(0) == 1 {
		return 0
	}
	return defaultSegmentSize
}

// follow adds the segments of a pipeline to the builder, and closes the pipeline.
func (l *loader) follow(p *pipeline) error {
	defer p.close()
	for seg := range p.segments() {
		l.sink.spans += seg.spans
		for _, part := range seg.parts {
			if err := l.addPart(part); err != nil {
				return err
			}
		}
		if seg.err != nil {
			return seg.err
		}
		l.sink.record += seg.records
		p.recycle(seg)
	}
	return nil
}

// addPart adds a part of a segment to the builder.
func (l *loader) addPart(part segmentPart) error {
	for _, span := range part.spans {
		l.builder.Add(span)
	}
	if part.batch != nil {
		l.builder.AddBatch(part.batch)
	}
	if part.skip != nil {
		part.skip.Record += l.sink.record
		l.sink.skipped += part.skip.Count()
		return l.sink.report(part.skip)
	}
	return nil
}

// add adds a span to the builder.
func (l *loader) add(span servicegraph.Span) bool {
	l.builder.Add(span)
	return true
}

// skip counts a record that is left out, and asks whether to go on.
func (l *loader) skip(skip *servicegraph.SkipError) bool {
	l.builder.CountSkip(skip)
	if l.skipped != nil {
		l.err = l.skipped(skip)
	}
	return l.err == nil
}

// flush adds the packed spans to the builder.
func (l *loader) flush() bool {
	if l.sink.packer.Len() > 0 {
		l.builder.AddBatch(l.sink.packer.Batch())
	}
	return true
}
