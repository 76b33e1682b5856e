package otelspan

import (
	"maps"
	"sync/atomic"

	"github.com/tempograph/tempograph/servicegraph"
)

// scopes are the attributes for the names of instrumentation scopes. Spans of one scope share the
// attribute, because a span without other attributes would need a list for it alone: then recording a
// span takes 1.03 to 1.06 times as long in BenchmarkRecorder. The zero value is empty and safe for
// concurrent use.
type scopes struct {
	known atomic.Pointer[map[string][]servicegraph.Attr] // by name; never changed, but replaced
}

// maxScopes is how many names are remembered. A program has one for each library that makes spans.
const maxScopes = 256

// attrs returns the attribute for a name in a list, to which the caller may append but whose element it
// must not change.
func (s *scopes) attrs(name string) []servicegraph.Attr {
	known := s.known.Load()
	if known != nil {
		if attrs, ok := (*known)[name]; ok {
			return attrs
		}
	}
	attrs := scopeAttrs(name)
	more := make(map[string][]servicegraph.Attr)
	if known != nil {
		if len(*known) == maxScopes {
			return attrs
		}
		maps.Copy(more, *known)
	}
	more[name] = attrs
	s.known.CompareAndSwap(known, &more) // if another goroutine was first, the next span of the scope tries again
	return attrs
}

// scopeAttrs returns a list of the attribute for the name of a scope.
func scopeAttrs(name string) []servicegraph.Attr {
	return []servicegraph.Attr{{Key: scopeName, Value: name}}
}
