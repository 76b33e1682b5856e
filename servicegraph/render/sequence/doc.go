// Package sequence draws the calls of one trace as a sequence diagram, in the languages of
// Mermaid and PlantUML.
//
// A [Builder] takes the spans of the trace, in any order, and makes a [Diagram]. Services, and the
// dependencies that they call, are lifelines; the calls are those that the graph counts. A call
// that overlaps another one on behalf of the same request is parallel to it, and a call that
// repeats a failed call is marked as a retry (docs/semantics.md, V7). Messages have open arrows and
// no reply.
//
// The diagram has no time scale: calls follow each other in the order of their start, and each
// reply has the latency that the caller measured, or else the latency that the callee measured.
// Clocks of different services are never compared with each other, because the times of all calls
// on behalf of one request come from the clock of one service.
package sequence
