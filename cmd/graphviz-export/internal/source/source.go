// Package source turns files, Tempo and Prometheus into sources of spans, or of a graph, for the
// commands of graphviz-export.
package source

import (
	"context"
	"iter"
	"sync/atomic"

	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/exit"
	"github.com/tempograph/tempograph/servicegraph"
)

// A Source is where spans come from.
type Source struct {
	Name    string // in messages: "traces.json", "3 files"
	Origin  string // in the heading of the output: like name, without the directory of a file
	About   string // in the summary: "last 1h"; may be empty
	Title   string // heading of an image; empty for files
	Nothing error  // the error if there are no spans; nil: a default error
	Limit   int    // the largest number of traces that Tempo may return; 0: no limit
	State   string // differs after the files have changed; empty for Tempo

	Spans func(context.Context) iter.Seq2[servicegraph.Span, error]
	// Load adds the spans to a builder, faster than a loop over the spans. It passes each record
	// that it skips to skipped, and stops at the first error that skipped returns. A nil Load means
	// that the source has no such function.
	Load func(ctx context.Context, b *servicegraph.Builder, skipped func(*servicegraph.SkipError) error) error

	// Graph returns the graph of a source without spans, and notes about the graph. It is nil for a
	// source with spans.
	Graph func(context.Context) (*servicegraph.Graph, []string, error)

	Graphs   func() []*servicegraph.Graph // the graphs found among the files, after reading; nil: none
	LeftOut  func() int                   // how many files were left out because they are not trace files; nil: always 0
	Notes    func() []string              // notes about the traces that a time range left out of files, after reading; nil: no notes
	Progress func() string                // the progress of reading as a text; nil: show the number of spans
	Close    func() error

	Truncated *atomic.Int64 // number of traces so far of which Tempo has returned only a part
}

// Empty returns the error for a source that had no spans.
func (s Source) Empty() error {
	if s.Nothing == nil {
		return exit.NothingToDrawf("nothing was found in %s", s.Name)
	}
	return s.Nothing
}

// WithNotes returns the notes about reading a source, and further notes after them.
func (s Source) WithNotes(further []string) []string {
	if s.Notes == nil {
		return further
	}
	return append(s.Notes(), further...)
}

// HoldsGraphs reports whether the files hold graphs, which is known after reading.
func (s Source) HoldsGraphs() bool { return s.Graphs != nil && len(s.Graphs()) > 0 }
