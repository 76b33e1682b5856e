package servicegraph

// A ledger is what a builder knows of the numbers of an [Intake]. What most spans need
// of it lies close together.
type ledger struct {
	resources []rawResource
	nodes     []nodeIndex // of the resources; 0 if not settled

	sayings []saying
	said    []saidRecord // what the sayings make of a record
}

// A saidRecord is the part of a record that the attributes of its span decide.
type saidRecord struct {
	record
	settled   bool // the rest is known
	fails     bool // the span has failed, if it does not say itself
	triggered bool // the saying has something for the node
}

// Take adds the spans of a batch, each as [Builder.Add] would, and takes the batch
// over.
func (b *Builder) Take(batch *Batch) {
	l := batch.ledger
	l.enter(batch)
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
			b.unpack(r, l, s)
			r.weight32 = weight
			b.kept(r, its)
		}
	}
	batch.recycle()
}

// enter takes in what a batch brings that spans refer to.
func (l *ledger) enter(batch *Batch) {
	if batch.reset {
		*l = ledger{l.resources[:0], l.nodes[:0], l.sayings[:0], l.said[:0]}
	}
	l.resources = append(l.resources, batch.resources...)
	l.nodes = append(l.nodes, make([]nodeIndex, len(batch.resources))...)
	l.sayings = append(l.sayings, batch.sayings...)
	l.said = append(l.said, make([]saidRecord, len(batch.sayings))...)
}

// unpack fills the record of a span, but for the weight. What is there is of another.
func (b *Builder) unpack(r *record, l *ledger, s *packedSpan) {
	node, said := l.nodes[s.resource], &l.said[s.saying]
	if node == 0 {
		node = b.settleResource(l, s.resource)
	}
	if !said.settled {
		b.settleSaying(l, s.saying)
	}
	*r = said.record
	r.id, r.parent = s.id, s.parent
	r.start, r.end = s.start, s.end
	r.node = node
	r.status = s.status
	if said.fails && s.status == StatusUnset {
		r.status = StatusError
	}
	if said.triggered {
		b.trigger(node, &l.sayings[s.saying])
	}
}

// settleResource finds the node of a resource. Where nodes are too many to tell
// apart, each span that names one more is counted: it is not settled.
func (b *Builder) settleResource(l *ledger, number Resource) nodeIndex {
	r := &l.resources[number]
	folded := b.report.NodesFolded
	node := b.node(r.id)
	if b.report.NodesFolded == folded {
		l.nodes[number] = node
	}
	b.note(node, r.attrs)
	return node
}

// settleSaying numbers what a saying names, likewise.
func (b *Builder) settleSaying(l *ledger, number uint32) {
	s, r := &l.sayings[number], &l.said[number]
	folded, cut := b.report.NodesFolded, b.report.NamesTruncated
	r.apply(s, b.mean(s))
	r.fails, r.triggered = s.failed, s.trigger != ""
	r.settled = b.report.NodesFolded == folded && b.report.NamesTruncated == cut
}

// recycle empties the batch and gives it back to its intake, if that wants it.
func (b *Batch) recycle() {
	b.reset = false
	clear(b.resources)
	clear(b.sayings)
	b.resources, b.sayings = b.resources[:0], b.sayings[:0]
	b.spans, b.links, b.weights = b.spans[:0], b.links[:0], b.weights[:0]
	select {
	case b.used <- b:
	default:
	}
}
