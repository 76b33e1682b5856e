// Package otelspan takes spans from the OpenTelemetry SDK in the process that made
// them, without a backend between.
//
// [From] converts one ended span. A [Recorder] is a span processor that turns
// all spans of its providers into a service graph while the program runs: in a
// test, or in production as a live picture of what the process calls.
//
// A process in production is one service and sees its own half of each call: its
// callees are the peers that its client spans name, its callers are not known. A
// test that runs several services in one process, with a provider for each and one
// recorder for all, sees both halves; package graphtest does that.
package otelspan
