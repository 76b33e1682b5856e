package semconv

// Attrs are the attributes of one span that the graph reads: attributes that can name the other
// side of a call, and some about the result of the call. Attributes of the resource do not
// belong here: they describe the service of the span, never the peer.
//
// Old and new semantic conventions are both read. If a span has both, the new one wins [D3].
type Attrs struct {
	peerName, peerNamespace, peerService string

	spanKind, errorTag string // OpenTracing's tags

	httpMethod, netHostName, netHostPort        string // read only to infer calls, as are the following fields
	urlPath, httpTarget, httpRoute, urlTemplate string

	dbSystem, dbSystemOld, dbNamespace, dbName, dbConnection string

	dbQueryText, dbStatement, dbQuerySummary, dbOperation, dbOperationOld string

	scope, scopeOld string // the instrumentation scope

	msgSystem, msgDestination, msgDestinationOld, msgTemplate, msgTemporary, msgTemporaryOld string
	msgSource, msgAnonymous, msgOperation, msgOperationOld, msgOperationName                 string
	msgRoutingKey, msgRoutingKeyOld, msgURL, sqsQueue, snsTopic                              string

	genaiProvider, genaiSystem, genaiOperation, genaiModel string

	faasName, faasTrigger string

	rpcSystem, rpcSystemOld, rpcService, rpcMethod string

	upstreamCluster, upstreamClusterName                string
	serverAddress, serverPort, netPeerName, netPeerPort string
	urlFull, httpURL, httpHost, urlDomain, urlPort      string
	serverSocketDomain, netSockPeerName                 string
	networkPeerAddress, networkPeerPort                 string
	serverSocketAddress, serverSocketPort               string
	netSockPeerAddress, netSockPeerPort, netPeerIPOld   string
	peerAddress, peerIPv4, peerIPv6                     string
	destinationDomain, destinationAddress               string
	destinationPort                                     string

	resendCount, httpStatus, httpStatusOld         string
	rpcStatus, grpcStatus, connectError, errorType string
	statusMessage                                  string
}

// Add adds an attribute if the graph reads it. Of attributes with the same key, the last one
// counts.
func (a *Attrs) Add(key, value string) {
	if k := KeyOf(key); k != 0 {
		a.Set(k, value)
	}
}

// Set adds an attribute whose Key is known. The value becomes valid UTF-8 of at most MaxValue bytes
// before invalid bytes are replaced.
func (a *Attrs) Set(key Key, value string) {
	field := keys[key-1].field(a)
	if key >= firstAlias && *field != "" {
		return
	}
	*field = ValidText(CutValue(value))
}
