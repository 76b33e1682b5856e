package semconv

import "testing"

// TestParseHost: texts for one address are parsed to that address.
func TestParseHost(t *testing.T) {
	for _, c := range []struct {
		want  Address
		texts []string
	}{
		{Address{"cart", "8080"}, []string{
			"cart:8080", "Cart.:8080", "dns:///cart:8080", "dns:cart:8080", "DNS:///cart:8080", "dns://8.8.8.8/cart:8080", "passthrough:///cart:8080",
			"xds:///cart:8080", "http://cart:8080", "http://user:secret@cart:8080/path?q", "redis://cart:8080", "kubernetes:///cart:8080?x",
			" cart:8080 ", "cart/10.0.0.5:8080", "cart/<unresolved>:8080", "cart/[2001:db8::1]:8080", "passthrough:///dns:///cart:8080",
		}},
		{Address{"cart", ""}, []string{"cart", "cart.", "cart:", "CART", "cart:undefined", "cart:null", "consul://registry:8500/cart", "xds:///cart"}},
		{Address{"dns", "8080"}, []string{"dns:8080"}},
		{Address{"cart.shop", ""}, []string{
			"cart.shop", "cart.shop.svc", "cart.shop.svc.cluster.local", "Cart.Shop.svc.cluster.local.", "cart.shop.svc.prod.local", "dns:///cart.shop.svc.cluster.local",
		}},
		{Address{"cart-0.cart.shop", "80"}, []string{"cart-0.cart.shop.svc.cluster.local:80"}},
		{Address{"cart.svc", ""}, []string{"cart.svc"}},                                   // not a service name with a namespace
		{Address{"cart.shop.svc.example.com", ""}, []string{"cart.shop.svc.example.com"}}, // a public name
		{Address{"10.0.0.5", "8080"}, []string{"10.0.0.5:8080", "/10.0.0.5:8080", "ipv4:10.0.0.5:8080", "[::ffff:10.0.0.5]:8080"}},
		{Address{"10.0.0.5", ""}, []string{"10.0.0.5", "::ffff:10.0.0.5", "ipv4:10.0.0.5"}},
		{Address{"10.0.0.5,10.0.0.6", "80"}, []string{"ipv4:10.0.0.6:80,10.0.0.5:80", "ipv4:10.0.0.5:80,10.0.0.6:80,10.0.0.5:80"}},
		{Address{"kafka-1,kafka-2", "9092"}, []string{"kafka-2:9092,kafka-1:9092", "kafka-1:9092, kafka-2:9092"}},
		{Address{"kafka-1,kafka-2", ""}, []string{"kafka-1:9092,kafka-2:9093"}},
		{Address{"cart", ""}, []string{"cart:8080,cart:8081"}},
		{Address{"2001:db8::1", "443"}, []string{"[2001:DB8:0::1]:443", "ipv6:[2001:db8::1]:443"}},
		{Address{"fe80::1", ""}, []string{"fe80::1%eth0", "[fe80::1%eth0]"}},
		{Address{"/run/Agent.sock", ""}, []string{"/run/Agent.sock", "unix:///run/Agent.sock", "unix:/run/Agent.sock", "passthrough:///unix:///run/Agent.sock"}},
		{Address{"@agent", ""}, []string{"unix-abstract:agent"}},
		{Address{"localhost", "80"}, []string{"localhost:80"}},
		{Address{}, []string{"", "-", "*", "outgoing", "Unknown", "null", "0.0.0.0", "0.0.0.0:80", "::", "[::]:80", ":80", "undefined", "<nil>", "http://", "unix:", ","}},
	} {
		for _, text := range c.texts {
			if got := ParseHost(text, ""); got != c.want {
				t.Errorf("ParseHost(%q) = %v, want %v", text, got, c.want)
			}
		}
	}
	if got, want := ParseHost("cart", "80"), (Address{"cart", "80"}); got != want {
		t.Errorf("a host without a port has port %q, want %q", got.Port, want.Port)
	}
}

