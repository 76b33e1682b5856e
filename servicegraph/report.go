package servicegraph

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tempograph/tempograph/servicegraph/internal/pairing"
)

// A Report accounts for every span that a graph was built from. Each span has exactly one
// of the outcomes Paired to Pending, so that these add up to Spans: no span is lost
// silently. Counts of spans are not weighted.
type Report struct {
	Traces uint64 // distinct trace ids
	Spans  uint64 // spans received

	// Outcomes.
	Paired     uint64 // the caller or callee side of a call between two nodes
	Virtual    uint64 // the side of a call whose other side has no spans of its own
	Nested     uint64 // a client span inside or beside another span that stands for the same call, or a server span beside such a span
	Root       uint64 // a span without a parent that is not part of a call
	Internal   uint64 // work inside a service
	Orphan     uint64 // a span whose parent never arrived and that is not part of a call
	Unresolved uint64 // a client or producer span without a callee and without a peer
	Duplicate  uint64 // a further delivery of a span, merged into the first
	Invalid    uint64 // a span whose trace id or span id is all zero
	Late       uint64 // a span that arrived after its trace was forgotten
	Hidden     uint64 // a span of a service that Config.Hide or Config.Gateways hides, or a caller span whose call ended in one
	Detached   uint64 // a server or consumer span without a parent within the time of another root of its trace: the id of its parent is lost, so it is no entry
	Pending    uint64 // in a graph of [Builder.Live]: a span of an open trace whose callee, caller or parent may still arrive

	// Observations, which overlap with the outcomes and with each other.
	MissingParent   uint64 // spans whose parent never arrived, whether or not they are part of a call
	Cycles          uint64 // cycles of parents, each broken at one span
	InvalidDuration uint64 // spans that end before they start: they have no latency
	Unfinished      uint64 // spans without an end or without a start: they have no latency
	Skewed          uint64 // callee spans that start before their caller's span, or end after it
	UnknownService  uint64 // spans without service.name
	Uninferred      uint64 // traces with more than 4 million pairs of spans that [Config].InferCalls would compare: nothing was inferred in them
	Sampled         uint64 // spans with a weight other than 1: numbers of calls are estimates
	LinkMissing     uint64 // span links of CONSUMER spans to spans that never arrived or that are not PRODUCER or CLIENT spans

	// AddressConflicts counts the addresses of calls without a callee span where more than
	// one service answered other calls. Such an address does not identify the callee, so
	// these calls are calls to the peer that the caller names.
	AddressConflicts uint64

	// A graph keeps a limited number of pending calls for later merges. Beyond the limit,
	// all of them are resolved with what the graph knows, and a later merge cannot complete
	// them.
	LinksResolvedEarly     uint64 // halves of messages that were resolved early
	AddressesResolvedEarly uint64 // calls by address or name, and owners of addresses, that were resolved early

	// How a [Window] closed and forgot traces. The spans of forgotten traces are counted.
	Open          uint64 // traces that may still grow
	Reopened      uint64 // closed traces that a late span opened again
	ClosedQuiet   uint64 // traces closed because no span arrived for a while
	ClosedAge     uint64 // traces closed because they had been open for too long
	EvictedSpans  uint64 // traces forgotten because too many spans were held
	EvictedTraces uint64 // traces forgotten because too many traces were held

	// What [Limits] changed.
	NodesFolded    uint64  // times that the node "other" replaced a node beyond Limits.Nodes
	NamesTruncated uint64  // times that an address or detail of a span was left out because of Limits.Nodes
	LongNames      uint64  // times that a name, or another text of a span that a graph keeps, was cut to 1 KiB
	FoldedCalls    float64 // calls on edges beyond Limits.Edges, which are on edges to the node "other"; weighted

	Skipped uint64 // records that a source could not read; they are not spans

	// LeftOutTraces counts the traces that a source knows of and did not read, because of a limit
	// on their number. They are not among Traces. There may be further traces that were not
	// counted.
	LeftOutTraces uint64

	// Limited says which traces the limit let through: "newest 1,000 traces of the last 1h (limit
	// reached)". It is empty if no source gives such a text. Reports with different texts merge to
	// one with both.
	Limited string

	// HiddenCalls are the calls that ended in services which [Config].Hide or Config.Gateways
	// hides, such as requests that a gateway answered itself, and HiddenErrors those of them that
	// failed; weighted. No edge has these calls. If other calls show which service answers at the
	// address that the caller names, the call is one to that service and is not among them. If a
	// call failed in a gateway, and the gateway made several calls for it of which none failed, the
	// call counts as well.
	HiddenCalls, HiddenErrors float64

	// The nodes, edges and calls that views left out of the graph.
	LeftOutNodes uint64
	LeftOutEdges uint64
	LeftOutCalls float64 // of the edges that were left out; weighted

	// Environments are the values of deployment.environment.name, and of its old name
	// deployment.environment, sorted. More than one means that the graph may mix, for
	// example, production and staging: an environment is not part of a node's identity. At most
	// 64 are kept; EnvironmentsTruncated is set if there were more.
	Environments          []string
	EnvironmentsTruncated bool

	// DetachedServices are the services of the Detached spans, sorted. At most 64 are kept;
	// DetachedServicesTruncated is set if there were more.
	DetachedServices          []string
	DetachedServicesTruncated bool

	// First and Last are the earliest start and the latest end of a span, in Unix
	// nanoseconds; 0 if unknown. [Graph.TimeRange] returns them as times.
	First, Last int64
}

