package graphtest

import (
	"fmt"
	"strings"
	"time"

	"github.com/tempograph/tempograph/internal/quantity"
	"github.com/tempograph/tempograph/servicegraph"
)

// A Rule is a statement about a graph. Each rule of this package has one line of text,
// which [Parse] reads.
type Rule interface {
	// Check returns the violations of the rule, nil if the rule holds.
	Check(g *servicegraph.Graph) []Violation
	// String returns the text of the rule.
	String() string
}

// A Violation is one reason why a rule does not hold.
type Violation struct {
	Rule    string // the text of the rule
	Message string // what is wrong, in one or more lines

	Edges   []servicegraph.Edge   // edges that break the rule
	Missing []servicegraph.EdgeID // edges that the rule requires; Kind is empty

	// Explanation has lines with the causes and remedies: the calls of the nodes,
	// examples, spans that were almost calls. [Violations] sets it.
	Explanation []string

	seek   servicegraph.MissReason // explain near misses of this reason between any nodes; empty: none
	failed bool                    // examples should be failed calls
}

// A rule is a Rule of this package.
type rule struct {
	file       string // the file that it was read from; empty if none
	line       int    // from 1
	text       string
	check      func(g *servicegraph.Graph) []Violation
	holdsEmpty bool // the rule can hold in a graph without nodes
}

func (r rule) String() string { return r.text }

// Position returns the file and the line from which [Parse] read the rule.
func (r rule) Position() (file string, line int) { return r.file, r.line }

func (r rule) Check(g *servicegraph.Graph) []Violation {
	var violations []Violation
	if g.NumNodes() == 0 && !r.holdsEmpty {
		violations = []Violation{{Message: "the graph is empty: no span was recorded, so nothing was tested"}}
	} else {
		violations = r.check(g)
	}
	for i := range violations {
		violations[i].Rule = r.text
	}
	return violations
}

// of parses the text of a rule. If the text has a mistake, of returns a rule that never
// holds and reports the mistake, so that a test reports all mistakes and violations at once.
func of(format string, args ...any) Rule {
	text := fmt.Sprintf(format, args...)
	rules, err := Parse("", text)
	if err == nil && len(rules) != 1 {
		err = fmt.Errorf("want one rule, not %d", len(rules))
	}
	if err != nil {
		return invalid(text, err)
	}
	return rules[0]
}

// invalid returns a rule that never holds and reports a mistake.
func invalid(text string, err error) Rule {
	return rule{text: text, holdsEmpty: true, check: func(*servicegraph.Graph) []Violation {
		return []Violation{{Message: "this is not a valid rule: " + err.Error()}}
	}}
}

// Exactly holds if the graph has every edge of the chains and no others.
//
//	exactly web -> cart -> redis, web -> payments
func Exactly(chains ...string) Rule { return of("exactly %s", strings.Join(chains, ", ")) }

// Contains holds if the graph has every edge of the chains.
//
//	contains web -> cart, cart -> redis
func Contains(chains ...string) Rule { return of("contains %s", strings.Join(chains, ", ")) }

// Path holds if calls lead along the chain, from one node to the next. Unlike in Contains,
// a glob in the middle stands for the same node as callee and as caller.
//
//	path web -> * -> redis
func Path(chain string) Rule { return of("path %s", chain) }

// Never holds if no node that matches from calls a node that matches to. Some node must match from,
// otherwise a rule with a misspelled name would always hold.
//
//	never web/* -> *[database]
func Never(from, to string) Rule { return of("never %s -> %s", from, to) }

// Only holds if the nodes that match from call only themselves and nodes that match to.
// Without to they may not call any other node. Some node must match from.
//
//	only checkout -> cart, payments
//	only payments -> nothing
func Only(from string, to ...string) Rule {
	if len(to) == 0 {
		to = []string{nothing}
	}
	return of("only %s -> %s", from, strings.Join(to, ", "))
}

// Layers holds if every call goes from a layer to the same or to a later layer. A layer is
// one pattern, or several with commas between them; each pattern must match some node. Calls
// from or to nodes without a layer are not restricted.
//
//	layers web, bff > shop/* > *[database]
func Layers(layers ...string) Rule { return of("layers %s", strings.Join(layers, " > ")) }

