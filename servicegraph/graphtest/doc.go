// Package graphtest tests which service calls which. With it, a build fails when a change
// breaks the architecture.
//
//	rec := graphtest.NewRecorder(t, servicegraph.Config{})
//	cart := startCart(rec.Service("cart"), rec.Propagator())
//	web := startWeb(rec.Service("web"), rec.Propagator(), cart.URL)
//	... // drive the system
//	g := rec.Graph(t)
//	graphtest.Check(t, g,
//		graphtest.Path("web -> cart -> redis"),
//		graphtest.Never("web", "*[database]"),
//		graphtest.AtMost("cart -> redis", 1),
//		graphtest.Acyclic(),
//	)
//	graphtest.Golden(t, g, "testdata/checkout.graph")
//
// # Where graphs come from
//
// A [Recorder] records services that run in the test. [Await] fetches from Tempo a trace
// that the test caused in a deployed system. [Observe] builds a graph from any source of
// spans and keeps the spans to explain failures. Any other graph of package servicegraph
// can also be checked.
//
// # Rules
//
// A [Rule] is a value with a line of text:
//
//	exactly web -> cart -> redis, web -> payments   these edges and no others
//	contains web -> cart, cart -> redis             at least these edges
//	path web -> * -> redis                          calls lead along this path
//	never web/* -> *[database]                      no such edge
//	only checkout -> cart, payments                 checkout calls nothing else
//	only payments -> nothing
//	layers web, bff > shop/* > *[database]          no calls from right to left
//	acyclic                                         no cycle of calls
//	connected                                       one graph, not several
//	depth at most 4                                 calls in a chain
//	fan-out checkout at most 5                      callees of one node
//	calls web -> cart 3..5                          also 3, and 3..
//	per-trace cart -> inventory at most 1           calls in one trace: N+1
//	retries cart -> inventory at most 2             calls that repeat an earlier one
//	errors checkout -> * at most 1%
//	latency caller p95 checkout -> payments at most 300ms
//	async checkout -> shipping                      a message
//	no-orphans                                      no parent span is missing
//	unresolved at most 0                            client spans without a callee
//	empty                                           no node and no edge
//
// The functions of this package make rules, and [Parse] reads their text from a string
// in a test, from a file for graphviz-export check, or from a failure message. A comment
// begins with #. A line that ends in a comma or in > continues on the next line.
//
// A node is written [NAMESPACE/]NAME[TYPE]. In names and namespaces * stands for any characters and
// ? for one character. Without a namespace a pattern matches every namespace; "/web" matches only a
// web that has none. Without a type a pattern matches every type. [servicegraph.NodeType] lists the
// types, as in postgres[database]. A name with other characters is quoted as in Go: "my shop"/web.
//
// A [Recorder] sets [servicegraph.Config].IgnoreAddresses: a call whose trace context was lost
// stays a call to a host, and does not become a call to the service of that name.
//
// A service can have the same name as an uninstrumented dependency that is only an
// address. A rule that requires a call means the service: "path web -> cart" does not
// hold if web calls the host cart and the service cart never received the trace. A rule
// that forbids calls means both.
//
// # When rules fail
//
// Every rule except [Empty] fails on an empty graph. A rule about an edge or a service also fails
// if no node matches: otherwise a rule with a misspelled name would always hold.
//
// All rules are checked and reported as one error of the test. The error says what was
// observed instead and names example spans. For a missing edge it gives the reason: the
// trace context was lost, a span did not end, or a service sent no spans.
//
// Rules are about services. They do not depend on the names of spans, which change with
// versions of the instrumentation. Numbers are totals of the graph, which may have many
// traces; only per-trace is about single traces.
//
// # Time
//
// On a busy machine, latencies measured in a test are meaningless. In a bubble of testing/synctest,
// the clock stands still while any goroutine works, and jumps ahead when all of them wait.
// Latencies are then exact, and the test takes no time: see [MemTransport].
//
// # What rules cannot detect
//
// A service that loses the trace context internally and continues with
// context.Background() still makes the same calls, in a trace of its own. Only the number
// of traces, which every message contains, and the calls per trace show it. The graph
// lacks work that begins after the graph is taken, and spans that the sampler dropped.
package graphtest
