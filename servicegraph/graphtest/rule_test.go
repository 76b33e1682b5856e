package graphtest_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/graphtest"
)

// graphOf builds a graph of spans, one a line:
//
//	KIND SERVICE ID[<PARENT] [MILLISECONDS] [!] [KEY=VALUE]...
//
// as the scenarios of package servicegraph have them. A trace other than the first is
// named before the id: t2:id.
func graphOf(t testing.TB, spans string) *graphtest.Observed {
	t.Helper()
	kinds := map[string]servicegraph.Kind{
		"S": servicegraph.KindServer, "C": servicegraph.KindClient, "P": servicegraph.KindProducer,
		"N": servicegraph.KindConsumer, "I": servicegraph.KindInternal,
	}
	id := func(s string) (trace servicegraph.TraceID, span servicegraph.SpanID) {
		name, rest, found := strings.Cut(s, ":")
		if !found {
			name, rest = "t1", s
		}
		copy(trace[:], name)
		copy(span[:], rest)
		return trace, span
	}
	var list []servicegraph.Span
	for line := range strings.Lines(spans) {
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		kind, ok := kinds[words[0]]
		if !ok || len(words) < 3 {
			t.Fatalf("span %q", line)
		}
		s := servicegraph.Span{Kind: kind, Name: words[2], Start: 1e18, End: 1e18 + 1e6}
		if s.Namespace, s.Service, ok = strings.Cut(words[1], "/"); !ok {
			s.Namespace, s.Service = "", words[1]
		}
		name, parent, hasParent := strings.Cut(words[2], "<")
		s.TraceID, s.SpanID = id(name)
		if hasParent {
			_, s.ParentID = id(parent)
		}
		for _, w := range words[3:] {
			key, value, isAttr := strings.Cut(w, "=")
			var ms int64
			switch {
			case w == "!":
				s.Status = servicegraph.StatusError
			case isAttr:
				s.Attrs = append(s.Attrs, servicegraph.Attr{Key: key, Value: value})
			default:
				if _, err := fmt.Sscan(w, &ms); err != nil {
					t.Fatalf("span %q: %v", line, err)
				}
				s.End = s.Start + ms*1e6
			}
		}
		list = append(list, s)
	}
	o, err := graphtest.Observe(func(yield func(servicegraph.Span, error) bool) {
		for _, s := range list {
			if !yield(s, nil) {
				return
			}
		}
	}, servicegraph.Config{IgnoreAddresses: true})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// shop has two requests. In both, web calls cart, which calls its database. The second request
// fails at the database. In the first request, web also sends a message to mail.
const shop = `
S shop/web   a 50
C shop/web   b<a 40
S shop/cart  c<b 30
C shop/cart  d<c 20 db.system.name=postgresql db.namespace=carts
P shop/web   m<a
N mail       n<m
S shop/web   t2:a 50
C shop/web   t2:b<t2:a 44
S shop/cart  t2:c<t2:b 30 !
C shop/cart  t2:d<t2:c 20 ! db.system.name=postgresql db.namespace=carts http.request.resend_count=1
`

// ring has a cycle, in which web calls cart and cart calls web, and a separate service.
const ring = `
S web   a
C web   b<a
S cart  c<b
C cart  d<c
S web   e<d
S alone t2:a
`

// broken has a span without its parent and a client span without a callee.
const broken = `
S web  a
C web  b<a
S cart c<lost
`

// In shadow, web calls cart at an address that is the name of cart, without passing the
// trace context on.
const shadow = `
S web   a
C web   b<a ! server.address=cart
S cart  t2:c
`

// ruleCases has, for every rule, graphs in which it holds and in which it does not.
var ruleCases = []struct {
	rule  graphtest.Rule
	text  string
	holds bool
	graph string
	says  string // a part of the message if the rule does not hold
}{
	{graphtest.Exactly("web -> cart -> carts", "web -> mail"), "exactly web -> cart -> carts, web -> mail", true, shop, ""},
	{graphtest.Exactly("web -> cart", "web -> mail"), "exactly web -> cart, web -> mail", false, shop, "shop/cart -> carts[database] is unexpected"},
	{graphtest.Exactly("* -> *", "web -> bank"), "exactly * -> *, web -> bank", false, shop, "web -> bank was not observed"},

	{graphtest.Contains("web -> cart", "shop/* -> *[database]"), "contains web -> cart, shop/* -> *[database]", true, shop, ""},
	{graphtest.Contains("web -> carts"), "contains web -> carts", false, shop, "web -> carts was not observed"},
	{graphtest.Contains("web -> cart[database]"), "contains web -> cart[database]", false, shop, "no node matches cart[database]"},
	{graphtest.Contains("/web -> cart"), "contains /web -> cart", false, shop, "no node matches /web"}, // the namespace is shop

	{graphtest.Contains("web -> cart"), "contains web -> cart", false, shadow, "web -> cart was not observed"},
	{graphtest.Exactly("web -> cart"), "exactly web -> cart", false, shadow, "web -> cart[external] is unexpected"},
	{graphtest.Path("web -> cart"), "path web -> cart", false, shadow, "web -> cart was not observed"},
	{graphtest.Path("web -> cart[external]"), "path web -> cart[external]", true, shadow, ""},
	{graphtest.Calls("web -> cart", 1, 1), "calls web -> cart 1", false, shadow, "web -> cart was not observed"},
	{graphtest.Never("web", "cart"), "never web -> cart", false, shadow, "web called cart[external], once"},
	{graphtest.ErrorRate("web -> cart", 0.5), "errors web -> cart at most 50%", false, shadow, "web -> cart[external] failed in 1 of 1 call"},

	{graphtest.Path("web -> cart -> carts"), "path web -> cart -> carts", true, shop, ""},
	{graphtest.Path("web -> * -> *[database]"), "path web -> * -> *[database]", true, shop, ""},
	{graphtest.Path("web -> mail -> *"), "path web -> mail -> *", false, shop, "the path ends at mail"},
	{graphtest.Path("web -> carts"), "path web -> carts", false, shop, "web -> carts was not observed"},

	{graphtest.Never("web", "carts"), "never web -> carts", true, shop, ""},
	{graphtest.Never("shop/*", "*[external]"), "never shop/* -> *[external]", true, shop, ""},
	{graphtest.Never("web", "cart"), "never web -> cart", false, shop, "shop/web called shop/cart, 2 times"},
	{graphtest.Never("shop/*", "mail"), "never shop/* -> mail", false, shop, "shop/web sent a message to mail, once"},
	{graphtest.Never("wep", "cart"), "never wep -> cart", false, shop, "no node matches wep: did you mean web?"},
	{graphtest.Never("shop/wep", "cart"), "never shop/wep -> cart", false, shop, "no node matches shop/wep: did you mean shop/web?"},
	{graphtest.Never("shpo/web", "cart"), "never shpo/web -> cart", false, shop, "no node matches shpo/web: did you mean shop/web?"},
	{graphtest.Never("shpo/*", "cart"), "never shpo/* -> cart", false, shop, "no node matches shpo/*: did you mean shop/*?"},
	{graphtest.Never("bank/wep", "cart"), "never bank/wep -> cart", false, shop, "no node matches bank/wep: did you mean shop/web?"},
	{graphtest.Never("cartz[database]", "*"), "never cartz[database] -> *", false, shop, "no node matches cartz[database]: did you mean carts[database]?"},
	{graphtest.Never("bank/*", "cart"), "never bank/* -> cart", false, shop, "no node matches bank/*\nso the rule tests nothing"},

	{graphtest.Only("cart", "carts"), "only cart -> carts", true, shop, ""},
	{graphtest.Only("mail"), "only mail -> nothing", true, shop, ""},
	{graphtest.Only("web", "cart"), "only web -> cart", false, shop, "may call only cart"},
	{graphtest.Only("cart"), "only cart -> nothing", false, shop, "shop/cart called carts[database], 2 times, and may call nothing"},
	{graphtest.Only("card", "carts"), "only card -> carts", false, shop, "did you mean cart"},

	{graphtest.Layers("web", "cart, mail", "*[database]"), "layers web > cart, mail > *[database]", true, shop, ""},
	{graphtest.Layers("web, cart, mail", "carts"), "layers web, cart, mail > carts", true, shop, ""}, // sideways
	{graphtest.Layers("cart", "web"), "layers cart > web", false, shop, "the wrong direction, from layer web to layer cart"},
	{graphtest.Layers("web", "bank"), "layers web > bank", false, shop, "no node matches bank"},
	{graphtest.Layers("web", "shop/*"), "layers web > shop/*", false, shop, "shop/web is in two layers: web and shop/*"},

	{graphtest.Acyclic(), "acyclic", true, shop, ""},
	{graphtest.Acyclic(), "acyclic", false, ring, "a cycle: cart -> web -> cart"},

	{graphtest.Connected(), "connected", true, shop, ""},
	{graphtest.Connected(), "connected", false, ring, "has 2 separate parts"},

	{graphtest.MaxDepth(2), "depth at most 2", true, shop, ""},
	{graphtest.MaxDepth(1), "depth at most 1", false, shop, "a chain of 2 calls: shop/web -> shop/cart -> carts[database]"},
	{graphtest.MaxDepth(9), "depth at most 9", false, ring, "never ends"},

	{graphtest.MaxFanOut("web", 2), "fan-out web at most 2", true, shop, ""},
	{graphtest.MaxFanOut("web", 1), "fan-out web at most 1", false, shop, "shop/web calls 2 others: mail, shop/cart"},
	{graphtest.MaxFanOut("wep", 1), "fan-out wep at most 1", false, shop, "did you mean web"},

	{graphtest.Calls("web -> cart", 2, 2), "calls web -> cart 2", true, shop, ""},
	{graphtest.Calls("web -> cart", 1, -1), "calls web -> cart 1..", true, shop, ""},
	{graphtest.Calls("web -> carts", 0, 3), "calls web -> carts 0..3", true, shop, ""}, // no call is enough
	{graphtest.Calls("web -> cart", 0, 1), "calls web -> cart 0..1", false, shop, "was called 2 times"},
	{graphtest.Calls("web -> cart", 3, 5), "calls web -> cart 3..5", false, shop, "was called 2 times"},
	{graphtest.Calls("wep -> cart", 0, 3), "calls wep -> cart 0..3", false, shop, "did you mean web"},

	{graphtest.AtMost("web -> cart", 1), "per-trace web -> cart at most 1", true, shop, ""},
	{graphtest.AtMost("web -> cart", 0), "per-trace web -> cart at most 0", false, shop, "once in one trace"},
	{graphtest.AtMost("web -> carts", 1), "per-trace web -> carts at most 1", false, shop, "nothing to measure"},

	{graphtest.Retries("cart -> carts", 1), "retries cart -> carts at most 1", true, shop, ""},
	{graphtest.Retries("cart -> carts", 0), "retries cart -> carts at most 0", false, shop, "was retried once"},

	{graphtest.ErrorRate("web -> cart", 0.5), "errors web -> cart at most 50%", true, shop, ""},
	{graphtest.ErrorRate("* -> mail", 0), "errors * -> mail at most 0%", true, shop, ""},
	{graphtest.ErrorRate("web -> *", 0.07), "errors web -> * at most 7%", false, shop, "failed in 1 of 2 calls: 50%"},

	{graphtest.Latency("web -> cart", servicegraph.CallerSide, 1, 44*time.Millisecond), "latency caller p100 web -> cart at most 44ms", true, shop, ""},
	{graphtest.Latency("web -> cart", servicegraph.CalleeSide, 0.5, 30*time.Millisecond), "latency callee p50 web -> cart at most 30ms", true, shop, ""},
	{graphtest.Latency("web -> cart", servicegraph.CallerSide, 1, 43*time.Millisecond), "latency caller p100 web -> cart at most 43ms", false, shop, "took 44ms in percentile 100, measured by the caller: 1ms too long"},
	{graphtest.Latency("web -> cart", servicegraph.CalleeSide, 0.999, 29*time.Millisecond), "latency callee p99.9 web -> cart at most 29ms", false, shop, "measured by the callee"},
	{graphtest.Latency("cart -> carts", servicegraph.CalleeSide, 0.5, time.Hour), "latency callee p50 cart -> carts at most 1h0m0s", false, shop, "no latency measured by the callee"},

	{graphtest.Async("web -> mail"), "async web -> mail", true, shop, ""},
	{graphtest.Async("web -> cart"), "async web -> cart", false, shop, "is a request: the caller waits"},
	{graphtest.Async("web -> bank"), "async web -> bank", false, shop, "web -> bank was not observed"},

	{graphtest.NoOrphans(), "no-orphans", true, shop, ""},
	{graphtest.NoOrphans(), "no-orphans", false, broken, "1 span without its parent span, which was not received"},

	{graphtest.Unresolved(0), "unresolved at most 0", true, shop, ""},
	{graphtest.Unresolved(1), "unresolved at most 1", true, broken, ""},
	{graphtest.Unresolved(0), "unresolved at most 0", false, broken, "1 client or producer span without a callee"},

	{graphtest.Empty(), "empty", true, "", ""},
	{graphtest.Empty(), "empty", false, ring, "the graph has alone, cart, web"},
}

// judge returns what is wrong with a rule in a case.
func judge(t testing.TB, r graphtest.Rule, holds bool, graph, says string) string {
	t.Helper()
	violations := graphtest.Violations(graphOf(t, graph), r)
	switch {
	case holds && len(violations) > 0:
		return fmt.Sprintf("does not hold: %s", violations[0].Message)
	case !holds && len(violations) == 0:
		return "holds"
	}
	if holds {
		return ""
	}
	for _, v := range violations {
		if v.Rule != r.String() {
			return fmt.Sprintf("the violation is of %q", v.Rule)
		}
	}
	if !slices.ContainsFunc(violations, func(v graphtest.Violation) bool { return strings.Contains(v.Message, says) }) {
		return fmt.Sprintf("says %q, want %q", violations[0].Message, says)
	}
	return ""
}

func TestRules(t *testing.T) {
	for _, c := range ruleCases {
		if got := c.rule.String(); got != c.text {
			t.Errorf("rule %q, want %q", got, c.text)
		}
		if wrong := judge(t, c.rule, c.holds, c.graph, c.says); wrong != "" {
			t.Errorf("%s: %s", c.text, wrong)
		}
	}
}

// TestRulesParse: the text that a rule prints is read as the same rule.
func TestRulesParse(t *testing.T) {
	for _, c := range ruleCases {
		rules, err := graphtest.Parse("", c.rule.String())
		if err != nil || len(rules) != 1 || rules[0].String() != c.rule.String() {
			t.Errorf("%s is read as %v, %v", c.rule, rules, err)
			continue
		}
		if wrong := judge(t, rules[0], c.holds, c.graph, c.says); wrong != "" {
			t.Errorf("%s, read: %s", c.text, wrong)
		}
	}
}

// inverted is a rule that holds where another does not.
type inverted struct{ graphtest.Rule }

func (r inverted) Check(g *servicegraph.Graph) []graphtest.Violation {
	if len(r.Rule.Check(g)) > 0 {
		return nil
	}
	return []graphtest.Violation{{Rule: r.String(), Message: "inverted"}}
}

// TestRulesInverted: ruleCases would detect a rule that did the opposite. Every rule has a case in
// which it holds and a case in which it does not.
func TestRulesInverted(t *testing.T) {
	noticed := map[string]map[bool]bool{}
	for _, c := range ruleCases {
		keyword, _, _ := strings.Cut(c.text, " ")
		if noticed[keyword] == nil {
			noticed[keyword] = map[bool]bool{}
		}
		if judge(t, inverted{c.rule}, c.holds, c.graph, c.says) == "" {
			t.Errorf("%s: the opposite is not noticed", c.text)
		} else {
			noticed[keyword][c.holds] = true
		}
	}
	for _, keyword := range graphtest.Keywords {
		if !noticed[keyword][true] || !noticed[keyword][false] {
			t.Errorf("%s: not both a case in which it holds and one in which it does not: %v", keyword, noticed[keyword])
		}
	}
}

// TestRulesOfNothing: only the rule Empty holds in an empty graph and in a nil graph.
func TestRulesOfNothing(t *testing.T) {
	for _, c := range ruleCases {
		isEmpty := c.text == "empty"
		for _, g := range []*servicegraph.Graph{nil, {}} {
			violations := graphtest.Violations(g, c.rule)
			if (len(violations) == 0) != isEmpty {
				t.Errorf("%s of an empty graph: %v", c.text, violations)
			}
			if !isEmpty && !strings.Contains(violations[0].Message, "the graph is empty") {
				t.Errorf("%s: %s", c.text, violations[0].Message)
			}
		}
	}
}

// TestRulesWrong: a mistake in the text of a rule is a broken rule, not a panic.
func TestRulesWrong(t *testing.T) {
	for want, r := range map[string]graphtest.Rule{
		"the quantile is a number from 0 to 1, not 95: for the 95th percentile, write 0.95": graphtest.Latency("a -> b", servicegraph.CallerSide, 95, 1),
		"the error rate is a fraction from 0 to 1, not 5: for 5%, write 0.05":               graphtest.ErrorRate("a -> b", 5),
		"the side is side(0): want servicegraph.CallerSide or servicegraph.CalleeSide":      graphtest.Latency("a -> b", 0, 0.5, 1),
	} {
		if violations := graphtest.Violations(graphOf(t, shop), r); len(violations) != 1 || violations[0].Message != "this is not a valid rule: "+want {
			t.Errorf("%+v, want %s", violations, want)
		}
	}
	for _, r := range []graphtest.Rule{
		graphtest.Path("web"), graphtest.Never("", "x"), graphtest.Exactly(), graphtest.AtMost("a -> b", -1),
		graphtest.ErrorRate("a -> b", 2), graphtest.Latency("a -> b", 0, 0.5, 1), graphtest.Latency("a -> b", servicegraph.CallerSide, -0.1, 1), graphtest.ErrorRate("a -> b", math.NaN()), graphtest.Latency("a -> b", servicegraph.CallerSide, 2, 1),
		graphtest.Layers("web"), graphtest.Calls("a -> b", 5, 3), graphtest.Never("a\nacyclic", "b"), graphtest.Only("a", "b[databse]"),
	} {
		violations := graphtest.Violations(graphOf(t, shop), r)
		if len(violations) != 1 || !strings.Contains(violations[0].Message, "this is not a valid rule: ") {
			t.Errorf("%q: %+v", r, violations)
		}
		if len(graphtest.Violations(&servicegraph.Graph{}, r)) == 0 {
			t.Errorf("%q holds of nothing", r)
		}
	}
}
