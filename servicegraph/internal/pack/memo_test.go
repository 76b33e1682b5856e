package pack

import (
	"fmt"
	"testing"

	"github.com/tempograph/tempograph/servicegraph/internal/semconv"
)

// A Memo returns the value of the bytes that were added, of any length, and never that of other bytes
// with the same place.
func TestMemo(t *testing.T) {
	for _, pad := range []int{0, 1, 7, 8, 60, 500} {
		var m Memo[int]
		key := func(i int) string { return fmt.Sprintf("%0*d", pad, i) }
		const n = 2000
		for i := range n {
			m.Add(key(i), i)
		}
		found := 0
		for i := range 2 * n {
			v, ok := m.Find([]byte(key(i)))
			if ok && v != i {
				t.Fatalf("the value of %s is %d", key(i), v)
			}
			if ok {
				found++
			}
		}
		if found == 0 || found > 1<<memoBits {
			t.Errorf("%d of %d values found, with %d places", found, n, 1<<memoBits)
		}
	}
	var m Memo[int]
	if _, ok := m.Find(nil); ok {
		t.Error("an empty memo has a value")
	}
}

// A packer that starts a new dictionary does not know the resources of the old one.
func TestForgottenResources(t *testing.T) {
	p := NewPacker(semconv.Options{})
	encoded := func(i int) []byte { return fmt.Appendf(nil, "resource-%08d", i) }
	for i := range maxKnown + 1 {
		p.AddResource(encoded(i), "s", "", nil)
	}
	if _, known := p.KnownResource(encoded(0)); known {
		t.Error("a resource is known after the dictionary became too large")
	}
}
