package servicegraph

import (
	"slices"
	"time"

	"github.com/tempograph/tempograph/servicegraph/internal/semconv"
)

// A Config chooses how spans become a graph. The zero value is the default of the
// specification.
type Config struct {
	// IgnoreAddresses leaves uninstrumented dependencies under the names that spans give them. By
	// default, a call without a server span, such as a failed call during an outage, is a call to
	// the service that its address identifies (docs/semantics.md, D13, A1 to A9). This service is
	// the only one that answered paired calls to the same host and port or RPC service. If there is
	// none, it is the only service with the name of the host. If there is none either, it is the
	// only service whose spans or resources state the address as their own. Also by default,
	// dependencies with one name on several hosts are several nodes.
	IgnoreAddresses bool

	// HTTPErrors counts client and server spans without a status as failed if their HTTP
	// status code is 500 or more (docs/semantics.md, E5). By default only the status of the
	// span counts.
	HTTPErrors bool

	// NotErrors lists outcomes that are no errors, although the status of a span says so, such
	// as "canceled" for hedged calls of which one answer is enough, or "404"
	// (docs/semantics.md, E9). An outcome is a status code of HTTP, a class of them such as "4xx", a status code of gRPC by
	// name or number, or a value of error.type; case, and everything but letters and digits,
	// do not matter. By default every span with the status error has failed.
	NotErrors []string

	// IgnoreInternalDatabases ignores databases whose spans are not CLIENT spans: those
	// inside the process, such as SQLite. By default they are nodes like other databases
	// (docs/semantics.md, D10).
	IgnoreInternalDatabases bool

	// SplitBy lists keys of resource attributes that are part of the identity of a service, such as
	// service.version to distinguish a canary from the other instances (docs/semantics.md, N5), or
	// deployment.environment.name (N2). Their values follow the name, "web@1.4.2"; a service
	// without any of them keeps its name. The peer name "web" does not tell the version, so a call
	// to it without a callee span is a call to a peer named web, not to web@1.4.2.
	SplitBy []string

	// Rename gives services and uninstrumented dependencies other names. It applies before all
	// rules that compare names (docs/semantics.md, N7). The first rule that matches a name counts.
	// Nodes that get the same name are one node. A dependency with the new name of a service is
	// that service. A rule sees the name of a service before SplitBy adds to it. A graph does not
	// record the rules: Merge adds graphs with different rules as they are, and [Graph.Rename]
	// renames the nodes of a finished graph.
	Rename []Rename

	// Hide and Gateways, if not nil, report whether a service is hidden, such as the proxies of a
	// mesh. The spans of a hidden service are walked through as internal spans are, so that a call
	// through it is a call between the visible services on both sides, exactly as the traces show
	// it (docs/semantics.md, F20). A request from outside to a gateway is a request from outside to
	// the services that the gateway called for it. A request from outside to any other hidden
	// service is not. A call that ended in a hidden service is on no edge, and [Report].HiddenCalls
	// counts it. If other calls show which service answers at the address that the caller names,
	// the call goes to that service instead.
	//
	// The functions get the identity after Rename and SplitBy. They are called once for each
	// node, peers included. [Graph.Hide] and [Graph.HideGateways] hide nodes of a finished graph,
	// with estimated numbers.
	Hide, Gateways func(NodeID) bool

	// InferCalls adds calls whose connection is lost (docs/semantics.md, P9 and P20). A client span
	// without a callee calls a server span that lies within the time of the client span, and whose
	// parent never arrived or whose parent id is lost. Two spans are paired if no other pair is
	// possible, or if the RPC service, the host or the path that both spans name shows that they
	// belong together. The message of a producer span goes to the later consumer span of the queue.
	// Such a call is a guess, and Evidence.Inferred counts it. Nothing is inferred in a trace with
	// more than 4 million pairs of such spans: Report.Uninferred counts these traces.
	InferCalls bool

	// UserNode makes each request from outside the traced world a call from a node named
	// "user", which only the callee shows (docs/semantics.md, P5). By default only
	// Node.Entries counts such requests.
	UserNode bool

	// QueueNodes makes the queue between a producer and a consumer a node, with an edge from
	// producer to queue and another from queue to consumer. By default one edge leads from
	// producer to consumer.
	QueueNodes bool

	// NodeAttrs lists keys of resource attributes to keep in Node.Attrs, such as
	// service.version.
	NodeAttrs []string

	// Goroutines is how many goroutines share the making of a graph from many held spans; 0 means
	// [runtime.GOMAXPROCS]. The graph does not depend on it.
	Goroutines int

	// Limits bounds the nodes and edges of a graph. The zero value has generous defaults.
	Limits Limits

	// Window limits what a builder holds. The zero value holds everything.
	Window Window
}

// A Window limits what a [Builder] holds of an endless stream. A trace is open while spans
// arrive, closed when none has arrived for a while, and forgotten some time later. A late
// span opens a closed trace again; a late span of a forgotten trace is only counted
// ([Report].Late). A field that is 0 sets no limit.
//
// [Builder.Advance] sets the time: limits refer to the arrival of spans, not to their timestamps.
type Window struct {
	Quiet    time.Duration // closes a trace this long after its last span
	Age      time.Duration // closes a trace this long after its first span
	Remember time.Duration // forgets a trace this long after it was closed

	// Spans and Traces are the most spans and traces that are held, open and closed. Traces closed
	// longest ago are forgotten first, then traces idle longest. A span takes 56 to 96 bytes, 65 on
	// average, and a trace 60 more, or 76 if Age is set; a span link of a consumer takes about 160,
	// and counts as four spans.
	Spans, Traces int
}

// Reads reports whether the graph reads the attribute with a key, of a span or of a
// resource. A source may leave out all other attributes.
func (c Config) Reads(key string) bool {
	return semconv.Reads(key, c.semconv()) || isEnvironment(key) || key == kubernetesNamespace || isOwnIP(key) ||
		slices.Contains(c.NodeAttrs, key) || slices.Contains(c.SplitBy, key)
}
