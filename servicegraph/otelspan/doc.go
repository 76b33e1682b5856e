// Package otelspan takes spans from the OpenTelemetry SDK within the process that
// made them, without a backend.
//
// [From] converts one span. A [Recorder] is a span processor that turns all spans of
// its providers into a service graph while the program runs: in a test, or in
// production as a live graph of the services that the process calls.
//
// A process in production is one service and sees only its own half of each call: its
// callees are the peers that its client spans name, and its callers are unknown. A test
// that runs several services in one process, each with its own provider and all with
// the same recorder, sees both halves; package graphtest does that.
package otelspan
