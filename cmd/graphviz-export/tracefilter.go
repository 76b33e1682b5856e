package main

import (
	"context"
	"fmt"
	"iter"
	"strings"

	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/exit"
	"github.com/tempograph/tempograph/servicegraph"
)

// selectedFiles returns the spans of files: of all traces, or of those with the ids of --trace.
func (e *export) selectedFiles(args []string) (source, error) {
	ids, err := e.tempo.traceIDs()
	if err != nil {
		return source{}, err
	}
	src, err := e.fileSource(args)
	if err != nil || len(ids) == 0 {
		return src, err
	}
	all := src.spans
	src.load = nil
	src.title = "trace " + strings.Join(e.tempo.traces, ", ")
	src.spans = func(ctx context.Context) iter.Seq2[servicegraph.Span, error] {
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
			if len(src.graphs()) > 0 {
				yield(servicegraph.Span{}, exit.Usagef("--trace selects traces by id, and %s holds a graph, which has sums and no traces", src.name))
				return
			}
			for i, text := range e.tempo.traces {
				if !found[i] {
					yield(servicegraph.Span{}, exit.With(exit.Nothing, fmt.Errorf("--trace %s: no span in %s has this trace id", text, src.name)))
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