// TestHostsOfOneMachine: hosts that mean a different machine for each caller, and their common
// name.
func TestHostsOfOneMachine(t *testing.T) {
	for host, want := range map[string]string{
		"localhost": "localhost", "localhost.localdomain": "localhost", "ip6-localhost": "localhost", "127.0.0.1": "localhost", "127.1.2.3": "localhost", "::1": "localhost",
		"cart.localhost": "cart.localhost", "/run/agent.sock": "/run/agent.sock", "@agent": "@agent", `\\.\pipe\docker`: `\\.\pipe\docker`,
	} {
		if got := Loopback(host); !IsLocal(host) || got != want {
			t.Errorf("%s: local %v, stands for %s, want true and %s", host, IsLocal(host), got, want)
		}
	}
	for _, host := range []string{"cart", "10.0.0.1", "localhost.example.com", "128.0.0.1", "2001:db8::1", ""} {
		if IsLocal(host) || Loopback(host) != host {
			t.Errorf("%s is local", host)
		}
	}
	for host, want := range map[string]bool{"10.0.0.1": true, "10.0.0.1,10.0.0.2": true, "::1": true, "": false, "10.0.0.1,db": false, "db": false, "1and1": false} {
		if IsIP(host) != want {
			t.Errorf("IsIP(%q) is %v", host, !want)
		}
	}
}

// TestParseEnvoyCluster: the names of Envoy's clusters tell where a proxy sends a request.
func TestParseEnvoyCluster(t *testing.T) {
	for name, want := range map[string]Address{
		"outbound|8080||orders.shop.svc.cluster.local":      {"orders.shop", "8080"},
		"outbound|443|v1|api.example.com":                   {"api.example.com", "443"},
		"outbound_.8080_.v1_.orders.shop.svc.cluster.local": {"orders.shop", "8080"},
		"outbound_.8080_._.orders.shop.svc.cluster.local":   {"orders.shop", "8080"},
		"inbound|8080||":               {},
		"inbound_.8080_._.":            {},
		"outbound|8080":                {},
		"PassthroughCluster":           {},
		"BlackHoleCluster":             {},
		"orders":                       {"orders", ""},
		"httproute/shop/orders/rule/0": {},
		"-":                            {},
	} {
		if got := parseEnvoyCluster(name); got != want {
			t.Errorf("%s is at %v, want %v", name, got, want)
		}
	}
}

