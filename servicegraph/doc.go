// Package servicegraph turns the spans of distributed traces into a graph of services: who
// calls whom, how often, how slowly, and how often calls fail.
//
// # Terms
//
// A span is one timed operation of one service. A call goes from a caller to a callee. The
// evidence for a call is a span of the caller's side (CLIENT or PRODUCER), a span of the
// callee's side (SERVER or CONSUMER, or any span whose parent belongs to another service), or
// both.
//
// A node is an identity: namespace, name and type. An edge holds the calls of one kind,
// request or message, between two nodes: how many there were, in how many either side failed,
// and what each side saw. A side without spans has no latency, rather than a latency of zero.
//
// These words have a special meaning here, or one of their usual meanings:
//
//   - peer: the other side of a call, as the attributes of one side name it. Peers without
//     spans of their own are nodes, of a type other than service.
//   - entry: a request from outside the traced services, or a node that receives such requests.
//   - evidence: which spans show a call.
//   - outcome: what became of a span, exactly one of the first counts of a [Report].
//   - open: a trace to which spans may still be added. It is closed later, and then forgotten.
//   - pending: not decided yet. A pending call is resolved each time a graph is made, because
//     another trace or another graph may know the other side: see below. A pending span of a
//     live graph waits for further spans of its open trace.
//   - weight: how many spans a sampled span stands for.
//   - self time: the part of a span's duration that no child covers.
//   - gap: the time between the two sides of a call, network time or queue time.
//
// # Steps
//
// A span passes through these steps, each of which has a file or a package of its own. The
// types in parentheses are those that the next step receives.
//
//  1. A source reads spans, in any order: package tracefile reads files, package tempoclient
//     asks Tempo, package otelspan records a running process. ([Span])
//  2. internal/semconv interprets the attributes of a span: its role, its peer, the address
//     of the peer. internal/pack does that for sources that decode fast, once per distinct
//     set of attributes, and packs spans into batches with a dictionary.
//     (semconv.Interpretation, pack.Batch)
//  3. A [Builder] (builder.go) numbers the names (intern.go), which [Config] may rename or
//     fold (rename.go, limits.go), and holds the spans, 56 bytes each, by trace (held.go,
//     internal/arena) until the [Window] forgets the trace. (trace.Span)
//  4. internal/trace makes a tree of the spans of one trace. It merges spans that were
//     delivered twice, and handles ids that both sides of a call share (Zipkin's B3), spans
//     that name themselves as their parent, cycles of parents, and attempts that share an id.
//     (trace.Tree)
//  5. internal/pairing reads the calls from the tree, and decides the outcome of each span.
//     Parent and child in different services are a call whatever their kinds are; spans in
//     between do not hide the call; client spans inside client spans are one call; a client
//     span without a callee calls the peer that its attributes name. Pairing works with
//     numbers, and asks functions of its configuration about names. It counts nothing.
//     (pairing.Call, pairing.Outcome)
//  6. aggregate.go adds the calls of each trace to totals (totals.go), of several traces in
//     parallel. Latencies are histograms (latency.go, internal/histogram). Calls that other
//     spans may tell more about are pending (pending.go). (totals)
//  7. resolve.go and messages.go resolve the pending calls, and the totals become a graph
//     (graph.go). internal/directory finds the service that a caller dialed. [NewGraph] makes a
//     graph without spans (newgraph.go). ([Graph])
//  8. Views make a graph of a graph (view*.go, internal/digraph), [Merge] makes one graph of
//     several, and JSON stores it (json.go, json_pending.go, json_read.go). [Builder.Traces]
//     repeats step 5 to return the calls of each trace (traces.go); from these calls,
//     [Builder.Explain] tells why there is an edge, or why there is none (explain.go).
//
// The tree is what distinguishes this package: a store that waits for the two halves of an
// edge cannot see ancestors, and loses fan-out, retries, proxies and calls without a client
// span.
//
// # Promises
//
// The same spans give the same bytes, whatever the order in which they arrive and however
// they are split; delivered twice, they give the same nodes and edges. Every span has exactly
// one outcome in the [Report]. No input makes this package panic or hang. The rows of
// docs/semantics.md specify the result in each case, and comments cite them.
//
// # Pending calls
//
// The spans of one trace cannot resolve some calls: a call to an address where other calls met
// a service, a peer that has the name of a service, a message whose consumer points to its
// producer with a span link. A graph carries what it knows of such calls and resolves them
// each time a graph is made, so that a merged graph is the graph of all the spans.
//
// # Streams
//
// A [Builder] with a [Window] runs over an endless stream in bounded memory, with the same
// rules: it holds the traces that may still grow, and keeps the totals of those it forgets.
// [Builder.Graph] returns the exact graph of everything so far; [Builder.Live] the same without
// the calls of open traces whose other side may still arrive, for display (shown.go);
// [Builder.Delta] the part that became final since the last call, for counters.
//
// # Views
//
// A view is a new graph with a part of another graph, or with fewer nodes in place of many.
// The [Report] of a view counts everything that the view left out. [Graph.Filter] and
// [Graph.FilterEdges] select by property, [Graph.ErrorsOnly] and [Graph.EntriesOnly] by the
// most common ones, [Graph.Top] and [Graph.TopEdges] by size; [Graph.Near] and [Graph.Focus]
// follow the calls from some nodes; [Graph.Hide] and [Graph.HideGateways] remove nodes and
// connect what they connected; [Graph.Group] makes one node of many; [Graph.WithErrorsOf]
// counts the errors of one side.
//
// Make one graph for each tenant: this package does not distinguish tenants, and Merge mixes
// the calls of all graphs.
//
// A graph holds sums, not traces. A path in it is a sequence of edges, whether or not any one
// request took it from end to end.
package servicegraph
