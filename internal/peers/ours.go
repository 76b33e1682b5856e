package main

import (
	"bytes"
	"fmt"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/tracefile"
)

// graph turns the bytes of a file, in either encoding, into a finished Graph. The
// measurement times this function.
func graph(data []byte) (*servicegraph.Graph, error) {
	b := servicegraph.NewBuilder(servicegraph.Config{})
	if err := tracefile.Load(b, bytes.NewReader(data), "input", tracefile.LoadConfig{}); err != nil {
		return nil, err
	}
	return b.Graph(), nil
}

// checkedGraph is like graph, but returns an error if the graph does not count every span of the
// input.
func checkedGraph(in *input, data []byte) (*servicegraph.Graph, error) {
	g, err := graph(data)
	if err != nil {
		return nil, err
	}
	if r := g.Report(); r.Spans != uint64(in.spans) || r.Skipped > 0 {
		return nil, fmt.Errorf("the graph holds %d of %d spans, and %d records were skipped", r.Spans, in.spans, r.Skipped)
	}
	return g, nil
}

// oursProtobuf reads the protobuf input with this module. It ignores the number of workers: reading
// uses as many cores as GOMAXPROCS allows.
func oursProtobuf(in *input, _ int) error {
	_, err := checkedGraph(in, in.protobuf)
	return err
}

func oursJSON(in *input, _ int) error {
	_, err := checkedGraph(in, in.json)
	return err
}
