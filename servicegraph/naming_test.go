package servicegraph_test

import (
	"testing"

	sg "github.com/tempograph/tempograph/servicegraph"
)

// TestNamingOrder gives a span without a callee each pair of attributes that name a callee. The
// attribute that comes first in the row "naming an uninstrumented callee" of docs/semantics.md
// must win.
func TestNamingOrder(t *testing.T) {
	type named struct {
		attr sg.Attr
		node sg.NodeID
	}
	name := func(key, value, node string, typ sg.NodeType) named {
		return named{sg.Attr{Key: key, Value: value}, sg.NodeID{Name: node, Type: typ}}
	}
	peers := []named{
		name("service.peer.name", "present", "present", sg.TypeExternal),
		name("peer.service", "past", "past", sg.TypeExternal),
	}
	hosts := []named{
		name("upstream_cluster", "outbound|80||cluster.shop.svc.cluster.local", "cluster.shop", sg.TypeExternal),
		name("server.address", "Server:80", "server", sg.TypeExternal),
		name("net.peer.name", "net", "net", sg.TypeExternal),
		name("url.full", "https://full:8443/a?b", "full", sg.TypeExternal),
		name("http.url", "http://url/a", "url", sg.TypeExternal),
		name("http.host", "host:80", "host", sg.TypeExternal),
		name("server.socket.domain", "domain", "domain", sg.TypeExternal),
		name("net.sock.peer.name", "sock", "sock", sg.TypeExternal),
		name("network.peer.address", "10.0.0.1", "10.0.0.1", sg.TypeIP),
		name("server.socket.address", "10.0.0.4", "10.0.0.4", sg.TypeIP),
		name("net.sock.peer.addr", "10.0.0.2", "10.0.0.2", sg.TypeIP),
		name("net.peer.ip", "10.0.0.3", "10.0.0.3", sg.TypeIP),
		name("rpc.service", "x.Y", "x.Y", sg.TypeRPC), // the host takes precedence (R2)
	}
	kinds := map[string][]named{
		"database":  {name("db.system.name", "redis", "redis", sg.TypeDatabase), name("db.system", "mysql", "mysql", sg.TypeDatabase)},
		"model":     {name("gen_ai.provider.name", "openai", "openai", sg.TypeModel), name("gen_ai.system", "old", "old", sg.TypeModel)},
		"function":  {name("faas.invoked_name", "fn", "fn", sg.TypeFunction)},
		"queue":     {name("messaging.destination.name", "orders", "orders", sg.TypeQueue), name("messaging.destination", "old", "old", sg.TypeQueue)},
		"a service": nil,
	}
	for what, kind := range kinds {
		order := append(append(append([]named(nil), peers...), kind...), hosts...)
		for i, first := range order {
			for _, second := range append([]named{{}}, order[i+1:]...) {
				s := sg.Span{TraceID: sg.TraceID{1}, SpanID: sg.SpanID{1}, Service: "A", Kind: sg.KindClient, Start: 1, End: 2}
				s.Attrs = []sg.Attr{second.attr, first.attr}
				want := first.node
				switch {
				case second.node.Type == sg.TypeDatabase && i < len(peers):
					want.Type = sg.TypeDatabase // (D4)
				case first.node.Name == "openai" && second.node.Type == sg.TypeExternal:
					want = sg.NodeID{Name: second.node.Name, Type: sg.TypeModel} // a server that does not belong to OpenAI (G1)
				}
				found := false
				for e := range build([]sg.Span{s}).Edges() {
					found = e.ID.To == want
					if !found {
						t.Errorf("%s: %v and %v name %+v, want %+v", what, first.attr, second.attr, e.ID.To, want)
					}
				}
				if !found {
					t.Errorf("%s: %v and %v give no edge to %+v", what, first.attr, second.attr, want)
				}
			}
		}
	}
}
