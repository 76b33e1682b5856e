package servicegraph

import (
	"cmp"
	"net/netip"
	"net/url"
	"strings"
)

// peerFacts are the attributes that can name the other side of a call, and some
// that say how it went. Old and
// new semantic conventions are both read; where both are present the new one
// wins (semantics.md D3).
type peerFacts struct {
	peerName, peerNamespace, peerService string

	dbSystem, dbSystemOld, dbNamespace, dbName string

	msgSystem, msgDestination, msgDestinationOld, msgTemplate, msgTemporary string
	msgSource, msgAnonymous, msgOperation, msgOperationOld                  string

	genaiProvider, genaiSystem, genaiOperation string

	faasName, faasTrigger, rpcService, rpcMethod, genaiModel string

	serverAddress, serverPort, netPeerName, netPeerPort  string
	urlFull, httpURL, httpHost                           string
	networkPeerAddress, netSockPeerAddress, netPeerIPOld string

	resendCount, httpStatus, httpStatusOld string
}

// field returns where the value of an attribute belongs, nil if the graph does
// not need it.
func (f *peerFacts) field(key string) *string {
	if k := keyOf(key); k != 0 {
		return factKeys[k-1].field(f)
	}
	return nil
}

// factsOf collects the facts among a span's own attributes. Resource attributes
// describe the span's service, never its peer.
func factsOf(attrs []Attr) peerFacts {
	var f peerFacts
	for _, a := range attrs {
		if p := f.field(a.Key); p != nil {
			*p = a.Value
		}
	}
	return f
}

// A peer is the other side of a call as a span names it.
type peer struct {
	id     NodeID
	isName bool // a name somebody gave it; if a service has it, that is the one
}

// callee names the node a client or producer span calls when no span of the
// callee is known, from the most specific attribute to the least
// (semantics.md, "naming an uninstrumented callee").
func (f *peerFacts) callee(kind Kind) (peer, bool) {
	named := func(name string, t NodeType) (peer, bool) {
		return peer{id: NodeID{Name: name, Type: t}}, true
	}
	if p, ok := f.service(); ok {
		switch {
		case f.hasDatabase():
			p.id.Type = TypeDatabase
		case kind == KindProducer && f.hasQueue():
			p.id.Type = TypeQueue
		}
		return p, true
	}
	switch {
	case f.hasDatabase():
		return named(f.database(), TypeDatabase)
	case kind == KindProducer && f.hasQueue():
		return peer{id: f.queue()}, true
	case f.isAgentStep():
		return peer{}, false
	case f.genaiProvider != "" || f.genaiSystem != "":
		return named(modelProvider(cmp.Or(f.genaiProvider, f.genaiSystem)), TypeModel)
	case f.faasName != "": // the name of a service, where the function is instrumented
		return peer{NodeID{Name: f.faasName, Type: TypeFunction}, true}, true
	case f.hasQueue():
		return peer{id: f.queue()}, true
	}
	host := f.host()
	if ip, ok := parseIP(host); ok {
		if ip.Is4In6() { // as a socket for both kinds of address has it
			host = ip.Unmap().String()
		}
		return named(host, TypeIP)
	}
	if host != "" {
		return named(host, TypeExternal)
	}
	if f.rpcService != "" {
		return named(f.rpcService, TypeRPC)
	}
	return peer{}, false
}

// caller names the node that called a server or consumer span without a parent:
// the peer it names, or the queue a message came from. A bare client address is
// not an identity (semantics.md P6, M9).
func (f *peerFacts) caller(kind Kind) (peer, bool) {
	if kind == KindConsumer && f.hasQueue() {
		return peer{id: f.queue()}, true
	}
	return f.service()
}

// service returns the peer that the instrumentation names outright.
func (f *peerFacts) service() (peer, bool) {
	switch {
	case f.peerName != "":
		return peer{NodeID{Namespace: f.peerNamespace, Name: f.peerName, Type: TypeExternal}, true}, true
	case f.peerService != "":
		return peer{NodeID{Name: f.peerService, Type: TypeExternal}, true}, true
	}
	return peer{}, false
}

