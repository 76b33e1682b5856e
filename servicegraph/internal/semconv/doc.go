// Package semconv applies OpenTelemetry's semantic conventions, the present and earlier ones.
// From the kind and the attributes of a span it determines which side of a call the span is,
// the peer that the span calls, and the address of the peer.
//
// A [Filter] selects the attributes that matter, [Attrs] collects them, and [Interpret] returns
// an [Interpretation]. Brackets cite the rows of docs/semantics.md with the rules.
package semconv
