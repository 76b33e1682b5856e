package servicegraph

import "strings"

// A Report accounts for every span a graph was built from. Each span ends in
// exactly one of the buckets Paired to Late, so that they add up to Spans:
// nothing is lost silently. Counts are of spans, not weighted.
type Report struct {
	Traces uint64 // distinct trace ids
	Spans  uint64 // spans received

	Paired     uint64 // caller or callee side of a call between two nodes
	Virtual    uint64 // caller side of a call to a node without spans of its own, or callee side of one from it
	Nested     uint64 // client span inside another that stands for the same call
	Root       uint64 // no parent, and not part of a call
	Internal   uint64 // work inside a service
	Orphan     uint64 // the parent never arrived, and the span is not part of a call
	Unresolved uint64 // client or producer span without a callee and without the name of one
	Duplicate  uint64 // delivered before, and merged into the first
	Invalid    uint64 // all-zero trace or span id
	Late       uint64 // came after the trace was forgotten

	// What else was noticed. These overlap with the buckets and each other.
	MissingParent   uint64 // spans whose parent never arrived, those that are part of a call included
	Cycles          uint64 // loops of parents, each cut at one span
	InvalidDuration uint64 // end before start: no latency recorded
	Unfinished      uint64 // no end, or no start: no latency recorded
	Skewed          uint64 // callee spans that began before their caller's span, or ended after it
	UnknownService  uint64 // spans without service.name
	Sampled         uint64 // spans with a weight other than 1: calls are estimates
	LinkMissing     uint64 // links of consumers to spans that never arrived, or that send nothing

	// Addresses that calls without a callee span went to, and where several
	// services answered other calls: they say nothing, and were not used.
	AddressConflicts uint64

	LinksSettled     uint64 // halves of messages that were too many to carry on, and can meet no other any more
	AddressesSettled uint64 // addresses and names, likewise

	// How a window closed and forgot traces. What it forgot is counted all the same.
	Open           uint64 // traces that may still grow
	Reopened       uint64 // closed traces that a late span opened again
	ClosedQuiet    uint64 // closed because no span came
	ClosedAge      uint64 // closed because they were open for too long
	EvictedSpans   uint64 // forgotten because too many spans were held
	EvictedTraces  uint64 // forgotten because too many traces were held
	NodesFolded    uint64 // times a span named a node beyond Window.Nodes, and "other" was taken for it
	NamesTruncated uint64 // times a span named an address or a detail beyond Window.Nodes, which was left out

	Skipped uint64 // records a source could not read; not spans

	// What views left out of the graph that the spans gave.
	LeftOutNodes uint64
	LeftOutEdges uint64
	LeftOutCalls float64 // of the edges left out; weighted

	// Environments are the values of deployment.environment.name (and of its old
	// name) that were seen, sorted. More than one means that the graph may mix,
	// say, production and staging: an environment is no part of a node's identity.
	// At most 64 are kept, and EnvironmentsTruncated is set if there were more.
	Environments          []string
	EnvironmentsTruncated bool

	First, Last int64 // Unix nanoseconds of the earliest start and the latest end; 0 if unknown
}

// merge adds what another report counted.
func (r *Report) merge(o Report) {
	first, last := earliest(r.First, o.First), max(r.Last, o.Last)
	for i, c := range o.counters() {
		*r.counters()[i] += *c
	}
	r.LeftOutCalls = plus(r.LeftOutCalls, o.LeftOutCalls)
	for _, name := range o.Environments {
		r.addEnvironment(name)
	}
	r.EnvironmentsTruncated = r.EnvironmentsTruncated || o.EnvironmentsTruncated
	r.First, r.Last = first, last
}

func (r *Report) addEnvironment(name string) {
	set, cut := withCapped(r.Environments, name, strings.Compare)
	r.Environments, r.EnvironmentsTruncated = set, r.EnvironmentsTruncated || cut
}

// without takes away what part counted, false if that is more than there is.
func (r Report) without(part Report) (rest Report, ok bool) {
	ok = true
	for i, c := range part.counters() {
		from := r.counters()[i]
		ok = ok && *c <= *from
		*from -= *c
	}
	return r, ok
}

// since returns what was counted after an earlier state of the same report.
func (r Report) since(before Report) Report {
	rest, ok := r.without(before)
	if !ok {
		panic("servicegraph: a report has lost counts")
	}
	return rest
}

// counters lists the fields that add up when graphs merge.
func (r *Report) counters() []*uint64 {
	return []*uint64{
		&r.Traces, &r.Spans,
		&r.Paired, &r.Virtual, &r.Nested, &r.Root, &r.Internal, &r.Orphan, &r.Unresolved, &r.Duplicate, &r.Invalid, &r.Late,
		&r.MissingParent, &r.Cycles, &r.InvalidDuration, &r.Unfinished, &r.Skewed, &r.UnknownService, &r.Sampled, &r.LinkMissing, &r.AddressConflicts,
		&r.LinksSettled, &r.AddressesSettled,
		&r.Open, &r.Reopened, &r.ClosedQuiet, &r.ClosedAge, &r.EvictedSpans, &r.EvictedTraces, &r.NodesFolded, &r.NamesTruncated, &r.Skipped,
		&r.LeftOutNodes, &r.LeftOutEdges,
	}
}

// Accounted returns the sum of the buckets. It equals Spans for every graph
// this package builds.
func (r Report) Accounted() uint64 {
	return r.Paired + r.Virtual + r.Nested + r.Root + r.Internal + r.Orphan + r.Unresolved + r.Duplicate + r.Invalid + r.Late
}

// earliest returns the smaller of two times of which zero means unknown.
func earliest(a, b int64) int64 {
	if a == 0 || (b != 0 && b < a) {
		return b
	}
	return a
}

// A fate is what became of a span: its bucket in the report.
type fate uint8

const (
	fateUnknown fate = iota
	fatePaired
	fateVirtual
	fateNested
	fateRoot
	fateInternal
	fateOrphan
	fateUnresolved
	fateOpen // decided when a graph is made, with what was learned from others

	fates // how many there are
)

// count puts spans into their bucket.
func (r *Report) count(f fate, spans uint64) {
	switch f {
	case fatePaired:
		r.Paired += spans
	case fateVirtual:
		r.Virtual += spans
	case fateNested:
		r.Nested += spans
	case fateRoot:
		r.Root += spans
	case fateInternal:
		r.Internal += spans
	case fateOrphan:
		r.Orphan += spans
	case fateUnresolved:
		r.Unresolved += spans
	case fateOpen:
	default:
		if spans > 0 {
			panic("servicegraph: a span without a fate")
		}
	}
}
