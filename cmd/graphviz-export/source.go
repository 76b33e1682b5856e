package main

import (
	"io"
	"io/fs"
	"os"
	"slices"
	"sync/atomic"

	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/exit"
	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/source"
	"github.com/tempograph/tempograph/tempoclient"
)

// source returns the source that the command line names: files, or without files Tempo, or without
// either a pipe on standard input. It reports all mistakes that it can find without reading.
func (e *export) source() (source.Source, error) {
	src, err := e.namedSource()
	src.Truncated = new(atomic.Int64)
	return src, err
}

func (e *export) namedSource() (source.Source, error) {
	if e.given("prometheus") {
		return e.prometheusSource()
	}
	if e.given("selector") {
		return source.Source{}, exit.Usagef("--selector selects series of Prometheus: set --prometheus URL")
	}
	if len(e.files) > 0 {
		for _, flag := range append([]string{"tempo"}, queryFlags...) {
			if e.given(flag) && !slices.Contains(fileFlags, flag) {
				return source.Source{}, exit.Usagef("--%s applies to Tempo and cannot be combined with files such as %s", flag, e.files[0])
			}
		}
		return e.fileSource(e.files)
	}
	for _, warning := range source.MisspeltVariables(os.Environ()) {
		e.stderr.Warnf("%s", warning)
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
			return source.Source{}, exit.Usagef("--%s needs a URL of Tempo: set --tempo URL or TEMPO_ADDR", flag)
		}
	}
	if !hasInput(e.stdin) {
		return source.Source{}, exit.Usagef("nothing to read: name trace files, - for standard input, or --tempo URL; for examples, see graphviz-export --help")
	}
	return e.fileSource([]string{"-"})
}

// fileSource returns the spans of files.
func (e *export) fileSource(args []string) (source.Source, error) {
	return source.Files{
		Stdin: e.stdin, Keep: e.config().Reads, MaxRecord: e.graph.maxRecord,
		Time: e.tempo.time, Traces: e.tempo.traces, Commands: e.commands, Stderr: e.stderr,
	}.Source(args)
}

// isPipe reports whether standard input is a pipe or a file that is not empty. Scripts often run
// with a pipe on standard input that nobody writes to, so that a pipe alone does not prove that
// there is input.
func isPipe(stdin io.Reader) bool {
	f, ok := stdin.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && (info.Mode()&fs.ModeNamedPipe != 0 || info.Mode().IsRegular() && info.Size() > 0)
}

// hasInput reports whether standard input may have traces. It returns false for a terminal, because
// nobody types a trace, and for /dev/null.
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
