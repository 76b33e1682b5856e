package source

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"regexp"

	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/fileerror"
	"github.com/tempograph/tempograph/internal/dependencylist"
	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/tracefile"
)

// An input is one file or stream, to be read from beginning to end.
type input struct {
	name string
	open func(context.Context) (io.ReadCloser, error)
}

// read returns the spans of an input. If the input holds a graph instead of spans, read
// passes it to graph.
func (in input) read(ctx context.Context, cfg tracefile.Config, graph func(*servicegraph.Graph)) iter.Seq2[servicegraph.Span, error] {
	return func(yield func(servicegraph.Span, error) bool) {
		stopped := false
		err := in.use(ctx, graph, func(r io.Reader) error {
			tracefile.Read(r, in.name, cfg)(func(span servicegraph.Span, err error) bool {
				stopped = !yield(span, err)
				return !stopped
			})
			return nil
		})
		if err != nil && !stopped {
			yield(servicegraph.Span{}, err)
		}
	}
}

// load adds the spans that read would return to a builder.
func (in input) load(ctx context.Context, b *servicegraph.Builder, maxRecord int, graph func(*servicegraph.Graph), skipped func(*servicegraph.SkipError) error) error {
	return in.use(ctx, graph, func(r io.Reader) error {
		return tracefile.Load(b, r, in.name, tracefile.LoadConfig{MaxRecord: maxRecord, Skipped: skipped})
	})
}

// use opens an input and passes its content to graph or to traces. An input with a graph or a list
// of dependencies that cannot be decoded is a [tracefile.ErrNotTraceFile], unless the input is
// truncated or reading it failed.
func (in input) use(ctx context.Context, graph func(*servicegraph.Graph), traces func(io.Reader) error) error {
	f, err := in.open(ctx)
	if err != nil {
		return fmt.Errorf("reading %s: %w", in.name, fileerror.Cause(err))
	}
	defer f.Close()
	source := &cancelable{ctx: ctx, r: f}
	r := bufio.NewReaderSize(source, headSize)
	decode := graphReader(r)
	if decode == nil {
		return traces(r)
	}
	g, err := readGraph(r, decode)
	switch isCut := errors.Is(err, io.ErrUnexpectedEOF); {
	case err != nil && source.err == nil && isCut:
		return fmt.Errorf("reading %s: %w; it was cut off while being written or copied", in.name, err)
	case err != nil && source.err == nil:
		return fmt.Errorf("reading %s: %w", in.name, undecodable{err})
	case err != nil:
		return fmt.Errorf("reading %s: %w", in.name, err)
	}
	graph(g)
	return nil
}

// A cancelable reader returns an error after its context is done.
type cancelable struct {
	ctx context.Context
	r   io.Reader
	err error // the last error except io.EOF
}

func (c *cancelable) Read(p []byte) (n int, err error) {
	if c.ctx.Err() != nil {
		err = context.Cause(c.ctx)
	} else {
		n, err = c.r.Read(p)
	}
	if err != nil && err != io.EOF {
		c.err = err
	}
	return n, err
}

// graphStart matches the beginning of a graph in JSON, with its fields in any order. No format
// of traces begins like this.
var graphStart = regexp.MustCompile(`^\s*\{\s*"(schema|nodes|edges|report)"\s*:`)

// headSize is how many bytes at the beginning of an input are examined for a graph. It is large
// because the first link of a list of dependencies has two names, which can be long.
const headSize = 64 << 10

// graphReader returns a function that reads the graph in an input: a graph in JSON or a list of
// dependencies. It returns nil if the input is neither. It looks at the beginning of r without
// consuming it.
func graphReader(r *bufio.Reader) func(io.Reader) (*servicegraph.Graph, error) {
	start, _ := r.Peek(headSize) // less at the end of the input
	if z, err := gzip.NewReader(bytes.NewReader(start)); err == nil {
		plain := make([]byte, headSize)
		n, _ := io.ReadFull(z, plain) // the error is expected: the compressed stream is cut at headSize
		start = plain[:n]
	}
	switch {
	case graphStart.Match(start):
		return servicegraph.ReadJSON
	case dependencylist.Is(start):
		return dependencylist.Read
	}
	return nil
}

func readGraph(r *bufio.Reader, decode func(io.Reader) (*servicegraph.Graph, error)) (*servicegraph.Graph, error) {
	if magic, _ := r.Peek(2); string(magic) != "\x1f\x8b" {
		return decode(r)
	}
	z, err := gzip.NewReader(r)
	if err != nil {
		return nil, err
	}
	return decode(z)
}

// interruptible calls open and returns a reader of the opened input that ends when ctx is
// done. Opening and reading a pipe or a terminal can block forever. The goroutine that blocks
// then remains until the program exits.
func interruptible(ctx context.Context, open func() (io.Reader, error)) io.ReadCloser {
	r, w := io.Pipe()
	context.AfterFunc(ctx, func() { w.CloseWithError(context.Cause(ctx)) })
	go func() {
		in, err := open()
		if err == nil {
			_, err = io.Copy(w, in)
		}
		w.CloseWithError(err)
	}()
	return r
}
