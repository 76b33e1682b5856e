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

	// NotErrors lists outcomes that are no errors, although the status of the span is error
	// (docs/semantics.md, E9). Examples are "404", and "canceled" for hedged calls, of which one
	// answer is enough. An outcome is an HTTP status code, a class of HTTP status codes such as
	// "4xx", a gRPC status code by name or number, or a value of error.type. Upper and lower case
	// are equal, and only letters and digits are compared. The package of an error, and words such as
	// "Exception", can be left out: "canceled" is also the TaskCanceledException of .NET. The message
	// of the status, which is the attribute otel.status_description, counts if it ends with the
	// outcome. By default, every span with the status error has failed.
	NotErrors []string

	// IgnoreInternalDatabases ignores databases whose spans are not CLIENT spans: those
	// inside the process, such as SQLite. By default they are nodes like other databases
	// (docs/semantics.md, D10).
	IgnoreInternalDatabases bool

	// SplitBy lists keys of resource attributes that are part of the identity of a service, such as
	// service.version to distinguish a canary from the other instances (docs/semantics.md, N5), or
	// deployment.environment.name (N2). The values follow the name: "web@1.4.2". A service without
	// these attributes keeps its name. The peer name "web" does not tell the version, so a call to
	// this peer without a callee span is a call to a peer named web, and not to web@1.4.2.
	SplitBy []string

	// Rename gives services and uninstrumented dependencies other names. It applies before all
	// rules that compare names (docs/semantics.md, N7). The first rule that matches a name counts.
	// Nodes that get the same name are one node. A dependency with the new name of a service is
	// that service. A rule sees the name of a service before SplitBy adds to it. A graph does not
	// record the rules: Merge adds graphs with different rules as they are, and [Graph.Rename]
	// renames the nodes of a finished graph.
	Rename []Rename

	// Hide and Gateways report whether a service is hidden, for example because it is a proxy of a
	// mesh. A nil function hides nothing. The spans of a hidden service count like INTERNAL spans:
	// a call through the service is a call between the visible services on both sides, exactly as
	// the traces show it (docs/semantics.md, F20). A request from outside to a service that
	// Gateways reports is a request from outside to each service that the gateway called for it. A
	// request from outside to a service that only Hide reports is on no edge and no entry. A call
	// that ended in a hidden service goes to the service that answers other calls to the address
	// that the caller names. If there is no such service, the call is on no edge, and
	// [Report].HiddenCalls counts it.
	//
	// The functions get the identity after Rename and SplitBy. They are called once for each
	// node, peers included. [Graph.Hide] and [Graph.HideGateways] hide nodes of a finished graph,
	// with estimated numbers.
	Hide, Gateways func(NodeID) bool

	// InferCalls adds calls whose connection is lost (docs/semantics.md, P9 and P20). A client span
	// without a callee calls a server span that lies within the time of the client span, and whose
	// parent never arrived or whose parent id is lost. Two spans are paired if no other pair is
	// possible, or if both spans name the same RPC service, host or path. The message of a producer
	// span goes to the later consumer span of the queue. Such a call is a guess, and
	// Evidence.Inferred counts it. Nothing is inferred in a trace with more than 4 million pairs of
	// such spans: Report.Uninferred counts these traces.
	InferCalls bool

	// UserNode makes each request from outside a call from a node named "user"
	// (docs/semantics.md, P5). Only the callee's side of such a call has statistics. By default
	// only Node.Entries counts these requests.
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

// A Window limits how much of an endless stream a [Builder] holds. A trace is open while its
// spans arrive, closed when no span has arrived for a while, and forgotten some time later. A late
// span opens a closed trace again. A late span of a forgotten trace is only counted
// ([Report].Late). A field that is 0 sets no limit.
//
// [Builder.Advance] sets the time: limits refer to the arrival of spans, not to their timestamps.
type Window struct {
	Quiet    time.Duration // closes a trace this long after its last span
	Age      time.Duration // closes a trace this long after its first span
	Remember time.Duration // forgets a trace this long after it was closed

	// Spans and Traces are the maximum numbers of spans and traces that are held, open and closed
	// ones together. The traces that were closed longest ago are forgotten first, then the open
	// traces that have been idle longest. A span takes 56 to 96 bytes, 65 on average. A trace takes
	// 60 bytes more, or 76 if Age is set. A span link of a consumer takes about 160 bytes, and
	// counts as four spans.
	Spans, Traces int
}

// Reads reports whether the graph reads the attribute with a key, of a span or of a
// resource. A source may leave out all other attributes.
func (c Config) Reads(key string) bool {
	return semconv.Reads(key, c.semconv()) || isEnvironment(key) || key == kubernetesNamespace || isOwnIP(key) ||
		slices.Contains(c.NodeAttrs, key) || slices.Contains(c.SplitBy, key)
}
