package servicegraph

import "testing"

// TestChunksEnd takes the last place that has a number, and wants no other place in its
// stead where one more is asked for.
func TestChunksEnd(t *testing.T) {
	full := make([]struct{}, chunkSize)
	c := chunks[struct{}]{all: make([][]struct{}, maxChunks)}
	for i := range c.all {
		c.all[i] = full
	}
	c.all[maxChunks-1] = full[:chunkSize-1]
	if got := c.take(1); got != 1<<32-1 {
		t.Fatalf("the last place is %d, want %d", got, uint32(1<<32-1))
	}
	defer func() {
		if recover() == nil {
			t.Error("no panic behind the last place")
		}
	}()
	t.Errorf("place %d behind the last", c.take(1))
}
