package main

import (
	"context"
	"io"
	"io/fs"
	"iter"
	"os"
	"slices"
	"sync/atomic"

	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/exit"
	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/tempoclient"
)

// A source is where spans come from.
type source struct {
	name    string // in messages: "traces.json", "3 files"
	origin  string // in the heading of the output: like name, without the directory of a file
	about   string // in the summary: "last 1h"; empty: nothing
	title   string // heading of an image; empty for files
	nothing error  // the error if there are no spans; nil: the source gives no reason
	limit   int    // the most traces that Tempo may return; 0: no limit
	state   string // of files: differs after a change; empty for Tempo

	spans func(context.Context) iter.Seq2[servicegraph.Span, error]
	// load adds the spans to a builder, faster than one by one. It passes the records that it
	// skips to skipped, and stops at the first error that skipped returns. Nil: not supported.
	load func(ctx context.Context, b *servicegraph.Builder, skipped func(*servicegraph.SkipError) error) error

	// graph returns the graph of a source without spans, and notes about it. Nil: the source has spans.
	graph func(context.Context) (*servicegraph.Graph, []string, error)

	graphs   func() []*servicegraph.Graph // the graphs found among the files, after reading; nil: none
	leftOut  func() int                   // how many files were left out because they are not trace files; nil: none
	notes    func() []string              // what a time range left out of files, after reading; nil: nothing
	progress func() string                // how far reading has come; nil: count the spans
	close    func() error

	truncated *atomic.Int64 // traces that Tempo has returned only in part, so far
}

// empty returns the error for a source that gave no spans.
func (s source) empty() error {
	if s.nothing == nil {
		return exit.NothingToDrawf("nothing was found in %s", s.name)
	}
	return s.nothing
}

// withNotes returns the notes about reading a source, and further notes after them.
func (s source) withNotes(further []string) []string {
	if s.notes == nil {
		return further
	}
	return append(s.notes(), further...)
}

// source returns the source that the command line names: files, else Tempo, else a pipe on
// standard input. It reports all mistakes that it can find without reading.
func (e *export) source() (source, error) {
	src, err := e.namedSource()
	src.truncated = new(atomic.Int64)
	return src, err
}

func (e *export) namedSource() (source, error) {
	if e.given("prometheus") {
		return e.prometheusSource()
	}
	if e.given("selector") {
		return source{}, exit.Usagef("--selector selects series of Prometheus: set --prometheus URL")
	}
	if len(e.files) > 0 {
		for _, flag := range append([]string{"tempo"}, queryFlags...) {
			if e.given(flag) && !slices.Contains(fileFlags, flag) {
				return source{}, exit.Usagef("--%s applies to Tempo and cannot be combined with files such as %s", flag, e.files[0])
			}
		}
		return e.selectedFiles(e.files)
	}
	url, config := tempoclient.FromEnv(os.Getenv)
	config.Keep = e.config().Reads
	e.tempo.config = config
	if !e.given("tempo") {
		e.tempo.url = url
	}
	if e.given("tempo") || e.tempo.url != "" {
		if !e.given("tempo") && isPipe(e.stdin) {
			e.stderr.Infof("reading from Tempo, because TEMPO_ADDR is set, and ignoring standard input: name - to read it")
		}
		return e.tempoSource()
	}
	for _, flag := range queryFlags {
		if e.given(flag) && !slices.Contains(fileFlags, flag) {
			return source{}, exit.Usagef("--%s needs a URL of Tempo: set --tempo URL or TEMPO_ADDR", flag)
		}
	}
	if !hasInput(e.stdin) {
		return source{}, exit.Usagef("nothing to read: name trace files, - for standard input, or --tempo URL; for examples, see graphviz-export --help")
	}
	return e.selectedFiles([]string{"-"})
}

// isPipe reports whether standard input is a pipe or a file that is not empty. Scripts often
// run with a pipe on standard input that nobody writes to, so a pipe alone does not mean
// input.
func isPipe(stdin io.Reader) bool {
	f, ok := stdin.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && (info.Mode()&fs.ModeNamedPipe != 0 || info.Mode().IsRegular() && info.Size() > 0)
}

// hasInput reports whether standard input is neither a terminal nor /dev/null: nobody types
// a trace.
func hasInput(stdin io.Reader) bool {
	f, ok := stdin.(*os.File)
	if !ok {
		return true
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&fs.ModeCharDevice == 0
}

// hasTempo reports whether the environment names a URL of Tempo.
func hasTempo() bool {
	url, _ := tempoclient.FromEnv(os.Getenv)
	return url != ""
}
