package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"time"

	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/console"
	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/exit"
	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/timerange"
	"github.com/tempograph/tempograph/internal/quantity"
	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/tracefile"
)

// rangedFiles reads the traces of files that start in a time range.
type rangedFiles struct {
	timerange.Period
	cfg       tracefile.Config
	leftOut   *foreignFiles
	stderr    *console.Console
	temporary []*os.File
	kept, all int // numbers of traces
}

// restrict returns a source with those traces of src that start in the time range.
func (r *rangedFiles) restrict(src Source, inputs []input) Source {
	for i := range inputs {
		if info, err := os.Stat(inputs[i].name); inputs[i].name == StdinName || err == nil && !info.Mode().IsRegular() {
			inputs[i] = r.rereadable(inputs[i])
		}
	}
	src.Notes = func() []string { return []string{r.note()} }
	src.Nothing = exit.NothingToDrawf("no trace in %s started in the time range (%s)", src.Name, r.Text)
	src.Load = nil
	all := src.Spans
	src.Spans = func(ctx context.Context) iter.Seq2[servicegraph.Span, error] {
		return r.selected(ctx, src.Name, inputs, all)
	}
	src.Close = func() (err error) {
		for _, f := range r.temporary {
			err = errors.Join(err, f.Close(), os.Remove(f.Name()))
		}
		return err
	}
	return src
}

// selected returns the spans of the selected traces. It reads the inputs twice, because the
// earliest span of a trace can be anywhere: first to learn when each trace starts, which takes
// about 60 bytes of memory for each trace, and then to return the spans.
func (r *rangedFiles) selected(ctx context.Context, name string, inputs []input, all func(context.Context) iter.Seq2[servicegraph.Span, error]) iter.Seq2[servicegraph.Span, error] {
	return func(yield func(servicegraph.Span, error) bool) {
		starts := make(map[servicegraph.TraceID]int64)
		for _, in := range inputs {
			if err := r.addStarts(ctx, in, starts); err != nil {
				yield(servicegraph.Span{}, err)
				return
			}
		}
		r.choose(name, starts)
		for span, err := range all(ctx) {
			if _, keep := starts[span.TraceID]; err == nil && !keep {
				continue
			}
			if !yield(span, err) {
				return
			}
		}
	}
}

// addStarts adds the starts of the traces in an input. It ignores errors that do not end the
// reading, because the second reading reports them.
func (r *rangedFiles) addStarts(ctx context.Context, in input, starts map[servicegraph.TraceID]int64) error {
	bare := r.cfg
	bare.Keep = func(string) bool { return false }
	holdsGraph := false
	for span, err := range in.read(ctx, bare, func(*servicegraph.Graph) { holdsGraph = true }) {
		if _, skipped := errors.AsType[*servicegraph.SkipError](err); skipped || errors.Is(err, tracefile.ErrNotTraceFile) {
			continue
		}
		if err != nil {
			return err
		}
		start, known := starts[span.TraceID]
		if !known || span.Start != 0 && (start == 0 || span.Start < start) {
			starts[span.TraceID] = span.Start
		}
	}
	if holdsGraph {
		return exit.Usagef("reading %s: it holds a graph, whose traces have no times: leave out --since, --from and --to", in.name)
	}
	return nil
}

// choose deletes the traces outside the time range. If no trace is left, it makes an error that
// says when the traces started.
func (r *rangedFiles) choose(name string, starts map[servicegraph.TraceID]int64) {
	r.all = len(starts)
	var earliest, latest int64
	for id, start := range starts {
		if earliest == 0 || start != 0 && start < earliest {
			earliest = start
		}
		latest = max(latest, start)
		if !r.Contains(start) {
			delete(starts, id)
		}
	}
	r.kept = len(starts)
	if len(starts) == 0 && latest > 0 {
		written := func(start int64) string { return time.Unix(0, start).UTC().Format(time.RFC3339) }
		r.stderr.Warnf("the traces in %s started from %s to %s", name, written(earliest), written(latest))
	}
}

// note returns a text with the number of traces that were left out.
func (r *rangedFiles) note() string {
	return fmt.Sprintf("traces that started %s: %s; left out: %s", r.During(), quantity.Number(r.kept), quantity.Number(r.all-r.kept))
}

// rereadable returns an input that can be read more than once: the first reader copies it into a
// temporary file.
func (r *rangedFiles) rereadable(in input) input {
	var file *os.File
	return input{name: in.name, open: func(ctx context.Context) (io.ReadCloser, error) {
		if file == nil {
			stream, err := in.open(ctx)
			if err != nil {
				return nil, err
			}
			defer stream.Close()
			if file, err = os.CreateTemp("", "graphviz-export-*"); err != nil {
				return nil, err
			}
			r.temporary = append(r.temporary, file)
			if _, err := io.Copy(file, stream); err != nil {
				return nil, err
			}
		}
		return os.Open(file.Name())
	}}
}