func (f *peerFacts) hasDatabase() bool {
	return f.dbSystem != "" || f.dbSystemOld != "" || f.dbNamespace != "" || f.dbName != ""
}

// database returns the logical database, or the system where there is none to
// tell apart: Redis numbers its databases, and a node called "0" says nothing
// (D6). PostgreSQL's new namespace is "database|schema", the old name the
// database alone: one node for both (D2).
func (f *peerFacts) database() string {
	name := cmp.Or(f.dbNamespace, f.dbName)
	system := databaseSystem(cmp.Or(f.dbSystem, f.dbSystemOld))
	if system == "microsoft.sql_server" { // instance|database
		name = name[strings.LastIndexByte(name, '|')+1:]
	} else {
		name, _, _ = strings.Cut(name, "|")
	}
	if name == "" || (isNumber(name) && system != "") {
		return cmp.Or(system, name)
	}
	return name
}

// databaseSystem returns the present name of a database product (D11).
func databaseSystem(s string) string {
	switch s = strings.ToLower(s); s {
	case "mssql":
		return "microsoft.sql_server"
	case "oracle":
		return "oracle.db"
	case "cosmosdb":
		return "azure.cosmosdb"
	case "dynamodb":
		return "aws.dynamodb"
	case "redshift":
		return "aws.redshift"
	case "spanner":
		return "gcp.spanner"
	case "h2":
		return "h2database"
	case "hanadb":
		return "sap.hana"
	case "maxdb":
		return "sap.maxdb"
	case "db2":
		return "ibm.db2"
	case "informix":
		return "ibm.informix"
	case "netezza":
		return "ibm.netezza"
	case "firebird":
		return "firebirdsql"
	}
	return s
}

// modelProvider returns the present name of a provider of models. Instrumentations
// write it as the provider does, or in lower case, which is the convention (G1).
func modelProvider(s string) string {
	switch s = strings.ToLower(s); s {
	case "az.ai.inference":
		return "azure.ai.inference"
	case "az.ai.openai":
		return "azure.ai.openai"
	case "gemini":
		return "gcp.gemini"
	case "vertex_ai":
		return "gcp.vertex_ai"
	case "xai":
		return "x_ai"
	}
	return s
}

func (f *peerFacts) hasQueue() bool {
	return f.msgSystem != "" || f.destination() != ""
}

// isAgentStep reports whether the span is a step of an agent, such as a tool it
// uses, rather than a call to the provider of a model (G2).
func (f *peerFacts) isAgentStep() bool {
	switch f.genaiOperation {
	case "invoke_agent", "create_agent", "execute_tool":
		return true
	}
	return false
}

// carriesNothing reports whether the span handles a message without sending or
// receiving it: it settles one, or sends on a batch whose messages have spans of
// their own, which links point to.
func (f *peerFacts) carriesNothing(links int) bool {
	switch operation := cmp.Or(f.msgOperation, f.msgOperationOld); operation {
	case "settle":
		return f.hasQueue()
	case "send", "publish":
		return f.hasQueue() && links > 0
	}
	return false
}

// publishes reports whether the span puts a message into a queue. Today's conventions
// make it a CLIENT span where another span made the message; to the graph it is a
// message's sending side all the same.
func (f *peerFacts) publishes() bool {
	switch cmp.Or(f.msgOperation, f.msgOperationOld) {
	case "send", "publish", "create":
		return f.hasQueue()
	}
	return false
}

// receives reports whether the span takes messages from a queue. Today's
// conventions make it a CLIENT span where it asks for them, and a CONSUMER span
// where they are handed to it; to the graph both are the receiving side.
func (f *peerFacts) receives() bool {
	return f.hasQueue() && cmp.Or(f.msgOperation, f.msgOperationOld) == "receive"
}

