// Package tempoclient asks Grafana Tempo for traces and returns them as spans for a
// service graph.
//
//	client, err := tempoclient.New("http://localhost:3200", tempoclient.Config{
//		Keep: servicegraph.Config{}.Reads,
//	})
//	...
//	graph, err := servicegraph.Build(client.Spans(ctx, tempoclient.Query{
//		TraceQL: `{resource.service.name="checkout"}`,
//		Start:   time.Now().Add(-time.Hour),
//	}), servicegraph.Config{})
//
// The package links neither code of Tempo nor gRPC. Package tempogrpc has Tempo's
// streaming API over gRPC.
//
// # Which call to use, and its cost to Tempo
//
//	call            requests to Tempo                        use
//	Spans           those of Search, and also: five small    the graph of many traces
//	                ones, or nine if spans may arrive; one
//	                for each 12 MB of spans; up to 50 to
//	                compare; one for each trace whose spans
//	                a search does not show
//	  with Exact    those of Search, and one for each trace  every trace fetched by its id
//	Search          one; two for a round number of traces;   every trace in a time range
//	                more if the whole range is too much for
//	                one request
//	  with Limit    one, and if there are more traces, one   the newest traces
//	                for the version and one for the newest
//	Trace,          one; two if the server has only the path one trace with a known id
//	TraceSpans      of Tempo 2.5 and older versions
//	Await           5 in the settle time                     a trace that is still arriving
//	Tags, TagValues one; cheaper without a time range        attributes and their values
//	QueryRange,     one; reads all spans of the range        numbers over time
//	QueryInstant
//	Echo            one, no work                             to check URL and access
//	Ready           one, no work                             to check that Tempo is ready
//	BuildInfo       one, no work                             the version
//	Overrides       one, no work                             the limits of a tenant
//
// A trace by id is the cheapest request: it takes Tempo some milliseconds, so that a
// server on two cores returns some hundred traces a second. A search reads the columns
// of all spans of the range that the query mentions; it is cheap for many traces, and a
// short range and a service name in the query make it cheaper. The table leaves out retries
// after errors (see below), and up to two small requests that each client sends once, when a
// range first includes the last quarter of an hour (see Versions).
//
// # How complete an answer is
//
// In several cases Tempo returns less than everything without an error: it cuts a trace that is
// too large, a search stops at a limit, a trace is still arriving. If Tempo reports this, or if
// the answer shows it, the client returns a [Warning]: in the result of a call, and in a
// sequence as a [servicegraph.SkipError], which does not end the sequence and which
// [servicegraph.Build] counts.
//
// Search asks for the whole range at once, and some minutes past its end (Query.Late),
// because Tempo files traces that arrive late, or last longer than its ingestion slack of
// 2 minutes, under the time of their arrival. Narrow searches miss such traces; if the
// range must be searched in narrow slices, there is a [WarnSliced].
//
// Some losses are not visible in any answer. Spans that Tempo refused on arrival (its metric
// tempo_discarded_spans_total counts them) are missing from a trace that looks complete. Tempo
// keeps only one of several spans with the same id and kind in a trace. Tempo cuts keys and
// values of attributes at 2048 bytes, and lists of tag values at 1 MB. A search does not find
// the most recent spans: those of the last seconds in Tempo 2, and of the last half minute in
// Tempo 3. A trace is available by id at once.
//
// # Spans from searches
//
// A search can show all spans of its traces, many times faster than fetches by id. Spans
// uses searches for more than 40 traces. It fetches by id the traces that a search might not
// show exactly: traces with links, with fewer spans than Tempo counts, or with missing parents.
// If many traces have missing parents, Spans compares some of them with fetches, and fetches
// the others only if those differ. Spans fetches everything if the attributes that Config.Keep
// keeps do not fit one query, or if the query selects only a few of many traces. [Cost] counts
// the reasons. If spans with further attributes arrive during a search, Spans repeats the search.
//
// A search shows the scope name, the service namespace and the status of each span only if some
// spans in the range have them, because each shown attribute makes a search about a tenth
// slower. If few spans failed, a separate small search finds the failed spans.
//
// The components of Tempo exchange messages of at most 16 MB. Spans therefore divides many
// traces by the last digits of their ids, and makes several searches whose answers have about
// 12 MB each. If Tempo still refuses a search, Spans divides that search further. With
// Query.Limit, Spans asks Tempo 2.9 and later for the spans of the newest traces only.
//
// A search shows no sampling weights. Spans therefore compares some traces of each root service
// with their fetched spans, about 24 of some 5,000 traces and at least one for each name of a
// root span. If a compared trace has a weight, Spans fetches all traces. If the spans of a
// compared trace differ in another way, Spans fetches all traces with the same root service. If
// a weight appears only after spans from a search were returned, there is a [WarnWeights].
// Weights that none of the compared traces has are missed: set Query.Exact if only a small
// fraction of the traces of a service are sampled.
//
// # Errors
//
// An [Error] is an answer other than the requested one, or no answer. It distinguishes a
// server that is down from a wrong URL, and a proxy's login page from an answer, and holds
// Tempo's own message about a query that it rejects. For a trace that does not exist the
// error is [ErrNotFound].
//
// The client retries requests that are refused for the moment (429, 502, 503, 504) or whose
// connection breaks: up to 5 attempts within about 4 seconds, or after the time in the answer's
// Retry-After, up to 30 seconds. It retries once after a 500, because Tempo also answers some
// wrong requests with 500. It does not wait for a server that never answered. It does not
// repeat a search that was too large for Tempo; it makes smaller searches instead. Tempo
// answers such a search late, with an error about the size of messages, or closes the
// connection after 30 seconds.
//
// # Safety
//
// The client follows redirects only within the server, because it sends credentials and
// tenant with every request. Config.MaxBytes bounds the size of an answer and the memory
// of its decoded elements.
//
// # Versions
//
// The client works with Tempo 2 and 3. Its tests run a real Tempo 2.9, and servers that
// answer like Tempo 3.0 according to its source.
//
// The client mostly relies on Tempo's answers and not on its version, because operators change
// the defaults of a version. For a missing trace, some versions answer 404, and others answer
// 200 with an empty body; the client accepts both. The client uses the older path for a trace
// if the server does not know the newer path. When Tempo refuses a request because of a limit
// and names the limit, such as the 262144 traces of Tempo 3, the client respects that limit. It
// ignores unknown fields.
//
// One difference is not visible in any answer: Tempo 3 searches only up to half a minute ago,
// whatever the requested end (query_end_cutoff). If a range includes the last quarter of an
// hour, the client once requests the build information. If the answer is not that of Tempo 2,
// or if a gateway blocks the request, the client tests how the server answers a search of the
// current second. A [WarnRecent] reports the part of the range that Tempo does not search.
package tempoclient
