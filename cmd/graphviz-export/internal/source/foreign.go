package source

import (
	"errors"
	"fmt"
	"iter"

	"github.com/tempograph/tempograph/internal/quantity"
	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/tracefile"
)

// An undecodable error says why a file that looks like a graph or a list of dependencies cannot be
// decoded. errors.Is reports it as a [tracefile.ErrNotTraceFile].
type undecodable struct{ error }

func (e undecodable) Is(target error) bool { return target == tracefile.ErrNotTraceFile }
func (e undecodable) Unwrap() error        { return e.error }

// foreignFiles leaves out those of several files that are not trace files, and counts them as
// skipped. Reading fails if no trace file remains.
type foreignFiles struct {
	all   int // number of files; 0: a single file, which is never left out
	found int
}

// check returns a [servicegraph.SkipError] for the error of an input that is left out, and other
// errors unchanged.
func (f *foreignFiles) check(in input, err error) error {
	if f.all == 0 || !errors.Is(err, tracefile.ErrNotTraceFile) {
		return err
	}
	f.found++
	if f.found == f.all {
		return fmt.Errorf("none of %s can be read; the last: %w", quantity.Of(f.all, "file"), err)
	}
	return &servicegraph.SkipError{Source: in.name, Offset: -1, Err: fmt.Errorf("the file is left out: %w", errors.Unwrap(err))}
}

// filter returns the spans of an input with its errors checked.
func (f *foreignFiles) filter(in input, spans iter.Seq2[servicegraph.Span, error]) iter.Seq2[servicegraph.Span, error] {
	return func(yield func(servicegraph.Span, error) bool) {
		for span, err := range spans {
			if _, skipped := err.(*servicegraph.SkipError); err != nil && !skipped {
				err = f.check(in, err)
			}
			if !yield(span, err) {
				return
			}
		}
	}
}