// queue names a destination as system/destination. Temporary destinations are
// one node each template, or one for all: their names are made up per client (M13).
func (f *peerFacts) queue() NodeID {
	destination, system := f.destination(), messagingSystem(f.msgSystem)
	if f.msgTemplate == "" && (f.msgTemporary == "true" || f.msgAnonymous == "true") {
		destination = "temporary"
	}
	name := cmp.Or(destination, system)
	if destination != "" && system != "" {
		name = system + "/" + destination
	}
	return NodeID{Name: name, Type: TypeQueue}
}

func (f *peerFacts) destination() string {
	return cmp.Or(f.msgTemplate, f.msgDestination, f.msgDestinationOld, f.msgSource)
}

// messagingSystem returns the present name of a messaging product.
func messagingSystem(s string) string {
	switch s = strings.ToLower(s); s {
	case "amazonsqs":
		return "aws_sqs"
	case "amazonsns":
		return "aws.sns"
	}
	return s
}

// host returns the callee's host without port, from the most logical name to
// the bare address.
func (f *peerFacts) host() string {
	switch {
	case f.serverAddress != "":
		return hostOf(f.serverAddress)
	case f.netPeerName != "":
		return hostOf(f.netPeerName)
	}
	if u := f.url(); u != nil {
		return hostOf(u.Hostname())
	}
	return hostOf(cmp.Or(f.httpHost, f.networkPeerAddress, f.netSockPeerAddress, f.netPeerIPOld))
}

// url returns the URL of a request up to its path, nil if it is unknown.
func (f *peerFacts) url() *url.URL {
	for _, raw := range [...]string{f.urlFull, f.httpURL} {
		if raw == "" {
			continue
		}
		if u, err := url.Parse(raw[:originLen(raw)]); err == nil && u.Hostname() != "" {
			return u
		}
	}
	return nil
}

// originLen returns the length of a URL up to its path, 0 where it names no host. The
// rest says nothing, and is another in every request.
func originLen[T string | []byte](url T) int {
	host := 0 // where it begins
	for i := 0; i+1 < len(url); i++ {
		if url[i] == '/' && url[i+1] == '/' && (i == 0 || url[i-1] == ':') {
			host = i + 2
			break
		}
	}
	if host == 0 {
		return 0
	}
	for i := host; i < len(url); i++ {
		if c := url[i]; c == '/' || c == '?' || c == '#' {
			return i
		}
	}
	return len(url)
}

// address returns where the callee listens, with an empty host if unknown. Only
// the logical address counts, which is perhaps part of a URL: behind a network address
// there may be anybody's load balancer.
func (f *peerFacts) address() address {
	name, port := cmp.Or(f.serverAddress, f.netPeerName), cmp.Or(f.serverPort, f.netPeerPort)
	if name == "" {
		if u := f.url(); u != nil {
			return address{host: hostOf(u.Hostname()), port: cmp.Or(u.Port(), port, defaultPorts[u.Scheme])}
		}
	}
	if port == "" {
		if _, after, found := strings.Cut(name, ":"); found && isNumber(after) {
			port = after
		}
	}
	return address{host: hostOf(name), port: port}
}

// defaultPorts are the ports that URLs leave out.
var defaultPorts = map[string]string{"http": "80", "https": "443"}

// serverError reports whether the HTTP status code says that the server failed.
func (f *peerFacts) serverError() bool {
	code := cmp.Or(f.httpStatus, f.httpStatusOld)
	return len(code) == 3 && code[0] == '5' && isNumber(code)
}

// hostOf strips the port and the differences that do not matter in DNS. Ports
// are details, not names (D12).
func hostOf(s string) string {
	if host, port, found := strings.Cut(s, ":"); found && isNumber(port) {
		s = host
	} else if rest, bracketed := strings.CutPrefix(s, "["); bracketed {
		s, _, _ = strings.Cut(rest, "]")
	}
	return strings.ToLower(strings.TrimSuffix(s, "."))
}

func parseIP(host string) (netip.Addr, bool) {
	if host == "" || (host[0] < '0' || host[0] > '9') && !strings.Contains(host, ":") {
		return netip.Addr{}, false // without asking ParseAddr, whose errors are made on the heap
	}
	ip, err := netip.ParseAddr(host)
	return ip, err == nil
}

func isNumber(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}
