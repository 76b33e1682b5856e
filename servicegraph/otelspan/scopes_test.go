package otelspan

import (
	"strconv"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tempograph/tempograph/servicegraph"
)

// Every name has its own attribute, also the names beyond those that are remembered, while several
// goroutines ask. The list of a name stays as it is if somebody appends to it.
func TestScopes(t *testing.T) {
	var s scopes
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range 2 {
				for i := range maxScopes + 10 {
					name := strconv.Itoa(i)
					got := s.attrs(name)
					if diff := cmp.Diff([]servicegraph.Attr{{Key: "otel.scope.name", Value: name}}, got); diff != "" {
						t.Errorf("scope %s (-want +got):\n%s", name, diff)
					}
					_ = append(got, servicegraph.Attr{Key: "other"})
				}
			}
		})
	}
	group.Wait()
	if n := len(*s.known.Load()); n != maxScopes {
		t.Errorf("%d names are remembered, want %d", n, maxScopes)
	}
	if n := testing.AllocsPerRun(10, func() { s.attrs("0") }); n != 0 {
		t.Errorf("the attribute of a known scope takes %v allocations", n)
	}
}
