package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tempograph/tempograph/internal/quantity"
	"github.com/tempograph/tempograph/servicegraph"
)

// A pair names the two services of a plain call: a client span and the server span
// below it.
type pair struct{ client, server string }

// A count holds the plain calls of a pair. Failed is -1 where Tempo and this module count
// failures by different rules.
type count struct{ calls, failed float64 }

// agree compares Tempo's edges of an input with the edges of this module, in both encodings, and
// returns a sentence about the comparison. It compares only plain calls, which have the same
// meaning in both. It leaves out uninstrumented dependencies, databases, messages and users, whose
// names differ.
func agree(in *input) (string, error) {
	t := newTempo(true)
	defer t.close()
	if err := pushAll(t, in); err != nil {
		return "", err
	}
	t.registry.CollectMetrics(context.Background())
	theirs := make(map[pair]count)
	for p, calls := range t.samples.calls {
		theirs[p] = count{calls, t.samples.failed[p]}
	}

	for _, data := range [][]byte{in.protobuf, in.json} {
		g, err := checkedGraph(in, data)
		if err != nil {
			return "", err
		}
		if diff := differences(theirs, plainCalls(g)); len(diff) > 0 {
			return "", fmt.Errorf("the plain calls of Tempo and ours differ:\n\t%s", strings.Join(diff, "\n\t"))
		}
	}

	before, err := droppedSpans()
	if err != nil {
		return "", err
	}
	limited := newTempo(false)
	defer limited.close()
	if err := pushAll(limited, in); err != nil {
		return "", err
	}
	after, err := droppedSpans()
	if err != nil {
		return "", err
	}

	var calls float64
	for _, c := range theirs {
		calls += c.calls
	}
	return fmt.Sprintf("%d spans, %.0f bytes a span in protobuf, %.0f in JSON. Tempo and tempograph agree on %.0f plain calls on %s. At its default limit of 10,000 pending edges Tempo dropped %.0f %% of the %d spans that its processor reads.",
		in.spans, float64(len(in.protobuf))/float64(in.spans), float64(len(in.json))/float64(in.spans),
		calls, quantity.Of(len(theirs), "edge"), 100*(after-before)/float64(in.sides), in.sides), nil
}

// pushAll sends the whole input to a processor in order.
func pushAll(t *tempo, in *input) error {
	messages, err := delimited(in.protobuf)
	if err != nil {
		return err
	}
	return each(messages, 1, func() func([]byte) error { return t.push })
}

// plainCalls returns the calls of a graph that Tempo counts as plain calls: requests between
// services for which both sides sent a span. The number of failures is known only for edges without
// other calls.
func plainCalls(g *servicegraph.Graph) map[pair]count {
	plain := make(map[pair]count)
	for e := range g.Edges() {
		if e.ID.Kind != servicegraph.EdgeRequest || e.ID.From.Type != servicegraph.TypeService || e.ID.To.Type != servicegraph.TypeService || e.Evidence.Both == 0 {
			continue
		}
		p := pair{e.ID.From.Name, e.ID.To.Name}
		c := plain[p]
		c.calls += e.Evidence.Both
		switch {
		case e.Evidence.Both != e.Calls:
			c.failed = -1
		case c.failed >= 0:
			c.failed += e.Errors
		}
		plain[p] = c
	}
	return plain
}

// differences returns a sorted line for each pair with different counts.
func differences(theirs, ours map[pair]count) []string {
	var lines []string
	pairs := maps.Clone(theirs)
	maps.Copy(pairs, ours)
	for p := range pairs {
		t, o := theirs[p], ours[p]
		if t.calls != o.calls || o.failed >= 0 && t.failed != o.failed {
			lines = append(lines, fmt.Sprintf("%s → %s: Tempo %v calls, %v failed; ours %v calls, %v failed", p.client, p.server, t.calls, t.failed, o.calls, o.failed))
		}
	}
	slices.Sort(lines)
	return lines
}
