// Package graphtest tests who calls whom: a build that breaks when the architecture does.
//
//	rec := graphtest.NewRecorder(t)
//	cart := startCart(rec.Service("cart"), rec.Propagator())
//	web := startWeb(rec.Service("web"), rec.Propagator(), cart.URL)
//	... // drive the system
//	g := rec.Graph(t)
//	graphtest.Check(t, g,
//		graphtest.Path("web -> cart -> redis"),
//		graphtest.Never("web", "*[database]"),
//		graphtest.AtMost(1, "cart -> redis"),
//		graphtest.Acyclic(),
//	)
//	graphtest.Golden(t, g, "testdata/checkout.graph")
//
// # Where graphs come from
//
// A [Recorder] records services that run in the test. [Await] takes a trace that a
// test made in a deployed system from a Tempo. Every other graph of package servicegraph
// can be checked as well; [Observe] makes one of any source of spans, and keeps what is
// needed to explain failures.
//
// # Rules
//
// A [Rule] is a value with a line of text:
//
//	exactly web -> cart -> redis, web -> payments   these edges and no others
//	contains web -> cart, cart -> redis             these edges
//	path web -> * -> redis                          calls lead along here
//	never web/* -> *[database]                      no such edge
//	only checkout -> cart, payments                 checkout calls no others
//	only payments -> nothing
//	layers web, bff > shop/* > *[database]          no calls upwards
//	acyclic                                         no calls in a circle
//	connected                                       one graph, not several
//	depth at most 4                                 calls in a chain
//	fan-out checkout at most 5                      callees of one node
//	calls web -> cart 3..5                          also 3, and 3..
//	per-trace cart -> inventory at most 1           calls in one trace: N+1
//	retries cart -> inventory at most 2             calls that repeat one
//	errors checkout -> * at most 1%
//	latency caller p95 checkout -> payments at most 300ms
//	async checkout -> shipping                      a message
//	no-orphans                                      every parent is there
//	unresolved at most 0                            client spans without a callee
//	empty                                           nothing at all
//
// The functions of this package make them, and [Parse] reads them: from a test, from
// a file that graphviz-export check is given, from the message of a failure. What
// follows # is a comment, and a line that ends in a comma or in > goes on in the next.
//
// A node is written [NAMESPACE/]NAME[TYPE]. In a name and in a namespace * stands for
// any characters and ? for one. Without a namespace it is any; "/web" is a web without
// one. Without a type it is any; the types are those of [servicegraph.NodeType]:
// postgres[database]. A name with other characters is quoted as in Go: "my shop"/web.
//
// Where a service has the same name as a peer that is only an address, a rule that
// wants a call to be there means the service: "path web -> cart" does not hold if web
// calls the host cart and the service cart never got the trace. A rule that forbids
// calls means both.
//
// # What holds
//
// Nothing holds of nothing: in an empty graph every rule but [Empty] is broken, and
// so is a rule about an edge or a service that is not there, where a misspelt name
// would make it true for ever.
//
// All rules are checked, and reported as one error of the test. It says what was
// observed in place of what should be, names spans for example, and where an edge is
// missing says why: the trace context was lost, a span did not end, a service sent no
// spans.
//
// Rules speak of services, not of the names of spans, which change with the versions
// of instrumentation. Numbers are those of the graph, which may hold many traces;
// per-trace is the exception.
//
// # Time
//
// The latency of a test on a busy machine says nothing. In a bubble of testing/synctest
// the clock stands still while anything works and jumps where all sleep, and so a
// budget is exact and takes no time: see [MemTransport].
//
// # What no rule sees
//
// A service that loses the context inside itself, and goes on with context.Background(),
// still calls whom it calls: in a trace of its own. Only the number of traces, which
// every message names, and the calls per trace show it. Work that has not begun when the
// graph is taken is not in it, and neither is a span that its sampler dropped.
package graphtest
