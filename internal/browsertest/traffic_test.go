package browsertest

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tempograph/tempograph/servicegraph"
)

// start is the time of the first span of all traffic.
var start = time.Date(2026, 8, 1, 14, 0, 0, 0, time.UTC)

// A traffic builds a graph from the spans of calls. Each call is a trace of its own, and
// calls are spread evenly over an hour.
type traffic struct {
	builder *servicegraph.Builder
	traces  uint64
}

func newTraffic() *traffic {
	return &traffic{builder: servicegraph.NewBuilder(servicegraph.Config{})}
}

// call adds calls, some of which fail. A call takes from 0.6 to 1.2 times the typical
// duration, and one in fourteen takes twice as long. Services are written namespace/name; a
// callee in brackets is an uninstrumented database.
func (t *traffic) call(from, to string, calls, failed int, typical time.Duration) {
	for i := range calls {
		t.traces++
		quantile := float64(i) / float64(calls)
		length := time.Duration(float64(typical) * (0.6 + 0.6*quantile))
		if quantile >= 0.93 {
			length *= 2
		}
		begin := start.Add(time.Duration(float64(time.Hour) * quantile))
		client := servicegraph.Span{SpanID: servicegraph.SpanID{1}, Kind: servicegraph.KindClient, Name: "call",
			Start: begin.UnixNano(), End: begin.Add(length).UnixNano()}
		binary.BigEndian.PutUint64(client.TraceID[8:], t.traces)
		client.Namespace, client.Service = service(from)
		if (i+1)*failed/calls > i*failed/calls {
			client.Status = servicegraph.StatusError
		}
		server := client
		server.ParentID, server.SpanID, server.Kind = client.SpanID, servicegraph.SpanID{2}, servicegraph.KindServer
		server.Start, server.End = client.Start+int64(length/20), client.End-int64(length/20)
		server.Namespace, server.Service = service(to)
		if name, isDatabase := strings.CutPrefix(to, "["); isDatabase {
			client.Attrs = []servicegraph.Attr{{Key: "db.namespace", Value: strings.TrimSuffix(name, "]")}}
			t.builder.Add(client)
			continue
		}
		t.builder.Add(client)
		t.builder.Add(server)
	}
}

func (t *traffic) graph() *servicegraph.Graph { return t.builder.Graph() }

func service(s string) (namespace, name string) {
	namespace, name, found := strings.Cut(s, "/")
	if !found {
		return "", s
	}
	return namespace, name
}

// shop returns a graph of ten nodes. The services at the end of the call chains fail.
func shop() *servicegraph.Graph {
	const ms = time.Millisecond
	t := newTraffic()
	t.call("edge/web-gateway", "shop/catalog", 820, 0, 20*ms)
	t.call("edge/web-gateway", "shop/cart", 240, 0, 11*ms)
	t.call("edge/web-gateway", "shop/checkout", 74, 5, 360*ms)
	t.call("edge/mobile-bff", "shop/catalog", 85, 0, 22*ms)
	t.call("edge/mobile-bff", "shop/recommend", 220, 4, 55*ms)
	t.call("edge/mobile-bff", "shop/checkout", 22, 2, 380*ms)
	t.call("shop/recommend", "shop/catalog", 220, 0, 19*ms)
	t.call("shop/checkout", "shop/cart", 96, 0, 10*ms)
	t.call("shop/checkout", "billing/payments", 96, 6, 330*ms)
	t.call("shop/cart", "shop/cart", 12, 0, 2*ms)
	t.call("billing/payments", "billing/bank-gateway", 96, 5, 290*ms)
	t.call("billing/payments", "[orders-db]", 190, 0, 4*ms)
	t.call("billing/ledger", "[orders-db]", 264, 0, 5*ms)
	t.call("shop/catalog", "[orders-db]", 856, 0, 5*ms)
	t.call("shop/checkout", "billing/ledger", 88, 0, 17*ms)
	return t.graph()
}

// fleet returns a graph with the given number of nodes, a multiple of ten, in domains of
// nine services and a database. The graph of a size is always the same.
func fleet(nodes int) *servicegraph.Graph {
	t := newTraffic()
	name := func(domain, i int) string { return fmt.Sprintf("domain-%03d/service-%04d", domain, 10*domain+i) }
	for d := range nodes / 10 {
		calls := func(i int) int { return 1 + (d*37+i*11)%60 }
		call := func(i, k int, to string) {
			failed := 0
			if d%6 == 4 && i%3 == 0 {
				failed = 1 + calls(k)/12
			}
			t.call(name(d, i), to, calls(k), failed, time.Duration(1+(d*13+k*29)%120)*time.Millisecond)
		}
		for i := 1; i <= 4; i++ {
			call(0, i, name(d, i))
			call(i, i+4, name(d, i+4))
		}
		call(2, 9, name(d, 7))
		for i := 5; i <= 7; i++ {
			call(i, i+6, fmt.Sprintf("[db-%03d]", d))
		}
		for _, below := range []int{2*d + 1, 2*d + 2} {
			if below < nodes/10 {
				call(0, below, name(below, 0))
			}
		}
		if d > 1 {
			call(0, 20, name(1, 3)) // a service that all domains call
		}
	}
	return t.graph()
}

// hostile returns a graph with names that break a report without proper escaping, and the
// names.
func hostile() (*servicegraph.Graph, []string) {
	names := []string{
		`</script><script>alert(1)</script>`,
		`<img src=x onerror=alert(1)>`,
		`"><svg onload=alert(1)>`,
		`' onclick='alert(1)`,
		`</style><style>*{display:none}</style>`,
		`</title><script>alert(1)</script>`,
		`{{.}} ${alert(1)} <!-- -->`,
		"right \u202etfel\u202c \u2066isolate\u2069",
		"line\nbreak\u2028\u2029 nul\x00",
		"javascript:alert(1)",
		"__proto__", "constructor",
		"&lt;b&gt; &amp; &#60;",
		strings.Repeat("long-name.", 1000) + "end",
		"注文 サービス 👩‍💻",
	}
	t := newTraffic()
	for i, n := range names {
		t.call("hub", n, i+1, i%3, time.Millisecond)
		t.call(n, "</ns>/"+n, 1, 0, time.Millisecond)
	}
	return t.graph(), names
}

func TestGraphs(t *testing.T) {
	if g := fleet(200); g.NumNodes() != 200 {
		t.Errorf("fleet(200) has %d nodes", g.NumNodes())
	}
}
