package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strings"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/tracefile"
	"github.com/tempograph/tempograph/tempoclient"
)

// A source is where the spans come from, in words and in deed.
type source struct {
	name    string // what is being read: "traces.json", "3 files"
	about   string // what the summary adds about it: " (last 1h)"
	title   string // heading of a picture; empty for files, whose graph is that of their spans alone
	nothing string // the error if there is no span
	limit   int    // how many traces were asked for at most; 0: all

	spans    func(context.Context) iter.Seq2[servicegraph.Span, error]
	progress func() string // how far reading has come; nil: count the spans
	close    func() error
}

// source returns the source that the command line names: files, else a Tempo,
// else standard input that something is piped into. It checks what can be
// checked without reading.
func (e *export) source() (source, error) {
	if len(e.files) > 0 {
		for _, flag := range append([]string{"tempo"}, queryFlags...) {
			if e.given(flag) {
				return source{}, usagef("--%s is for a Tempo, but there are files to read, such as %s: give one or the other", flag, e.files[0])
			}
		}
		return e.fileSource(e.files)
	}
	url, config := tempoclient.FromEnv(os.Getenv)
	e.tempo.config = config
	if !e.given("tempo") {
		e.tempo.url = url
	}
	if e.given("tempo") || e.tempo.url != "" {
		return e.tempoSource()
	}
	for _, flag := range queryFlags {
		if e.given(flag) {
			return source{}, usagef("--%s needs a Tempo to ask: set --tempo URL or TEMPO_ADDR", flag)
		}
	}
	if !hasInput(e.stdin) {
		return source{}, usagef("nothing to read: name trace files, or - for standard input, or a Tempo with --tempo URL; graphviz-export --help has examples")
	}
	return e.fileSource([]string{"-"})
}

// hasInput reports whether something is piped or redirected into standard input:
// nobody means to type a trace, and /dev/null has none.
func hasInput(stdin io.Reader) bool {
	f, ok := stdin.(*os.File)
	if !ok {
		return true
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&fs.ModeCharDevice == 0
}

// stdinName is what messages call standard input.
const stdinName = "standard input"

// fileSource returns the spans of files, one after the other. It makes sure that
// all of them are there, because the last one is reached late.
func (e *export) fileSource(paths []string) (source, error) {
	cfg := tracefile.Config{Keep: servicegraph.Config{}.Reads}
	var names []string
	var open []func(context.Context) iter.Seq2[servicegraph.Span, error]
	stdinUsed := false
	for _, path := range paths {
		if path == "-" {
			if stdinUsed {
				return source{}, usagef("- is given twice, and standard input can be read once")
			}
			stdinUsed = true
			names = append(names, stdinName)
			open = append(open, func(ctx context.Context) iter.Seq2[servicegraph.Span, error] {
				return tracefile.Read(interruptible(ctx, func() (io.Reader, error) { return e.stdin, nil }), stdinName, cfg)
			})
			continue
		}
		info, err := os.Stat(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			if meant := closest(path, e.commands); meant != "" {
				return source{}, fmt.Errorf("reading %s: there is no such file: did you mean graphviz-export %s?", path, meant)
			}
			return source{}, fmt.Errorf("reading %s: there is no such file: name trace files, or - for standard input", path)
		case err != nil:
			return source{}, fmt.Errorf("reading %s: %w", path, pathCause(err))
		case info.IsDir():
			return source{}, fmt.Errorf("reading %s: it is a directory: name the trace files in it, such as %s", path, filepath.Join(path, "*"))
		}
		names = append(names, path)
		if info.Mode().IsRegular() {
			open = append(open, func(context.Context) iter.Seq2[servicegraph.Span, error] {
				return tracefile.ReadFile(path, cfg)
			})
			continue
		}
		open = append(open, func(ctx context.Context) iter.Seq2[servicegraph.Span, error] {
			return tracefile.Read(interruptible(ctx, func() (io.Reader, error) { return os.Open(path) }), path, cfg)
		})
	}

	name := names[0]
	if len(names) > 1 {
		name = count(len(names), "file")
	}
	return source{
		name:    name,
		nothing: fmt.Sprintf("nothing to draw: %s: no spans there", strings.Join(names, ", ")),
		spans: func(ctx context.Context) iter.Seq2[servicegraph.Span, error] {
			list := make([]iter.Seq2[servicegraph.Span, error], len(open))
			for i := range open {
				list[i] = open[i](ctx)
			}
			return concat(list)
		},
		close: func() error { return nil },
	}, nil
}

// interruptible returns what the opened reader holds, until ctx is done. Opening
// and reading a pipe or a terminal can block for ever, and nothing but the end of
// the program wakes the goroutine that does it then.
func interruptible(ctx context.Context, open func() (io.Reader, error)) io.Reader {
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
