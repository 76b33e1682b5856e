package servicegraph

// Take adds the spans of a batch, each as [Builder.Add] would, and takes the batch
// over.
func (b *Builder) Take(batch *Batch) {
	d := batch.dictionary
	d.add(batch)
	links, weights := batch.links, batch.weights
	for i := range batch.spans {
		s := &batch.spans[i]
		its := links[:s.links]
		links = links[s.links:]
		weight := float32(1)
		if s.weighted {
			weight, weights = weights[0], weights[1:]
		}
		if set := b.admit(&s.trace, &s.id); set != nil {
			r := b.store.Append(b.last, &set.spans)
			b.unpack(r, d, s)
			r.weight32 = weight
			b.kept(r, its)
		}
	}
	batch.recycle()
}

// recycle empties the batch and gives it back to its intake, if that wants it.
func (b *Batch) recycle() {
	b.reset = false
	clear(b.resources)
	clear(b.interpretations)
	b.resources, b.interpretations = b.resources[:0], b.interpretations[:0]
	b.spans, b.links, b.weights = b.spans[:0], b.links[:0], b.weights[:0]
	select {
	case b.used <- b:
	default:
	}
}
