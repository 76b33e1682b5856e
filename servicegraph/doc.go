// Package servicegraph turns the spans of distributed traces into a graph of
// services: who calls whom, how often, how slowly, how it fails.
//
// # Terms
//
// A span is one timed operation of one service. A call goes from a caller to a
// callee. Evidence for it is a caller-side span (CLIENT or PRODUCER), a
// callee-side span (a SERVER or CONSUMER span, or any span whose parent belongs
// to another service), or both.
//
// A node is an identity: namespace, name and type. An edge holds the calls
// between two nodes of one kind, request or message: how many there were, in how
// many either side failed, and what each side saw. A side without spans has no
// latency, rather than one of zero.
//
// # Steps
//
//  1. A source yields spans, in any order: package tracefile reads files,
//     package tempoclient asks Tempo.
//  2. A [Builder] keeps the few bytes of each that the graph needs, by trace.
//  3. Once all spans of a trace are there, they become a tree. Duplicate
//     deliveries are merged; ids that both sides of a call share (Zipkin's B3),
//     spans that name themselves as their parent, and circles of parents are
//     straightened out.
//  4. The calls are read off the tree. Parent and child in different services
//     are a call whatever their kinds say; spans in between do not hide it;
//     client spans inside client spans are one call; a client span without a
//     callee calls the peer that its attributes name.
//  5. The calls add up to a [Graph], which is immutable. Graphs [Merge].
//
// The tree is what sets this package apart: a store that waits for two halves of
// an edge cannot see ancestors, and loses fan-out, retries, proxies and calls
// without a client span.
//
// # Promises
//
// The same spans give the same bytes, in whatever order they arrive and however
// they are split; delivered twice, the same nodes and edges. Every span ends in
// exactly one bucket of the [Report]. No input panics or hangs. What is right in
// each case is a row of docs/semantics.md, which comments cite by its name.
//
// # Open ends
//
// Some calls cannot be settled by the spans of one trace: a call to an address
// where other calls met a service, a peer whose name is a service's, a message
// whose consumer points to its producer with a span link. A graph carries what
// it knows of these and settles them each time it is made, so that a merged graph
// is the graph of all the spans.
//
// # Streams
//
// A [Builder] with a [Window] runs over an endless stream in bounded memory, with
// the same rules: it holds the traces that may still grow, and counts for good
// those it forgets. [Builder.Graph] is everything so far, [Builder.Delta] what has
// become final since the last one.
//
// # Views
//
// A view shows part of a graph, or shows it more coarsely: it is a new graph, in
// whose [Report] everything left out is counted, and views can be taken of it in
// turn. [Graph.Filter] and [Graph.FilterEdges] choose by property,
// [Graph.ErrorsOnly] and [Graph.EntriesOnly] by the commonest ones, [Graph.Top] and
// [Graph.TopEdges] by size; [Graph.Near] and [Graph.Focus] follow the calls from
// some nodes; [Graph.Hide] and [Graph.HideGateways] take nodes away and join what they
// linked; [Graph.Group] makes one node of many; [Graph.WithErrorsOf] counts the errors
// of one side.
//
// Spans of several tenants belong into several graphs: nothing here tells one from
// another, and a merge mixes what it is given.
//
// All of them know sums, not traces. A path is a row of edges, whether or not any
// one request took it from end to end.
package servicegraph
