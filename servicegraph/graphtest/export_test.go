package graphtest

import (
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/tempograph/tempograph/servicegraph"
)

// Keywords are the first words of all rules.
var Keywords = keywords

// SetIDs sets the id generator of the recorder's providers.
func (r *Recorder) SetIDs(ids sdktrace.IDGenerator) { r.ids = ids }

// Matches reports whether the first pattern of a rule of the kind only matches a node.
func Matches(rule string, id servicegraph.NodeID) bool {
	s := newScanner("", rule)
	s.next()
	p, err := s.pattern()
	if err != nil {
		panic(err)
	}
	return p.matches(id)
}