// conceal counts calls that ended in hidden services and are on no edge.
func (r *Report) conceal(calls *Edge) {
	r.HiddenCalls = plus(r.HiddenCalls, calls.Calls)
	r.HiddenErrors = plus(r.HiddenErrors, calls.Errors)
}

// merge adds the counts of another report.
func (r *Report) merge(o Report) {
	first, last := earliest(r.First, o.First), max(r.Last, o.Last)
	for i, c := range o.counters() {
		*r.counters()[i] += *c
	}
	r.FoldedCalls = plus(r.FoldedCalls, o.FoldedCalls)
	r.LeftOutCalls = plus(r.LeftOutCalls, o.LeftOutCalls)
	r.HiddenCalls = plus(r.HiddenCalls, o.HiddenCalls)
	r.HiddenErrors = plus(r.HiddenErrors, o.HiddenErrors)
	for _, name := range o.Environments {
		r.addEnvironment(name)
	}
	r.EnvironmentsTruncated = r.EnvironmentsTruncated || o.EnvironmentsTruncated
	r.Limited = joined(r.Limited, o.Limited)
	for _, name := range o.DetachedServices {
		r.addDetachedService(name)
	}
	r.DetachedServicesTruncated = r.DetachedServicesTruncated || o.DetachedServicesTruncated
	r.First, r.Last = first, last
}

// joined returns the texts of a and b, sorted and each once, up to a maximum.
func joined(a, b string) string {
	const separator, most = " + ", 8
	if a == "" || b == "" || a == b {
		return max(a, b)
	}
	texts := append(strings.Split(a, separator), strings.Split(b, separator)...)
	slices.Sort(texts)
	texts = slices.Compact(texts)
	return strings.Join(texts[:min(len(texts), most)], separator)
}

func (r *Report) addEnvironment(name string) {
	set, cut := withCapped(r.Environments, name, strings.Compare)
	r.Environments, r.EnvironmentsTruncated = set, r.EnvironmentsTruncated || cut
}

func (r *Report) addDetachedService(name string) {
	set, cut := withCapped(r.DetachedServices, name, strings.Compare)
	r.DetachedServices, r.DetachedServicesTruncated = set, r.DetachedServicesTruncated || cut
}

// without returns the report less the counts of part, and false if part counts more than
// the report.
func (r Report) without(part Report) (rest Report, ok bool) {
	ok = true
	for i, c := range part.counters() {
		from := r.counters()[i]
		ok = ok && *c <= *from
		*from -= *c
	}
	ok = ok && part.HiddenCalls <= r.HiddenCalls && part.HiddenErrors <= r.HiddenErrors
	r.HiddenCalls -= part.HiddenCalls
	r.HiddenErrors -= part.HiddenErrors
	return r, ok
}

// since returns the counts added after an earlier state of the same report.
func (r Report) since(before Report) Report {
	rest, ok := r.without(before)
	if !ok {
		panic("servicegraph: a count of the report is lower than at the previous Delta")
	}
	return rest
}

// counters lists the fields that add up when reports merge.
func (r *Report) counters() [40]*uint64 {
	return [...]*uint64{
		&r.Traces, &r.Spans,
		&r.Paired, &r.Virtual, &r.Nested, &r.Root, &r.Internal, &r.Orphan, &r.Unresolved, &r.Duplicate, &r.Invalid, &r.Late, &r.Hidden, &r.Detached, &r.Pending,
		&r.MissingParent, &r.Cycles, &r.InvalidDuration, &r.Unfinished, &r.Skewed, &r.UnknownService, &r.Uninferred, &r.Sampled, &r.LinkMissing, &r.AddressConflicts,
		&r.LinksResolvedEarly, &r.AddressesResolvedEarly,
		&r.Open, &r.Reopened, &r.ClosedQuiet, &r.ClosedAge, &r.EvictedSpans, &r.EvictedTraces, &r.NodesFolded, &r.NamesTruncated, &r.LongNames, &r.Skipped, &r.LeftOutTraces,
		&r.LeftOutNodes, &r.LeftOutEdges,
	}
}

// Accounted returns the sum of the outcomes. It equals Spans for every graph that this
// package builds.
func (r Report) Accounted() uint64 {
	return r.Paired + r.Virtual + r.Nested + r.Root + r.Internal + r.Orphan + r.Unresolved + r.Duplicate + r.Invalid + r.Late + r.Hidden + r.Detached + r.Pending
}

// earliest returns the smaller of two times, where zero means unknown.
func earliest(a, b int64) int64 {
	if a == 0 || (b != 0 && b < a) {
		return b
	}
	return a
}

// count counts spans with an outcome. Spans with the outcome PendingCall are counted when a graph is
// made.
func (r *Report) count(o pairing.Outcome, spans uint64) {
	switch o {
	case pairing.Paired:
		r.Paired += spans
	case pairing.Virtual:
		r.Virtual += spans
	case pairing.Nested:
		r.Nested += spans
	case pairing.Root:
		r.Root += spans
	case pairing.Internal:
		r.Internal += spans
	case pairing.Orphan:
		r.Orphan += spans
	case pairing.Unresolved:
		r.Unresolved += spans
	case pairing.Concealed:
		r.Hidden += spans
	case pairing.Detached:
		r.Detached += spans
	case pairing.PendingTrace:
		r.Pending += spans
	case pairing.PendingCall:
	default:
		panic(fmt.Sprintf("servicegraph: %d spans have the unknown outcome %d", spans, o))
	}
}
