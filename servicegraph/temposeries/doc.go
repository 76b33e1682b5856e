// Package temposeries computes, from the spans of a service graph, the series that
// Tempo's service-graphs processor writes: traces_service_graph_request_total and the
// others. With them, dashboards made for Tempo can be used together with a graph, and every
// difference between the two can be explained.
//
// A [Processor] and a [servicegraph.Builder] are independent of each other. To have both,
// add every span to both. A source that leaves attributes out must keep those for which
// [servicegraph.Config.Reads] or [Config.Reads] returns true.
//
// A Processor does not return a [servicegraph.Graph], because Tempo's result is no graph
// of that kind: it has a connection type instead of nodes with types, it records 0 seconds
// for a side without a span, and it depends on the order of arrival, so that two results
// cannot be merged.
//
// # What Tempo does
//
// A CLIENT or PRODUCER span and a SERVER or CONSUMER span are the halves of one call if
// the second is the direct child of the first. The first half to arrive waits in a store.
// When the other half arrives, the call is counted and forgotten; a third span with the
// same key begins to wait. Each half overwrites what the earlier one wrote, except that a
// failure stays. A client span with database attributes is a call by itself. A half that
// waits too long becomes a call to or from a virtual node, if a peer attribute names the
// other side or if the half is the server span at the root of a trace, whose caller is
// called "user". Spans between the halves, span links, and the other spans of a trace have no
// effect.
//
// # Limits
//
// The series can differ from Tempo's for five reasons:
//
//   - The order of arrival. Spans of one trace must be added in the order in which
//     they reached Tempo, which a file or a query does not always tell. The order
//     of spans of different traces affects only the last digits of the sums of
//     histograms, and what MaxItems drops.
//   - The expiry clock. Tempo forgets a half 9 to 12 seconds after its arrival
//     ("wait", in whole seconds, checked every other second), and everything when
//     it stops. A Processor has no clock: halves wait until [Processor.Expire] is called.
//   - Spans that never reach Tempo's processor: those that ended more than 30 seconds
//     before or after they arrived, whole requests with an empty trace id or span id,
//     and spans over a rate limit. The caller should not add these spans.
//   - The life of the series. Tempo starts at zero with every process,
//     forgets series after 15 idle minutes, may limit their number, and marks those of
//     each process with a label of their own.
//   - Data that a [servicegraph.Span] does not have. An empty service.name counts as a missing one,
//     whose spans Tempo ignores. In Tempo a span with an empty name never completes a call either,
//     but it counts as a half, whose time and failure can get into a virtual edge. Sources leave
//     out attributes that are lists, maps or bytes; Tempo uses their text. A sampling probability
//     must be a floating point number for Tempo; here every text counts that reads as a number and
//     not as an integer. Sources replace invalid UTF-8; Tempo passes it on.
package temposeries
