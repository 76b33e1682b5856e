package servicegraph

// account puts every span of the trace into its bucket.
func (f *folder) account() {
	r := &f.sum.report
	var counts [fates]uint64
	r.Traces++
	r.Spans += uint64(len(f.spans)) + f.duplicates
	r.Duplicate += f.duplicates
	r.Cycles += f.cycles
	for i := range f.spans {
		span := &f.spans[i]
		node := f.sum.node(span.node)
		node.SelfTime = saturate(node.SelfTime, f.selfTime(int32(i)))
		if isUnknown(node.ID) {
			r.UnknownService++
		}
		if span.weight() != 1 {
			r.Sampled++
		}
		switch {
		case span.start <= 0 || span.end == 0:
			r.Unfinished++
		case span.end < span.start:
			r.InvalidDuration++
		}
		if span.start > 0 {
			r.First = earliest(r.First, span.start)
			r.Last = max(r.Last, span.start, span.end)
		}
		if f.parent[i] == missingParent {
			r.MissingParent++
		}
		counts[f.fate(int32(i))]++
	}
	for its, spans := range counts {
		r.count(fate(its), spans)
	}
}

// fate returns what became of span i: of a span that is no part of a call, where
// it stands in the trace.
func (f *folder) fate(i int32) fate {
	if its := f.facts[i].fate; its != fateUnknown {
		return its
	}
	switch f.parent[i] {
	case missingParent:
		return fateOrphan
	case noParent:
		return fateRoot
	}
	return fateInternal
}
