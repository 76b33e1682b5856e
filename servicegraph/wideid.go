package servicegraph

// canonical returns the id under which the spans of a trace are held. Some
// tracers cut 128-bit trace ids to 64 bits, and others pad them again: an id
// whose high half is zero means the trace whose low half it is, if there is one
// (semantics.md I6). Two wide ids never mean the same.
func (b *Builder) canonical(id TraceID) TraceID {
	low := lowHalf(id)
	if low.IsZero() {
		return id
	}
	if low == id {
		if !b.has64 {
			b.has64 = true
			b.wide = make(map[TraceID]TraceID)
			for wide := range b.traces {
				b.wide[lowHalf(wide)] = wide
			}
		}
		if wide, ok := b.wide[id]; ok {
			return wide
		}
		return id
	}
	if !b.has64 {
		return id
	}
	if _, known := b.wide[low]; !known {
		b.wide[low] = id
		b.rename(low, id)
	}
	return id
}

// lowHalf returns the id with its high half zero.
func lowHalf(id TraceID) TraceID {
	clear(id[:8])
	return id
}

// rename holds the spans that came under one id under another from now on.
func (w *window) rename(from, to TraceID) {
	set := w.traces[from]
	if set == nil || w.traces[to] != nil {
		return
	}
	delete(w.traces, from)
	set.id = to
	w.traces[to] = set
}
