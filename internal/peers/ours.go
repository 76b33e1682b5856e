package main

import (
	"bytes"
	"fmt"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/tracefile"
)

// graph is this module's way from the bytes of a file, in either encoding, to a
// finished Graph. It is what is measured: a faster way goes here.
func graph(data []byte) (*servicegraph.Graph, error) {
	b := servicegraph.NewBuilder(servicegraph.Config{})
	if err := tracefile.Load(b, bytes.NewReader(data), "input", nil); err != nil {
		return nil, err
	}
	return b.Graph(), nil
}

// checkedGraph is graph, failing if a span of the input is not in it.
func checkedGraph(in *input, data []byte) (*servicegraph.Graph, error) {
	g, err := graph(data)
	if err != nil {
		return nil, err
	}
	if r := g.Report(); r.Spans != uint64(in.spans) || r.Skipped > 0 {
		return nil, fmt.Errorf("a graph of %d spans with %d records skipped, out of %d spans", r.Spans, r.Skipped, in.spans)
	}
	return g, nil
}

// It uses as many cores as the program may: there is nothing to tell it.
func oursProtobuf(in *input, _ int) error {
	_, err := checkedGraph(in, in.protobuf)
	return err
}

func oursJSON(in *input, _ int) error {
	_, err := checkedGraph(in, in.json)
	return err
}
