package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/tempograph/tempograph/internal/quantity"
	"github.com/tempograph/tempograph/internal/redact"
	"github.com/tempograph/tempograph/internal/suggest"
	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/tracefile"
)

// Files as a source: which ones the arguments mean, and what is in them.

// stdinName is what messages call standard input.
const stdinName = "standard input"

// An input is one thing to read from beginning to end.
type input struct {
	name string
	open func(context.Context) (io.ReadCloser, error)
}

// fileSource returns the spans of files, one after the other. It makes sure that
// all of them are there, because the last one is reached late.
func (e *export) fileSource(args []string) (source, error) {
	cfg := tracefile.Config{Keep: e.shape.config().Reads}
	var inputs []input
	for _, arg := range args {
		found, err := e.inputs(arg)
		if err != nil {
			return source{}, err
		}
		for _, in := range found {
			if in.name == stdinName && slices.ContainsFunc(inputs, func(i input) bool { return i.name == stdinName }) {
				return source{}, usagef("- is given twice, and standard input can be read once")
			}
			inputs = append(inputs, in)
		}
	}

	names := make([]string, len(inputs))
	for i, in := range inputs {
		names[i] = in.name
	}
	name := names[0]
	if len(names) > 1 {
		name = quantity.Of(len(names), "file")
	}
	if len(names) > 3 {
		names = append(names[:3:3], "…")
	}
	var graphs []*servicegraph.Graph
	met := func(in input) func(*servicegraph.Graph) {
		return func(g *servicegraph.Graph) {
			e.stderr.detailf("%s holds a graph: %s", in.name, summary(g))
			graphs = append(graphs, g)
		}
	}
	return source{
		name:    name,
		origin:  filepath.Base(name),
		state:   stateOf(inputs),
		nothing: fmt.Sprintf("nothing to draw: %s: no spans there", strings.Join(names, ", ")),
		spans: func(ctx context.Context) iter.Seq2[servicegraph.Span, error] {
			list := make([]iter.Seq2[servicegraph.Span, error], len(inputs))
			for i, in := range inputs {
				list[i] = in.read(ctx, cfg, met(in))
			}
			return concat(list)
		},
		load: func(ctx context.Context, b *servicegraph.Builder, skipped func(*servicegraph.SkipError) error) error {
			for _, in := range inputs {
				if err := in.load(ctx, b, met(in), skipped); err != nil {
					return err
				}
			}
			return nil
		},
		graphs: func() []*servicegraph.Graph { return graphs },
		close:  func() error { return nil },
	}, nil
}

// stateOf returns what tells inputs from those with other names, and from themselves when
// they have been written to. What is no file is the same for ever.
func stateOf(inputs []input) string {
	var b strings.Builder
	for _, in := range inputs {
		fmt.Fprintf(&b, "%q", in.name)
		if info, err := os.Stat(in.name); err == nil && info.Mode().IsRegular() {
			fmt.Fprintf(&b, " %d %d", info.Size(), info.ModTime().UnixNano())
		}
	}
	return b.String()
}

// inputs returns what an argument stands for: standard input, a file, the trace
// files below a directory, or the files that a pattern matches, where the shell has
// left it as it is.
func (e *export) inputs(arg string) ([]input, error) {
	if arg == "-" {
		return []input{{stdinName, func(ctx context.Context) (io.ReadCloser, error) {
			return interruptible(ctx, func() (io.Reader, error) { return e.stdin, nil }), nil
		}}}, nil
	}
	info, err := os.Stat(arg)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		matches, bad := filepath.Glob(arg)
		matches = slices.DeleteFunc(matches, func(match string) bool { // as in a shell
			return isHidden(match) && !isHidden(arg)
		})
		if bad != nil || len(matches) == 0 {
			return nil, e.missing(arg)
		}
		var all []input
		for _, match := range matches { // sorted
			found, err := e.inputs(match)
			if err != nil {
				return nil, err
			}
			all = append(all, found...)
		}
		return all, nil
	case err != nil:
		return nil, fmt.Errorf("reading %s: %w", arg, pathCause(err))
	case info.IsDir():
		return e.directory(arg)
	case info.Mode().IsRegular():
		return []input{{arg, func(context.Context) (io.ReadCloser, error) { return os.Open(arg) }}}, nil
	}
	return []input{{arg, func(ctx context.Context) (io.ReadCloser, error) {
		return interruptible(ctx, func() (io.Reader, error) { return os.Open(arg) }), nil
	}}}, nil
}

