package servicegraph

import (
	"runtime"
	"sync"
)

// Held traces are folded side by side if there are processors for that, and spans
// enough: each goroutine has totals of its own, and merging these is cheap beside.
const spansPerFolder = 1 << 14 // at least

// foldHeld adds the calls of all held traces to totals.
func (b *Builder) foldHeld(sum *totals) {
	n := min(runtime.GOMAXPROCS(0), b.spans/spansPerFolder)
	if n < 2 || b.cfg.Window.Nodes > 0 { // of a bounded number of names, it matters when they are made
		for t := range b.held() {
			b.folder.fold(t, sum)
		}
		return
	}
	b.nameAddresses()
	others := make([]*totals, n-1)
	var group sync.WaitGroup
	for i := range others {
		others[i] = newTotals(&b.names)
		group.Go(func() { b.foldPart(others[i], i+1, n) })
	}
	b.foldPart(sum, 0, n)
	group.Wait()
	for _, part := range others {
		sum.merge(part)
	}
}

// foldPart folds one of n parts of the held traces. It changes nothing of the builder.
func (b *Builder) foldPart(sum *totals, part, n int) {
	f := newFolder(b)
	for t := range b.heldPart(part, n) {
		f.fold(t, sum)
	}
}

// nameAddresses makes all names that folding may make, so that it only reads them.
func (b *Builder) nameAddresses() {
	for _, a := range b.names.addresses.items {
		if a.name != "" {
			b.names.address(a.unnamed())
		}
	}
}
