package source

import (
	"context"
	"fmt"
	"iter"
	"strings"

	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/exit"
	"github.com/tempograph/tempograph/servicegraph"
)

// Source returns the spans of the files that the arguments name: of all traces, or of those with
// the ids in Traces.
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
					yield(servicegraph.Span{}, exit.With(exit.Nothing, fmt.Errorf("--trace %s: no span in %s has this trace id", text, src.Name)))
					return
				}
			}
		}
	}
	return src, nil
}

// isOneOf reports whether a trace id is one of the ids, and notes which. An id of 64 bits is the lower
// half of the other form of the id.
func isOneOf(id servicegraph.TraceID, ids []servicegraph.TraceID, found []bool) (is bool) {
	for i, want := range ids {
		upper, wanted := [8]byte(id[:8]), [8]byte(want[:8])
		if [8]byte(id[8:]) == [8]byte(want[8:]) && (upper == wanted || upper == [8]byte{} || wanted == [8]byte{}) {
			found[i], is = true, true
		}
	}
	return is
}