// Acyclic holds if the graph has no cycle. A service that calls itself is a cycle, and
// messages count as calls.
//
//	acyclic
func Acyclic() Rule { return of("acyclic") }

// Connected holds if the graph is connected when the direction of calls is ignored. A
// separate part often comes from a lost trace context.
//
//	connected
func Connected() Rule { return of("connected") }

// AtMost holds if each edge that matches was called at most n times in any single trace.
// More calls often mean a query in a loop. The number may be too low for calls without
// a span of the callee: see [servicegraph.Edge].
//
//	per-trace cart -> inventory at most 1
func AtMost(edge string, n int) Rule { return of("per-trace %s at most %d", edge, n) }

// Retries holds if at most n calls of each edge that matches repeat an earlier call. Only
// the attribute http.request.resend_count marks such calls.
//
//	retries cart -> inventory at most 2
func Retries(edge string, n int) Rule { return of("retries %s at most %d", edge, n) }

// MaxDepth holds if no chain of edges in the graph is longer than n. A graph with a cycle
// never satisfies it. The chains of single traces can be shorter.
//
//	depth at most 4
func MaxDepth(n int) Rule { return of("depth at most %d", n) }

// MaxFanOut holds if each node that matches calls at most n other nodes. Some node must
// match.
//
//	fan-out checkout at most 5
func MaxFanOut(node string, n int) Rule { return of("fan-out %s at most %d", node, n) }

// Calls holds if the number of calls of each edge that matches is between least and most.
// A negative most is no limit.
//
//	calls web -> cart 3
//	calls web -> cart 3..5
//	calls web -> cart 3..
func Calls(edge string, least, most int) Rule {
	switch {
	case most < 0:
		return of("calls %s %d..", edge, least)
	case least == most:
		return of("calls %s %d", edge, least)
	}
	return of("calls %s %d..%d", edge, least, most)
}

// ErrorRate holds if at most this fraction, from 0 to 1, of the calls of each edge that
// matches failed.
//
//	errors checkout -> * at most 1%
func ErrorRate(edge string, most float64) Rule {
	if !(most >= 0 && most <= 1) {
		return invalid("errors "+edge, fmt.Errorf("the error rate is a fraction from 0 to 1, not %v: for 5%%, write 0.05", most))
	}
	return of("errors %s at most %s", edge, percent(most))
}

// Latency holds if the quantile q, from 0 to 1, of the latencies that one side measured is
// at most the given duration, on each edge that matches. The caller's latency includes network
// time and queue time. The quantile is exact if all durations are equal and for q = 0 and q = 1,
// and otherwise within 0.8 %. The rule does not hold if the side measured no latency.
//
//	latency caller p95 checkout -> payments at most 300ms
func Latency(edge string, side servicegraph.Side, q float64, most time.Duration) Rule {
	switch {
	case side != servicegraph.CallerSide && side != servicegraph.CalleeSide:
		return invalid("latency "+edge, fmt.Errorf("the side is %v: want servicegraph.CallerSide or servicegraph.CalleeSide", side))
	case !(q >= 0 && q <= 1):
		return invalid("latency "+edge, fmt.Errorf("the quantile is a number from 0 to 1, not %v: for the 95th percentile, write 0.95", q))
	}
	return of("latency %v p%s %s at most %v", side, quantity.Plain(q*100), edge, most)
}

// Async holds if some edge matches and all that match are messages, for which the sender
// does not wait.
//
//	async checkout -> shipping
func Async(edge string) Rule { return of("async %s", edge) }

// NoOrphans holds if no span lacks its parent span.
//
//	no-orphans
func NoOrphans() Rule { return of("no-orphans") }

// Unresolved holds if at most n client and producer spans have no callee and no attribute
// that names one.
//
//	unresolved at most 0
func Unresolved(n int) Rule { return of("unresolved at most %d", n) }

// Empty holds if the graph has no nodes. This is the only rule that holds in an empty graph.
//
//	empty
func Empty() Rule { return of("empty") }

func percent(fraction float64) string { return quantity.Plain(fraction*100) + "%" }
