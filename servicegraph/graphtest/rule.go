package graphtest

import (
	"fmt"
	"strings"
	"time"

	"github.com/tempograph/tempograph/internal/quantity"
	"github.com/tempograph/tempograph/servicegraph"
)

// A Rule is a statement about a graph that holds or does not. The rules of this
// package have one line of text each, which [Parse] reads back.
type Rule interface {
	// Check returns what breaks the rule, nil if it holds.
	Check(g *servicegraph.Graph) []Violation
	// String returns the rule as text.
	String() string
}

// A Violation is one thing that breaks a rule.
type Violation struct {
	Rule    string // its text
	Message string // what is wrong, in one line or more

	Edges   []servicegraph.Edge   // that are there and break the rule
	Missing []servicegraph.EdgeID // that should be there; Kind is empty

	// Explanation holds lines about the reasons, and what to do about them: the calls
	// around, examples, near misses. [Violations] fills it in.
	Explanation []string

	seek   servicegraph.MissReason // near misses anywhere that give examples; empty: none
	failed bool                    // examples should be calls that failed
}

// A rule is a Rule of this package. Except for one, none holds in a graph without
// nodes: there it would say nothing.
type rule struct {
	file       string // where it was read; empty if nowhere
	line       int    // from 1
	text       string
	check      func(g *servicegraph.Graph) []Violation
	holdsEmpty bool
}

func (r rule) String() string { return r.text }

// Position returns the file and the line that [Parse] read the rule from.
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

// of makes a rule of its text. A text that cannot be read is a rule that never holds
// and says why: a test with a mistake fails with all the others at once.
func of(format string, args ...any) Rule {
	text := fmt.Sprintf(format, args...)
	rules, err := Parse("", text)
	if err == nil && len(rules) != 1 {
		err = fmt.Errorf("want one rule, not %d", len(rules))
	}
	if err != nil {
		return rule{text: text, holdsEmpty: true, check: func(*servicegraph.Graph) []Violation {
			return []Violation{{Message: "this is no rule: " + err.Error()}}
		}}
	}
	return rules[0]
}

// Exactly holds if the edges of the graph are those of the chains, all of them and no
// others.
//
//	exactly web -> cart -> redis, web -> payments
func Exactly(chains ...string) Rule { return of("exactly %s", strings.Join(chains, ", ")) }

// Contains holds if the graph has every edge of the chains.
//
//	contains web -> cart, cart -> redis
func Contains(chains ...string) Rule { return of("contains %s", strings.Join(chains, ", ")) }

// Path holds if calls lead along the chain, from one node to the next. Other than with
// Contains, a glob in the middle stands for one node on both its sides.
//
//	path web -> * -> redis
func Path(chain string) Rule { return of("path %s", chain) }

// Never holds if no node that matches from calls one that matches to. Some node must
// match from: a rule about a misspelt service would hold for ever.
//
//	never web/* -> *[database]
func Never(from, to string) Rule { return of("never %s -> %s", from, to) }

// Only holds if the nodes that match from, of which there must be some, call none but
// those given, and themselves. Without any they may call nothing.
//
//	only checkout -> cart, payments
//	only payments -> nothing
func Only(from string, to ...string) Rule {
	if len(to) == 0 {
		to = []string{nothing}
	}
	return of("only %s -> %s", from, strings.Join(to, ", "))
}

// Layers holds if calls go from an earlier layer to a later one, or stay in their own.
// A layer is one pattern or several with commas between, and must match some node.
// Nodes in no layer are not restricted.
//
//	layers web, bff > shop/* > *[database]
func Layers(layers ...string) Rule { return of("layers %s", strings.Join(layers, " > ")) }

// Acyclic holds if no chain of calls leads back to where it began. A service that
// calls itself is a cycle, and messages count as calls.
//
//	acyclic
func Acyclic() Rule { return of("acyclic") }

// Connected holds if every node can be reached from every other over calls in any
// direction: a part that hangs on nothing is often a trace that lost its context.
//
//	connected
func Connected() Rule { return of("connected") }

// AtMost holds if the edges that match were called at most n times in any one trace:
// more is the mark of a query in a loop. Calls without a span of the callee may be
// counted too low: see [servicegraph.Edge].
//
//	per-trace cart -> inventory at most 1
func AtMost(n int, edge string) Rule { return of("per-trace %s at most %d", edge, n) }

// Retries holds if at most n calls of each edge that matches repeat an earlier one, as
// the attribute http.request.resend_count tells.
//
//	retries cart -> inventory at most 2
func Retries(n int, edge string) Rule { return of("retries %s at most %d", edge, n) }

// MaxDepth holds if no chain of calls in the graph is longer than n calls. A cycle is
// endless. It is a bound of what any trace did.
//
//	depth at most 4
func MaxDepth(n int) Rule { return of("depth at most %d", n) }

// MaxFanOut holds if the nodes that match, of which there must be some, call at most n
// others each.
//
//	fan-out checkout at most 5
func MaxFanOut(node string, n int) Rule { return of("fan-out %s at most %d", node, n) }

// Calls holds if each edge that matches was called at least so often and at most so
// often. A negative most is no bound.
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

// ErrorRate holds if at most this share of the calls of each edge that matches failed,
// from 0 to 1.
//
//	errors checkout -> * at most 1%
func ErrorRate(edge string, most float64) Rule {
	return of("errors %s at most %s", edge, percent(most))
}

// A Side is one of the two ends of a call, each of which measures its latency.
type Side string

const (
	Caller Side = "caller" // with the network, and the time in queues
	Callee Side = "callee" // the work alone
)

// Latency holds if the quantile q, from 0 to 1, of what one side of each edge that
// matches measured is at most so long. It is exact for equal durations and for the
// quantiles 0 and 1, otherwise within 0.8 %. An edge that this side did not measure
// breaks it.
//
//	latency caller p95 checkout -> payments at most 300ms
func Latency(side Side, q float64, edge string, most time.Duration) Rule {
	return of("latency %s p%s %s at most %v", side, quantity.Plain(q*100), edge, most)
}

// Async holds if the edges that match are messages, which nobody waits for, and there
// are some.
//
//	async checkout -> shipping
func Async(edge string) Rule { return of("async %s", edge) }

// NoOrphans holds if the parent of every span is there.
//
//	no-orphans
func NoOrphans() Rule { return of("no-orphans") }

// Unresolved holds if at most n client and producer spans neither have a callee nor
// name one.
//
//	unresolved at most 0
func Unresolved(n int) Rule { return of("unresolved at most %d", n) }

// Empty holds if there is nothing in the graph. It is the only rule that does.
//
//	empty
func Empty() Rule { return of("empty") }

func percent(share float64) string { return quantity.Plain(share*100) + "%" }
