// Package promgraph exchanges service graphs with Prometheus, as the series that Tempo's metrics
// generator writes and that Grafana's service graph view reads.
//
// A [Collector] exposes the series of a running process or of a receiver, to be scraped; package
// remotewrite sends them, and package otlpmetric gives them to the OpenTelemetry SDK. [Query]
// builds a graph from the series of a Prometheus server, which any of these programs may have
// written.
//
// # The series
//
// Each series has the labels client, server and connection_type, and the labels of the dimensions:
//
//	traces_service_graph_request_total                      calls
//	traces_service_graph_request_failed_total               failed calls, if there are any
//	traces_service_graph_request_server_seconds             latency of the callee, a histogram
//	traces_service_graph_request_client_seconds             latency of the caller, a histogram
//	traces_service_graph_request_messaging_system_seconds   time in the queue, a histogram, on request
//
// The connection type is messaging_system for messages, database for calls to databases,
// virtual_node for calls to or from anything else without spans of its own. It is empty for
// requests between services; in Prometheus, an empty label is the same as no label.
//
// # Two modes
//
// [NewCollector] counts the calls of a [servicegraph.Builder]. [NewTempoCollector] counts the
// calls of a [temposeries.Processor], with the values that Tempo's generator has for the same
// spans. They differ:
//
//   - A side of a call without a span: the default mode has no sample for it, so the histogram has
//     fewer samples than there are calls, or is missing. Tempo counts 0 seconds for the missing
//     side of a virtual node, which lowers averages and quantiles. For a database, Tempo counts the
//     latency of the client on both sides. Grafana's node graph shows the average of
//     server_seconds, so in the default mode it shows none for a database.
//   - Calls that Tempo does not see: calls through spans between client and server, calls
//     without a client span, several servers for one client span, messages joined by span links,
//     calls to an address where a service is known to answer.
//   - Requests from outside: Tempo counts them as calls of the client "user". The default mode does
//     the same if [servicegraph.Config].UserNode is set.
//   - A span that its SDK or a Collector delivers twice counts once in the default mode.
//   - Time: the default mode counts a call when its trace is forgotten, which is
//     [servicegraph.Window].Quiet and Remember after its last span. Tempo counts a call when both
//     halves have arrived.
//
// # Counters
//
// No counter falls. No counter jumps because of a later finding either, such as the service at an
// address: the default mode adds up the graphs of [servicegraph.Builder.Delta], which are final
// (docs/semantics.md, L2). A process that starts anew starts at zero, which rate and increase
// recognize.
//
// # Cardinality
//
// An edge with both histograms of 8 bounds takes 23 series: 8 buckets, +Inf, _sum and _count of
// each histogram, and the counter of calls. It takes one more series once a call has failed, and 11
// more for the messaging histogram. Tempo's documentation gives other numbers: it leaves out +Inf,
// _sum and _count, and assumes as many edges as the factorial of the number of services. In fact n
// services have at most n² edges, and far fewer in practice. [EstimateSeries] counts the series of
// a given graph. A native histogram is one series. A [Config] limits edges, series and the length
// of labels. Calls of edges beyond the limits count under the client and server "other".
package promgraph
