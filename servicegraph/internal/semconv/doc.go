// Package semconv applies OpenTelemetry's semantic conventions, present and earlier ones: it
// finds out from the kind and the attributes of a span which side of a call the span is, whom
// it calls, and where.
//
// [Filter] and [Key] tell which attributes matter, [Attrs] collects them, and [Interpret]
// returns an [Interpretation]. The rules are rows of docs/semantics.md, cited in brackets.
package semconv
