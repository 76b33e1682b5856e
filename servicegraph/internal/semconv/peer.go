package semconv

import "cmp"

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
// callee. The most specific attribute decides: see rows D of docs/semantics.md.
func (a *Attrs) callee(kind Kind) (Peer, bool) {
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
	switch {
	case a.hasDatabase():
		return named(a.database(), Database)
	case kind == Producer && a.hasQueue():
		return named(a.queue(), Queue)
	case a.isAgentStep():
		return Peer{}, false
	case a.genaiProvider != "" || a.genaiSystem != "":
		return named(modelProvider(cmp.Or(a.genaiProvider, a.genaiSystem)), Model)
	case a.faasName != "": // if the function is instrumented, a service has this name
		return Peer{Name: a.faasName, Type: Function, IsName: true}, true
	case a.hasQueue():
		return named(a.queue(), Queue)
	}
	host := a.host()
	if ip, ok := parseIP(host); ok {
		if ip.Is4In6() { // a socket for both IPv6 and IPv4 writes IPv4 addresses like this
			host = ip.Unmap().String()
		}
		return named(host, IP)
	}
	if host != "" {
		return named(host, External)
	}
	if a.rpcService != "" {
		return named(a.rpcService, RPC)
	}
	return Peer{}, false
}

// caller returns the peer that called a SERVER or CONSUMER span without a parent: the queue that
// a message came from, or the peer that the span names. The address of a client is not an
// identity [P6, M9].
func (a *Attrs) caller(kind Kind) (Peer, bool) {
	if kind == Consumer && a.hasQueue() {
		return Peer{Name: a.queue(), Type: Queue}, true
	}
	return a.service()
}

// service returns the peer that service.peer.name or peer.service names.
func (a *Attrs) service() (Peer, bool) {
	switch {
	case a.peerName != "":
		return Peer{Namespace: a.peerNamespace, Name: a.peerName, IsName: true}, true
	case a.peerService != "":
		return Peer{Name: a.peerService, IsName: true}, true
	}
	return Peer{}, false
}

// isAgentStep reports whether the span is a step of an agent, such as the use of a tool,
// rather than a call to the provider of a model [G2].
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
