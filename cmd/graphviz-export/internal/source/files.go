package source

import (
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
	"time"

	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/console"
	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/exit"
	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/fileerror"
	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/graphtext"
	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/timerange"
	"github.com/tempograph/tempograph/internal/quantity"
	"github.com/tempograph/tempograph/internal/redact"
	"github.com/tempograph/tempograph/internal/suggest"
	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/tracefile"
)

// This file turns the arguments of the command into a source: files, directories, patterns
// and standard input.

// maxMaxRecord is the largest --max-record, in MiB: 1 TiB.
const maxMaxRecord = 1 << 20

// StdinName is the name of standard input in messages.
const StdinName = "standard input"

// Files configure how files are read.
type Files struct {
	Stdin     io.Reader
	Keep      func(key string) bool // the attributes that are read
	MaxRecord int                   // the largest record, in MiB
	Time      timerange.Flags
	Traces    []string // the ids of the traces to read; empty: all traces
	Commands  []string // the names of subcommands, for suggestions
	Stderr    *console.Console
}

// all returns the spans of files, one file after the other. It checks first that all files exist,
// because reading may take minutes before it reaches the last file.
func (f Files) all(args []string) (Source, error) {
	if f.MaxRecord <= 0 || f.MaxRecord > maxMaxRecord {
		return Source{}, exit.Usagef("--max-record %d: want a number of MiB from 1 to %s", f.MaxRecord, quantity.Number(maxMaxRecord))
	}
	cfg := tracefile.Config{Keep: f.Keep, MaxRecord: f.MaxRecord << 20}
	var inputs []input
	for _, arg := range args {
		found, err := f.inputs(arg)
		if err != nil {
			return Source{}, err
		}
		for _, in := range found {
			if in.name == StdinName && slices.ContainsFunc(inputs, func(i input) bool { return i.name == StdinName }) {
				return Source{}, exit.Usagef("- is given twice, but standard input can be read only once")
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
	leftOut := new(foreignFiles)
	if len(inputs) > 1 {
		leftOut.all = len(inputs)
	}
	addGraph := func(in input) func(*servicegraph.Graph) {
		return func(g *servicegraph.Graph) {
			f.Stderr.Detailf("%s holds a graph: %s", in.name, graphtext.Summary(g))
			graphs = append(graphs, g)
		}
	}
	src := Source{
		Name:    name,
		Origin:  filepath.Base(name),
		State:   stateOf(inputs),
		Nothing: exit.NothingToDrawf("no spans in %s", strings.Join(names, ", ")),
		Spans: func(ctx context.Context) iter.Seq2[servicegraph.Span, error] {
			list := make([]iter.Seq2[servicegraph.Span, error], len(inputs))
			for i, in := range inputs {
				list[i] = leftOut.filter(in, in.read(ctx, cfg, addGraph(in)))
			}
			return concat(list)
		},
		Load: func(ctx context.Context, b *servicegraph.Builder, skipped func(*servicegraph.SkipError) error) error {
			for _, in := range inputs {
				err := leftOut.check(in, in.load(ctx, b, cfg.MaxRecord, addGraph(in), skipped))
				if skip, ok := err.(*servicegraph.SkipError); ok {
					b.CountSkip(skip)
					err = skipped(skip)
				}
				if err != nil {
					return err
				}
			}
			return nil
		},
		Graphs:  func() []*servicegraph.Graph { return graphs },
		LeftOut: func() int { return leftOut.found },
		Close:   func() error { return nil },
	}
	traces, ok, err := f.Time.OfFiles(time.Now())
	if err != nil || !ok {
		return src, err
	}
	r := &rangedFiles{Period: traces, cfg: cfg, leftOut: leftOut, stderr: f.Stderr}
	return r.restrict(src, inputs), nil
}

// stateOf returns a text that changes when the names, sizes or modification times of the inputs
// change. An input that is not a regular file counts as unchanged.
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

// inputs returns the inputs that an argument names: standard input, a file, the trace files
// below a directory, or the files that match a pattern which the shell did not expand.
func (f Files) inputs(arg string) ([]input, error) {
	if arg == "-" {
		return []input{{StdinName, func(ctx context.Context) (io.ReadCloser, error) {
			return interruptible(ctx, func() (io.Reader, error) { return f.Stdin, nil }), nil
		}}}, nil
	}
	info, err := os.Stat(arg)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		matches, bad := filepath.Glob(arg)
		matches = slices.DeleteFunc(matches, func(match string) bool { // wildcards do not match hidden files, as in a shell
			return isHidden(match) && !isHidden(arg)
		})
		if bad != nil || len(matches) == 0 {
			return nil, f.missing(arg)
		}
		var all []input
		for _, match := range matches { // sorted
			found, err := f.inputs(match)
			if err != nil {
				return nil, err
			}
			all = append(all, found...)
		}
		return all, nil
	case err != nil:
		return nil, fmt.Errorf("reading %s: %w", arg, fileerror.Cause(err))
	case info.IsDir():
		return f.directory(arg)
	case info.Mode().IsRegular():
		return []input{{arg, func(context.Context) (io.ReadCloser, error) { return os.Open(arg) }}}, nil
	}
	return []input{{arg, func(ctx context.Context) (io.ReadCloser, error) {
		return interruptible(ctx, func() (io.Reader, error) { return os.Open(arg) }), nil
	}}}, nil
}

// missing returns the error for an argument that names no file, with a next step.
func (f Files) missing(arg string) error {
	if meant := suggest.Nearest(arg, f.Commands); meant != "" {
		return fmt.Errorf("reading %s: no such file%s", arg, suggest.Question("graphviz-export "+meant))
	}
	if arg == "version" {
		return fmt.Errorf("reading %s: no such file%s", arg, suggest.Question("graphviz-export --version"))
	}
	if strings.ContainsAny(arg, "*?[") {
		return fmt.Errorf("reading %s: no file matches this pattern", arg)
	}
	if strings.HasPrefix(arg, "http://") || strings.HasPrefix(arg, "https://") {
		url := redact.URL(arg)
		return fmt.Errorf("reading %s: no such file: to read from Tempo, use --tempo %s", url, url)
	}
	return fmt.Errorf("reading %s: no such file: name trace files, or - for standard input", arg)
}

// traceFile matches the names of trace files. Other files in a directory are skipped; a file
// that the user names is always read.
var traceFile = regexp.MustCompile(`(?i)\.(json|jsonl|ndjson|pb|binpb|protobuf|otlp)(\.(gz|zst))?$`)

const traceFileNames = ".json, .jsonl, .ndjson, .pb, .binpb, .protobuf or .otlp"

// directory returns the trace files in a directory and below it, in the order of their names. The
// directory may be a symbolic link. Links below the directory are followed only to files, because a
// link to a directory can make a cycle.
func (f Files) directory(dir string) ([]input, error) {
	var found []input
	others, special := 0, 0
	root := dir
	if info, err := os.Lstat(dir); err == nil && info.Mode()&fs.ModeSymlink != 0 {
		root += string(filepath.Separator) // without the separator, WalkDir would not follow a symbolic link
	}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch hidden := isHidden(path) && path != root; {
		case err != nil:
			return fmt.Errorf("reading %s: %w", path, fileerror.Cause(err))
		case hidden && entry.IsDir():
			return fs.SkipDir
		case hidden || entry.IsDir():
		case isLinkToDirectory(path, entry):
			others++
		case isSpecial(path): // opening a named pipe would wait for a writer
			special++
		case traceFile.MatchString(path):
			more, err := f.inputs(path)
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
		return nil, fmt.Errorf("reading %s: no trace files in this directory: their names must end in %s, optionally followed by .gz or .zst", dir, traceFileNames)
	}
	if others > 0 {
		f.Stderr.Infof("%s: %s skipped: not named like a trace file", dir, quantity.Of(others, "file"))
	}
	if special > 0 {
		f.Stderr.Infof("%s: %s skipped: name it itself to read it", dir, quantity.Of(special, "pipe or device"))
	}
	return found, nil
}

func isLinkToDirectory(path string, entry fs.DirEntry) bool {
	if entry.Type()&fs.ModeSymlink == 0 {
		return false
	}
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// isSpecial reports whether a path leads to a named pipe, a socket or a device.
func isSpecial(path string) bool {
	info, err := os.Stat(path)
	return err == nil && !info.Mode().IsRegular() && !info.IsDir()
}

func isHidden(path string) bool { return strings.HasPrefix(filepath.Base(path), ".") }

// concat joins sequences of spans.
func concat(list []iter.Seq2[servicegraph.Span, error]) iter.Seq2[servicegraph.Span, error] {
	return func(yield func(servicegraph.Span, error) bool) {
		for _, spans := range list {
			for span, err := range spans {
				if !yield(span, err) {
					return
				}
			}
		}
	}
}
