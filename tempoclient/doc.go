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
// # Which call to use, and what it costs Tempo
//
//	call            requests to Tempo                      for
//	Spans           as Search, and one for each trace      a graph that is exact
//	  with Fast     one for 200 traces, and one for each   a graph of very many small traces, soon
//	                that is large or looks incomplete
//	Search          one for up to 1000 traces, more where  every trace in a time range
//	                slices of it are fuller than that
//	StreamSearch    one                                    the first traces that turn up, at once
//	Trace,          one; two where there is only the path  a trace whose id is known
//	TraceSpans      of Tempo 2.5 and before
//	Await           5 in the settle time                   a trace that is still arriving
//	Tags, TagValues one; cheaper without a time range      what can be asked for
//	QueryRange,     one; reads all spans of the range      numbers over time
//	QueryInstant
//	Echo            one, no work                           is the URL right, may I ask
//	Ready           one, no work                           is this Tempo up
//	BuildInfo       one, no work                           which version is this
//	Overrides       one, no work                           what are the limits of a tenant
//
// A trace by its id is the cheapest that Tempo does: some milliseconds of its time.
// A search reads columns of all spans of the range that the query mentions; a
// short range and a service name in the query are what helps. Streams cost the same as
// the call without Stream and show results while Tempo is at work. What is tried again
// after an error (see below) comes on top, and so do, once for a client, up to two
// small requests when a range first reaches into the last quarter of an hour (see
// Versions).
//
// # What an answer is worth
//
// Tempo gives less than everything in several ways without calling it an error:
// a trace that is too large is cut, a search stops at a limit, a trace is given
// while it is still arriving. Where Tempo tells, or the answer shows it, the client
// passes it on as a [Warning]: in the result of a call, in a sequence as a
// [servicegraph.SkipError], which does not end it and which [servicegraph.Build]
// counts.
//
// Some losses leave no trace in any answer. Spans that Tempo refused when they
// arrived (its metric tempo_discarded_spans_total counts them) are missing
// from a trace that looks complete. Of several spans with the same id and kind in one
// trace Tempo keeps one. Keys and values of attributes are cut at 2048 bytes, lists of
// tag values at a million. A search does not find what Tempo received in the last
// moments: seconds in Tempo 2, half a minute in Tempo 3. A trace by its id is there at
// once.
//
// # Errors
//
// An [Error] is an answer other than the one asked for, or none. It tells a Tempo
// that is down from a wrong URL, a proxy's login page from an answer, and has
// Tempo's own words about a query that it rejects. A trace that does not exist
// is [ErrNotFound].
//
// Requests that are refused for the moment (429, 502, 503, 504) or whose connection
// breaks are sent again, 5 times in all within about 4 seconds, or when the
// answer's Retry-After says, up to 30 seconds ahead. After a 500 it is tried once
// more: Tempo answers that to some requests that are wrong. A Tempo that never
// answered is not waited for.
//
// # Versions
//
// The client works with Tempo 2 and 3. It is tested with a real Tempo 2.9, and with the
// shapes of Tempo 3.0 as its source has them.
//
// Mostly it goes by the answers, which are right also where an operator has changed
// what belongs to a version. A missing trace is 200 and empty in some versions and 404
// in others; the older path for a trace is used where the newer is unknown; limits that
// a Tempo names when it refuses a request, such as the 262144 traces of Tempo 3, are
// kept to from there on; fields that it does not know are ignored.
//
// One difference shows in no answer: Tempo 3 searches up to half a minute ago, whatever
// end it is given (query_end_cutoff). So where a range reaches into the last quarter of
// an hour, the client asks a Tempo once for its build info, and if that does not
// say 2, because it says 3 or because a gateway keeps it back, how it takes a range of
// this very second. What Tempo does not search then comes as a [WarnRecent].
package tempoclient