// TestQueueNames: names of destinations, as clients of different products write them.
func TestQueueNames(t *testing.T) {
	for _, c := range []struct{ system, destination, routingKey, want string }{
		{"rabbitmq", "amq.default", "orders", "rabbitmq/orders"},
		{"rabbitmq", "", "orders", "rabbitmq/orders"},
		{"rabbitmq", "<default>", "orders", "rabbitmq/orders"},
		{"rabbitmq", "amq.default:orders", "", "rabbitmq/orders"},
		{"rabbitmq", "shop", "orders", "rabbitmq/shop"},
		{"rabbitmq", "shop:orders", "", "rabbitmq/shop:orders"},
		{"rabbitmq", "amq.gen-JzTY20BRgKO", "", "rabbitmq/temporary"},
		{"nats", "_INBOX.9QxA.1", "", "nats/temporary"},
		{"jms", "temp-queue://ID:host-1", "", "jms/temporary"},
		{"activemq", "queue://orders", "", "activemq/orders"},
		{"activemq", "0f8fad5b-d9cb-469f-a165-70867728950e", "", "activemq/temporary"},
		{"nats", "$JS.ACK.ORDERS.work.1.2.3.4.0", "", "nats/temporary"},
		{"rabbitmq", "rpc.reply-0f8fad5bd9cb469fa16570867728950e", "", "rabbitmq/temporary"},
		{"kafka", "orders-0f8fad5bd9cb469fa165708677289", "", "kafka/orders-0f8fad5bd9cb469fa165708677289"},
		{"kafka", "orders-20260101000000000000000000000000", "", "kafka/orders-20260101000000000000000000000000"},
		{"gcp_pubsub", "projects/p/topics/orders", "", "gcp_pubsub/orders"},
		{"gcp_pubsub", "projects/p/subscriptions/orders-sub", "", "gcp_pubsub/orders-sub"},
		{"aws_sqs", "https://sqs.us-east-1.amazonaws.com/1234/orders", "", "aws_sqs/orders"},
		{"aws_sqs", "arn:aws:sqs:us-east-1:1234:orders", "", "aws_sqs/orders"},
		{"pulsar", "persistent://tenant/ns/orders", "", "pulsar/orders"},
		{"mqtt", "sensors/1/temperature", "", "mqtt/sensors/1/temperature"},
		{"kafka", "unknown", "", "kafka"},
		{"kafka", "projects/", "", "kafka/projects/"},
		{"rabbitmq", "MassTransit:Fault--Shop:OrderSubmitted--", "", "rabbitmq/MassTransit:Fault--Shop:OrderSubmitted--"},
		{"jms", "queue:///ORDERS.IN?targetClient=1", "", "jms/ORDERS.IN"},
		{"servicebus", "orders/Subscriptions/bill", "", "servicebus/orders"},
		{"servicebus", "orders/Subscriptions/bill/$DeadLetterQueue", "", "servicebus/orders/Subscriptions/bill/$DeadLetterQueue"},
	} {
		a := Attrs{msgSystem: c.system, msgDestination: c.destination, msgRoutingKey: c.routingKey}
		if got := a.queue(Producer); got != c.want {
			t.Errorf("%s %q with routing key %q is %s, want %s", c.system, c.destination, c.routingKey, got, c.want)
		}
	}
}

// TestRPCServiceNames: the RPC service of a call, in the conventions of all years.
func TestRPCServiceNames(t *testing.T) {
	for _, c := range []struct {
		attrs Attrs
		want  string
	}{
		{Attrs{rpcService: "shop.Cart", rpcMethod: "Get"}, "shop.Cart"},
		{Attrs{rpcSystem: "grpc", rpcMethod: "shop.Cart/Get"}, "shop.Cart"},
		{Attrs{rpcSystemOld: "grpc", rpcMethod: "/shop.Cart/Get"}, "shop.Cart"},
		{Attrs{rpcService: "unknown", rpcMethod: "shop.Cart/Get"}, "shop.Cart"},
		{Attrs{rpcSystem: "jsonrpc", rpcMethod: "tools/call"}, ""},
		{Attrs{rpcMethod: "Get"}, ""},
		{Attrs{rpcMethod: "/Get"}, ""},
		{Attrs{}, ""},
	} {
		if got := c.attrs.rpcServiceName(); got != c.want {
			t.Errorf("%+v has RPC service %q, want %q", c.attrs, got, c.want)
		}
	}
}

// TestServersOfModels: a host outside the domains of a provider is not the provider.
func TestServersOfModels(t *testing.T) {
	for _, c := range []struct {
		provider, host string
		want           Peer
	}{
		{"openai", "api.openai.com", Peer{Name: "openai", Type: Model}},
		{"openai", "", Peer{Name: "openai", Type: Model}},
		{"openai", "shop.openai.azure.com", Peer{Name: "openai", Type: Model}},
		{"openai", "vllm.ml.internal", Peer{Name: "vllm.ml.internal", Type: Model}},
		{"openai", "fakeopenai.com", Peer{Name: "fakeopenai.com", Type: Model}},
		{"openai", "10.0.0.5", Peer{Name: "10.0.0.5", Type: IP}},
		{"ollama", "vllm.ml.internal", Peer{Name: "ollama", Type: Model}},
	} {
		a := Attrs{genaiProvider: c.provider, serverAddress: c.host}
		if got := Interpret(Client, &a, false, Options{}).Peer; got != c.want {
			t.Errorf("%s at %q is %+v, want %+v", c.provider, c.host, got, c.want)
		}
	}
}
