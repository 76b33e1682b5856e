package servicegraph

// A ledger is what a builder knows of the numbers of an [Intake].
type ledger struct {
	resources []knownResource
	sayings   []knownSaying
}

// A knownResource is a resource in a builder's numbers.
type knownResource struct {
	rawResource
	node    nodeIndex
	settled bool // the node is known, and has the attributes
}

// A knownSaying is a saying in a builder's numbers.
type knownSaying struct {
	saying
	meaning
	settled bool // the meaning is known
}

// Take adds the spans of a batch, each as [Builder.Add] would, and takes the batch
// over.
func (b *Builder) Take(batch *Batch) {
	l := batch.ledger
	l.enter(batch)
	links := batch.links
	for i := range batch.spans {
		s := &batch.spans[i]
		its := links[:s.links]
		links = links[s.links:]
		if set := b.admit(s.trace, s.id); set != nil {
			b.keep(set, b.unpack(l, s), its)
		}
	}
	batch.recycle()
}

// enter takes in what a batch brings that spans refer to.
func (l *ledger) enter(batch *Batch) {
	if batch.reset {
		l.resources, l.sayings = l.resources[:0], l.sayings[:0]
	}
	for _, r := range batch.resources {
		l.resources = append(l.resources, knownResource{rawResource: r})
	}
	for _, s := range batch.sayings {
		l.sayings = append(l.sayings, knownSaying{saying: s})
	}
}

// unpack returns the record of a span.
func (b *Builder) unpack(l *ledger, s *packedSpan) record {
	res, said := &l.resources[s.resource], &l.sayings[s.saying]
	if !res.settled {
		b.settleResource(res)
	}
	if !said.settled {
		b.settleSaying(said)
	}
	r := record{
		id: s.id, parent: s.parent,
		start: s.start, end: s.end,
		weight: s.weight,
		node:   res.node,
		status: s.status,
	}
	r.apply(&said.saying, said.meaning)
	b.trigger(r.node, &said.saying)
	return r
}

// settleResource finds the node of a resource. Where nodes are too many to tell
// apart, each span that names one more is counted: it is not settled.
func (b *Builder) settleResource(r *knownResource) {
	folded := b.report.NodesFolded
	r.node = b.node(r.id)
	r.settled = b.report.NodesFolded == folded
	b.note(r.node, r.attrs)
}

// settleSaying numbers what a saying names, likewise.
func (b *Builder) settleSaying(s *knownSaying) {
	folded, cut := b.report.NodesFolded, b.report.NamesCut
	s.meaning = b.mean(&s.saying)
	s.settled = b.report.NodesFolded == folded && b.report.NamesCut == cut
}

// recycle empties the batch and gives it back to its intake, if that wants it.
func (b *Batch) recycle() {
	b.reset = false
	clear(b.resources)
	clear(b.sayings)
	b.resources, b.sayings = b.resources[:0], b.sayings[:0]
	b.spans, b.links = b.spans[:0], b.links[:0]
	select {
	case b.used <- b:
	default:
	}
}
