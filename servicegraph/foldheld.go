package servicegraph

import (
	"runtime"
	"sync"
)

// Held traces are folded side by side if there are processors for that, and spans
// enough: each goroutine has totals of its own, and merging these is cheap beside.
const (
	spansPerFolder = 1 << 14 // at least
	tracesPerTurn  = 64
)

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
	parts := make([]*totals, n)
	var group sync.WaitGroup
	for part := range parts {
		parts[part] = newTotals(&b.names)
		group.Go(func() { b.foldPart(parts[part], part, n) })
	}
	group.Wait()
	for _, part := range parts {
		sum.merge(part)
	}
}

// foldPart folds one of n parts of the held traces. It changes nothing of the builder.
func (b *Builder) foldPart(sum *totals, part, n int) {
	f := newFolder(b)
	i := 0
	for t := range b.held() {
		if i/tracesPerTurn%n == part {
			f.fold(t, sum)
		}
		i++
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
