// Package tempoclient asks Grafana Tempo for traces and gives them as spans for a
// service graph.
//
//	client, err := tempoclient.New("http://localhost:3200", tempoclient.Config{})
//	...
//	graph, err := servicegraph.Build(client.Spans(ctx, tempoclient.Query{
//		TraceQL: `{resource.service.name="checkout"}`,
//		Start:   time.Now().Add(-time.Hour),
//	}), servicegraph.Config{})
//
// # What an answer is worth
//
// Tempo gives less than everything in several ways without calling it an error:
// a trace that is too large is cut, a search stops at a limit. Where Tempo tells,
// the client passes it on as a [Warning]: in the result of a single call, in a
// sequence as a [servicegraph.SkipError], which does not end it and which
// [servicegraph.Build] counts.
//
// Some losses leave no trace in any answer. Spans that Tempo refused when they
// arrived (its metric tempo_discarded_spans_total counts them) are missing
// from a trace that looks complete; so are spans still on their way. Keys and
// values of attributes are cut at 2048 bytes.
//
// # Errors
//
// An [Error] is an answer other than the one asked for, or none. It tells a Tempo
// that is down from a wrong URL, a proxy's login page from an answer, and has
// Tempo's own words about a query that it rejects. A trace that does not exist
// is [ErrNotFound].
package tempoclient
