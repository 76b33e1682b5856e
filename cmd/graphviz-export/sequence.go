package main

import (
	"errors"
	"io"
	"iter"
	"slices"

	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/exit"
	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/source"
	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/views"
	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/critpath"
	"github.com/tempograph/tempograph/servicegraph/render"
	"github.com/tempograph/tempograph/servicegraph/render/draw"
	"github.com/tempograph/tempograph/servicegraph/render/sequence"
)

// sequenceFormats returns the formats that show one trace. Until the trace is read, the diagram is nil.
func sequenceFormats(d *sequence.Diagram) []render.Format {
	return []render.Format{
		{Name: "sequence", Description: "Mermaid sequence diagram of one trace", MediaType: "text/vnd.mermaid", Renderer: writing(func(w io.Writer) error { return d.WriteMermaid(w) })},
		{Name: "plantuml", Extensions: []string{".puml", ".plantuml"}, Description: "PlantUML sequence diagram of one trace", MediaType: "text/plain", Renderer: writing(func(w io.Writer) error { return d.WritePlantUML(w) })},
	}
}

// isSequence reports whether a format shows one trace.
func isSequence(f render.Format) bool {
	return slices.ContainsFunc(sequenceFormats(nil), func(s render.Format) bool { return s.Name == f.Name })
}

// formats returns all formats of the command.
func (e *export) formats(options draw.Options) []render.Format {
	return slices.Concat(e.style.formats(options), sequenceFormats(e.diagram))
}

// startSequence prepares the diagram of the one trace that a source has, for targets that want one.
// It returns nil if no target wants one.
func (e *export) startSequence(src source.Source, targets []target, steps []views.Step) (*sequence.Builder, error) {
	if !slices.ContainsFunc(targets, func(t target) bool { return isSequence(t.format) }) {
		return nil, nil
	}
	if src.Graph != nil {
		return nil, exit.Usagef("a sequence diagram shows one trace, and Prometheus holds series: read the trace from a file or from Tempo")
	}
	if e.estimate {
		return nil, exit.Usagef("--estimate-series writes no sequence diagram: leave out one of the two")
	}
	for _, s := range steps {
		if !s.Hides { // the diagram's own builder hides services
			return nil, exit.Usagef("a sequence diagram shows all calls of a trace: leave out %s, or choose another format", s.Flag)
		}
	}
	return sequence.NewBuilder(sequence.Config{Graph: e.config()}), nil
}

// building returns a function that builds the graph of spans. From the same spans, the function
// also builds the diagram of their one trace if b is not nil, and the critical paths if paths is
// not nil. If both are nil, building returns nil, so that the graph is built in the fastest way.
func (e *export) building(b *sequence.Builder, paths *critpath.Collector) func(iter.Seq2[servicegraph.Span, error]) (*servicegraph.Graph, error) {
	if b == nil && paths == nil {
		return nil
	}
	return func(spans iter.Seq2[servicegraph.Span, error]) (*servicegraph.Graph, error) {
		cfg := e.config()
		cfg.Window.Spans = e.held
		if b != nil {
			spans = collected(spans, b.Add)
		}
		if paths != nil {
			spans = collected(spans, paths.Add)
		}
		g, err := servicegraph.Build(spans, cfg)
		if err == nil && paths != nil {
			e.paths = paths.Report()
		}
		if err == nil && b != nil {
			e.diagram, err = b.Diagram()
		}
		if errors.Is(err, sequence.ErrSeveralTraces) {
			err = exit.Usagef("%w: select one with --trace ID", err)
		} else if errors.Is(err, sequence.ErrNoTrace) {
			err = nil // the empty graph has a message of its own
		}
		return g, err
	}
}
