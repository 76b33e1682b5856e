package semconv

import (
	"cmp"
	"strings"
)

// A Peer is the other side of a call as a span names it.
type Peer struct {
	Namespace, Name string
	Type            PeerType
	IsName          bool // a person chose the name; if a service has the name, that service is the peer
}

// A PeerType is a type of peers.
type PeerType uint8

const (
	External PeerType = iota // a service or a host
	Database
	Queue
	Function
	Model // a provider of generative AI models
	RPC   // a service that only its RPC interface names
	IP    // a bare address
)

// callee returns the peer that a span of the given kind calls, for calls without a span of the
// callee. The most specific attribute decides: see rows D of docs/semantics.md. host and rpc are
// the host and the RPC service of the call, empty if unknown. isNamed is false if the host is only
// known as the other end of a connection.
func (a *Attrs) callee(kind Kind, host string, isNamed bool, rpc string) (Peer, bool) {
	named := func(name string, t PeerType) (Peer, bool) { return Peer{Name: name, Type: t}, true }
	if p, ok := a.service(); ok {
		switch {
		case a.hasDatabase():
			p.Type = Database
		case kind == Producer && a.hasQueue():
			p.Type = Queue
		}
		return p, true
	}
	provider, server := modelProvider(cmp.Or(a.genaiProvider, a.genaiSystem)), Loopback(host)
	atProvider := provider != "" && (!isNamed || isOfProvider(host, provider))
	switch {
	case a.hasDatabase():
		return named(a.database(), Database)
	case kind == Producer && a.hasQueue():
		return named(a.queue(kind), Queue)
	case a.isAgentStep() && host == "":
		return Peer{}, false
	case atProvider:
		return named(provider, Model)
	case provider != "" && !IsIP(server) && !a.isAgentStep(): // a private server with a compatible API [G1]
		return named(server, Model)
	case a.faasName != "": // if the function is instrumented, a service has this name
		return Peer{Name: a.faasName, Type: Function, IsName: true}, true
	case a.hasQueue():
		return named(a.queue(kind), Queue)
	case IsIP(host):
		return named(host, IP)
	case host != "":
		return named(host, External)
	case rpc != "":
		return named(rpc, RPC)
	}
	return Peer{}, false
}

// rpcServiceName returns the full name of the RPC service that a span asks for. Since 2026 the
// conventions put it into rpc.method, before the name of the method. The methods of JSON-RPC can
// contain a slash, but have no service.
func (a *Attrs) rpcServiceName() string {
	if name := known(strings.Trim(a.rpcService, "/")); name != "" {
		return name
	}
	if i := strings.LastIndexByte(a.rpcMethod, '/'); i > 0 && cmp.Or(a.rpcSystem, a.rpcSystemOld) != "jsonrpc" {
		return known(strings.TrimPrefix(a.rpcMethod[:i], "/"))
	}
	return ""
}

// caller returns the peer that called a SERVER or CONSUMER span without a parent. It is the queue
// that a message came from, or the peer that the span names. The address of a client does not
// identify it [P6, M9].
func (a *Attrs) caller(kind Kind) (Peer, bool) {
	if kind == Consumer && a.hasQueue() {
		return Peer{Name: a.queue(kind), Type: Queue}, true
	}
	return a.service()
}

// service returns the peer that service.peer.name or peer.service names.
func (a *Attrs) service() (Peer, bool) {
	if name := chosenName(a.peerName); name != "" {
		return Peer{Namespace: a.peerNamespace, Name: name, IsName: true}, true
	}
	if name := chosenName(a.peerService); name != "" {
		return Peer{Name: name, IsName: true}, true
	}
	return Peer{}, false
}

// chosenName returns the name that a person or a library gave the callee. A name that has the form of
// an address loses the parts that a canonical host does not have: the scheme, the port, the final dot,
// ".svc" and the domain of the cluster. So cart:8080 and http://cart are cart. Any other name stays as
// it is, with its upper and lower case. An IP address is no name: see [Attrs.networkAddress].
func chosenName(name string) string {
	if !strings.ContainsAny(name, ":.") {
		return known(name)
	}
	host, isPath := endpoint(ofDataSource(strings.TrimPrefix(name, "jdbc:"), false))
	if isPath {
		return host
	}
	if strings.IndexByte(host, ' ') >= 0 {
		return known(name)
	}
	host, _ = splitPort(host)
	if IsIP(host) {
		return ""
	}
	host = strings.TrimSuffix(host, ".")
	if short := inCluster(strings.ToLower(host)); len(short) < len(host) && strings.EqualFold(short, host[:len(short)]) {
		host = host[:len(short)]
	}
	return known(host)
}

// isAgentStep reports whether the span is a step of an agent, such as the use of a tool,
// rather than a call to the provider of a model. A step at a host, such as that of a tool's server,
// is a call to the host [G2].
func (a *Attrs) isAgentStep() bool {
	switch a.genaiOperation {
	case "invoke_agent", "create_agent", "execute_tool":
		return true
	}
	return false
}

// failedWithHTTP reports whether the HTTP status code says that the server failed.
func (a *Attrs) failedWithHTTP() bool {
	code := cmp.Or(a.httpStatus, a.httpStatusOld)
	return len(code) == 3 && code[0] == '5' && isNumber(code)
}