// missing explains that there is no such file.
func (e *export) missing(arg string) error {
	if meant := suggest.Nearest(arg, e.commands); meant != "" {
		return fmt.Errorf("reading %s: there is no such file%s", arg, suggest.Question("graphviz-export "+meant))
	}
	if strings.ContainsAny(arg, "*?[") {
		return fmt.Errorf("reading %s: no file matches", arg)
	}
	if strings.HasPrefix(arg, "http://") || strings.HasPrefix(arg, "https://") {
		address := redact.URL(arg)
		return fmt.Errorf("reading %s: there is no such file: traces come from a Tempo there with --tempo %s", address, address)
	}
	return fmt.Errorf("reading %s: there is no such file: name trace files, or - for standard input", arg)
}

// traceFile matches the names that trace files have. In a directory there may be
// others, and only what the user names is read whatever its name.
var traceFile = regexp.MustCompile(`(?i)\.(json|jsonl|ndjson|pb|binpb|protobuf|otlp)(\.(gz|zst))?$`)

const traceFileNames = ".json, .jsonl, .ndjson, .pb, .binpb, .protobuf, .otlp"

// directory returns the trace files in a directory and those below it, in the order
// of their names.
func (e *export) directory(dir string) ([]input, error) {
	var found []input
	others := 0
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		switch hidden := isHidden(path) && path != dir; {
		case err != nil:
			return fmt.Errorf("reading %s: %w", path, pathCause(err))
		case hidden && entry.IsDir():
			return fs.SkipDir
		case hidden || entry.IsDir():
		case traceFile.MatchString(path):
			more, err := e.inputs(path)
			found = append(found, more...)
			return err
		default:
			others++
		}
		return nil
	})
	switch {
	case err != nil:
		return nil, err
	case len(found) == 0:
		return nil, fmt.Errorf("reading %s: no trace file is in this directory: they end in %s, or in one of these and .gz or .zst", dir, traceFileNames)
	case others > 0:
		e.stderr.infof("%s: %s that does not look like traces by its name is not read", dir, quantity.Of(others, "file"))
	}
	return found, nil
}

func isHidden(path string) bool { return strings.HasPrefix(filepath.Base(path), ".") }

// read returns the spans of an input. A graph that is there in place of spans goes
// to graph.
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

// load adds the spans of an input to a builder, as read would give them.
func (in input) load(ctx context.Context, b *servicegraph.Builder, graph func(*servicegraph.Graph), skipped func(*servicegraph.SkipError) error) error {
	return in.use(ctx, graph, func(r io.Reader) error {
		return tracefile.Load(b, r, in.name, skipped)
	})
}

// use opens an input, and gives what is in it to traces, unless it is a graph.
func (in input) use(ctx context.Context, graph func(*servicegraph.Graph), traces func(io.Reader) error) error {
	f, err := in.open(ctx)
	if err != nil {
		return fmt.Errorf("reading %s: %w", in.name, pathCause(err))
	}
	defer f.Close()
	r := bufio.NewReaderSize(cancellable{ctx, f}, 64<<10)
	if !isGraph(r) {
		return traces(r)
	}
	g, err := readGraph(r)
	if err != nil {
		return fmt.Errorf("reading %s: %w", in.name, err)
	}
	graph(g)
	return nil
}

// A cancellable reader ends when its context is done.
type cancellable struct {
	ctx context.Context
	r   io.Reader
}

func (c cancellable) Read(p []byte) (int, error) {
	if c.ctx.Err() != nil {
		return 0, context.Cause(c.ctx)
	}
	return c.r.Read(p)
}

// graphStart is how the JSON of a graph begins, in whatever order its fields are.
// No form of traces begins like this.
var graphStart = regexp.MustCompile(`^\s*\{\s*"(schema|nodes|edges|report)"\s*:`)

// isGraph tells the JSON of a graph from traces by its beginning, which it leaves
// to be read.
func isGraph(r *bufio.Reader) bool {
	start, _ := r.Peek(1024) // what there is, if it is less
	if z, err := gzip.NewReader(bytes.NewReader(start)); err == nil {
		plain := make([]byte, 256)
		n, _ := io.ReadFull(z, plain) // the stream is cut off
		start = plain[:n]
	}
	return graphStart.Match(start)
}

func readGraph(r *bufio.Reader) (*servicegraph.Graph, error) {
	if magic, _ := r.Peek(2); string(magic) != "\x1f\x8b" {
		return servicegraph.ReadJSON(r)
	}
	z, err := gzip.NewReader(r)
	if err != nil {
		return nil, err
	}
	return servicegraph.ReadJSON(z)
}

// interruptible returns what the opened reader holds, until ctx is done. Opening
// and reading a pipe or a terminal can block for ever, and nothing but the end of
// the program wakes the goroutine that does it then.
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

// pathCause returns an error of the file system without the operation and the
// path, which the message around it names.
func pathCause(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	return err
}
