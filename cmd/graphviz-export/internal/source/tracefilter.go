package source

import (
	"context"
	"fmt"
	"iter"
	"strings"

	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/exit"
	"github.com/tempograph/tempograph/servicegraph"
)

// Source returns the spans in the files that the arguments name. If Traces is not empty, it returns
// only the spans of those traces.
func (f Files) Source(args []string) (Source, error) {
	ids, err := parseTraceIDs(f.Traces)
	if err != nil {
		return Source{}, err
	}
	src, err := f.all(args)
	if err != nil || len(ids) == 0 {
		return src, err
	}
	all := src.Spans
	src.Load = nil
	src.Title = "trace " + strings.Join(f.Traces, ", ")
	src.Spans = func(ctx context.Context) iter.Seq2[servicegraph.Span, error] {
		return func(yield func(servicegraph.Span, error) bool) {
			found := make([]bool, len(ids))
			for span, err := range all(ctx) {
				if err == nil && !isOneOf(span.TraceID, ids, found) {
					continue
				}
				if !yield(span, err) {
					return
				}
			}
			if len(src.Graphs()) > 0 {
				yield(servicegraph.Span{}, exit.Usagef("--trace selects traces by id, and %s holds a graph, which has sums and no traces", src.Name))
				return
			}
			for i, text := range f.Traces {
				if !found[i] {
					yield(servicegraph.Span{}, exit.With(exit.Nothing, fmt.Errorf("--trace %s: no span in %s has this trace id: check the id", text, src.Name)))
					return
				}
			}
		}
	}
	return src, nil
}

// isOneOf reports whether a trace id equals one of the ids, and sets the element of found for each
// equal id. Tracers with 64-bit ids keep only the lower half of a trace id, so a 64-bit id equals
// every id with the same lower half.
func isOneOf(id servicegraph.TraceID, ids []servicegraph.TraceID, found []bool) (is bool) {
	for i, want := range ids {
		upper, wanted := [8]byte(id[:8]), [8]byte(want[:8])
		if [8]byte(id[8:]) == [8]byte(want[8:]) && (upper == wanted || upper == [8]byte{} || wanted == [8]byte{}) {
			found[i], is = true, true
		}
	}
	return is
}
