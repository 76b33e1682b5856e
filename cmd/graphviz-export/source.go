package main

import (
	"context"
	"io"
	"io/fs"
	"iter"
	"os"
	"sync/atomic"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/tempoclient"
)

// A source is where the spans come from, in words and in deed.
type source struct {
	name    string // what is being read: "traces.json", "3 files"
	origin  string // the same in the heading of what is written: a file without its folder
	about   string // what the summary adds about it: "last 1h"
	title   string // heading of a picture; empty for files, whose graph is that of their spans alone
	nothing string // the error if there is no span
	limit   int    // how many traces were asked for at most; 0: all
	state   string // of files: another if they have changed

	spans func(context.Context) iter.Seq2[servicegraph.Span, error]
	// load adds the spans to a builder, faster than one by one; nil: it cannot. Records
	// that are left out go to skipped, whose error ends it.
	load func(ctx context.Context, b *servicegraph.Builder, skipped func(*servicegraph.SkipError) error) error

	graphs   func() []*servicegraph.Graph // finished graphs that were met among the spans; nil: none can be
	progress func() string                // how far reading has come; nil: count the spans
	close    func() error

	truncated *atomic.Int64 // traces that Tempo did not give whole, so far
}

// source returns the source that the command line names: files, else a Tempo,
// else standard input that something is piped into. It checks what can be
// checked without reading.
func (e *export) source() (source, error) {
	src, err := e.namedSource()
	src.truncated = new(atomic.Int64)
	return src, err
}

func (e *export) namedSource() (source, error) {
	if len(e.files) > 0 {
		for _, flag := range append([]string{"tempo"}, queryFlags...) {
			if e.given(flag) {
				return source{}, usagef("--%s is for a Tempo, but there are files to read, such as %s: give one or the other", flag, e.files[0])
			}
		}
		return e.fileSource(e.files)
	}
	url, config := tempoclient.FromEnv(os.Getenv)
	config.Keep = e.shape.config().Reads
	e.tempo.config = config
	if !e.given("tempo") {
		e.tempo.url = url
	}
	if e.given("tempo") || e.tempo.url != "" {
		if !e.given("tempo") && isPipe(e.stdin) {
			e.stderr.infof("asking the Tempo of TEMPO_ADDR, and not reading standard input: name - to read that")
		}
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

// isPipe reports whether standard input is what another program writes, or a file:
// in scripts without a terminal it can be a pipe that nobody means, so that this alone
// decides nothing.
func isPipe(stdin io.Reader) bool {
	f, ok := stdin.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && (info.Mode()&fs.ModeNamedPipe != 0 || info.Mode().IsRegular() && info.Size() > 0)
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
