package semconv

// A Key is the number of an attribute of spans that the graph reads; 0 means none. Readers of
// encoded traces use it so that they need not make a string of the key. The numbers are valid only
// within one process, because another version may number the attributes differently.
type Key uint8

// keyInfo describes an attribute of spans that the graph reads.
type keyInfo struct {
	name  string
	field func(*Attrs) *string // where the value is stored
	roles Roles                // the spans for which the attribute has a meaning
}

// Roles are a set of roles of spans. Attributes have a meaning for spans of certain roles.
type Roles uint8

const (
	ofCallers  Roles = 1 << iota // CLIENT and PRODUCER: the attribute names their callee
	ofCallees                    // SERVER and CONSUMER: the attribute names their caller
	ofOthers                     // spans of any other kind: the attribute makes the span a side of a call, such as a call to a database
	ofFailures                   // spans of any kind, if Options.HTTPErrors is set: the HTTP status
	ofOutcomes                   // spans of any kind, if Options.NotErrors is set: how a call ended
	ofGuesses                    // spans of either side, if Options.InferCalls is set: what the call asks for

	ofBoth    = ofCallers | ofCallees
	ofAnyKind = ofFailures | ofOutcomes
	allRoles  = ofBoth | ofOthers | ofAnyKind | ofGuesses
)

// OfAny reports whether attributes with these roles have a meaning of their own for spans whose
// kind is neither side of a call. Other attributes have a meaning for such spans only together
// with an attribute for which OfAny is true.
func (r Roles) OfAny() bool { return r&(ofOthers|ofAnyKind) != 0 }

// keys lists all attributes of spans that the graph reads. The Key of keys[k-1] is k.
var keys = [...]keyInfo{
	{"service.peer.name", func(a *Attrs) *string { return &a.peerName }, ofBoth},
	{"service.peer.namespace", func(a *Attrs) *string { return &a.peerNamespace }, ofBoth},
	{"peer.service", func(a *Attrs) *string { return &a.peerService }, ofBoth},
	{"db.system.name", func(a *Attrs) *string { return &a.dbSystem }, ofCallers | ofOthers},
	{"db.system", func(a *Attrs) *string { return &a.dbSystemOld }, ofCallers | ofOthers},
	{"db.namespace", func(a *Attrs) *string { return &a.dbNamespace }, ofCallers | ofOthers},
	{"db.name", func(a *Attrs) *string { return &a.dbName }, ofCallers | ofOthers},
	{"messaging.system", func(a *Attrs) *string { return &a.msgSystem }, ofBoth},
	{"messaging.destination.name", func(a *Attrs) *string { return &a.msgDestination }, ofBoth},
	{"messaging.destination", func(a *Attrs) *string { return &a.msgDestinationOld }, ofBoth},
	{"messaging.source.name", func(a *Attrs) *string { return &a.msgSource }, ofBoth},
	{"messaging.destination.anonymous", func(a *Attrs) *string { return &a.msgAnonymous }, ofBoth},
	{"messaging.destination.template", func(a *Attrs) *string { return &a.msgTemplate }, ofBoth},
	{"messaging.destination.temporary", func(a *Attrs) *string { return &a.msgTemporary }, ofBoth},
	{"aws.sqs.queue.url", func(a *Attrs) *string { return &a.sqsQueue }, ofBoth},
	{"aws.sns.topic.arn", func(a *Attrs) *string { return &a.snsTopic }, ofBoth},
	{"messaging.url", func(a *Attrs) *string { return &a.msgURL }, ofCallers},
	{"messaging.rabbitmq.destination.routing_key", func(a *Attrs) *string { return &a.msgRoutingKey }, ofBoth},
	{"messaging.rabbitmq.routing_key", func(a *Attrs) *string { return &a.msgRoutingKeyOld }, ofBoth},
	{"messaging.operation.type", func(a *Attrs) *string { return &a.msgOperation }, ofBoth},
	{"messaging.operation", func(a *Attrs) *string { return &a.msgOperationOld }, ofBoth},
	{"messaging.operation.name", func(a *Attrs) *string { return &a.msgOperationName }, ofBoth},
	{"gen_ai.provider.name", func(a *Attrs) *string { return &a.genaiProvider }, ofCallers},
	{"gen_ai.system", func(a *Attrs) *string { return &a.genaiSystem }, ofCallers},
	{"gen_ai.operation.name", func(a *Attrs) *string { return &a.genaiOperation }, ofCallers},
	{"gen_ai.request.model", func(a *Attrs) *string { return &a.genaiModel }, ofCallers},
	{"faas.trigger", func(a *Attrs) *string { return &a.faasTrigger }, ofBoth},
	{"faas.invoked_name", func(a *Attrs) *string { return &a.faasName }, ofCallers},
	{"rpc.system.name", func(a *Attrs) *string { return &a.rpcSystem }, ofBoth},
	{"rpc.system", func(a *Attrs) *string { return &a.rpcSystemOld }, ofBoth},
	{"rpc.service", func(a *Attrs) *string { return &a.rpcService }, ofBoth},
	{"rpc.method", func(a *Attrs) *string { return &a.rpcMethod }, ofBoth},
	{"upstream_cluster", func(a *Attrs) *string { return &a.upstreamCluster }, ofCallers},
	{"upstream_cluster.name", func(a *Attrs) *string { return &a.upstreamClusterName }, ofCallers},
	{"server.address", func(a *Attrs) *string { return &a.serverAddress }, ofBoth},
	{"server.port", func(a *Attrs) *string { return &a.serverPort }, ofBoth},
	{"net.peer.name", func(a *Attrs) *string { return &a.netPeerName }, ofCallers},
	{"net.peer.port", func(a *Attrs) *string { return &a.netPeerPort }, ofCallers},
	{"url.full", func(a *Attrs) *string { return &a.urlFull }, ofCallers},
	{"http.url", func(a *Attrs) *string { return &a.httpURL }, ofBoth},
	{"http.host", func(a *Attrs) *string { return &a.httpHost }, ofBoth},
	{"url.domain", func(a *Attrs) *string { return &a.urlDomain }, ofCallers},
	{"url.port", func(a *Attrs) *string { return &a.urlPort }, ofCallers},
	{"server.socket.domain", func(a *Attrs) *string { return &a.serverSocketDomain }, ofCallers},
	{"net.sock.peer.name", func(a *Attrs) *string { return &a.netSockPeerName }, ofCallers},
	{"network.peer.address", func(a *Attrs) *string { return &a.networkPeerAddress }, ofCallers},
	{"network.peer.port", func(a *Attrs) *string { return &a.networkPeerPort }, ofCallers},
	{"server.socket.address", func(a *Attrs) *string { return &a.serverSocketAddress }, ofCallers},
	{"server.socket.port", func(a *Attrs) *string { return &a.serverSocketPort }, ofCallers},
	{"net.sock.peer.addr", func(a *Attrs) *string { return &a.netSockPeerAddress }, ofCallers},
	{"net.sock.peer.port", func(a *Attrs) *string { return &a.netSockPeerPort }, ofCallers},
	{"net.peer.ip", func(a *Attrs) *string { return &a.netPeerIPOld }, ofCallers},
	{"destination.domain", func(a *Attrs) *string { return &a.destinationDomain }, ofCallers},
	{"destination.address", func(a *Attrs) *string { return &a.destinationAddress }, ofCallers},
	{"destination.port", func(a *Attrs) *string { return &a.destinationPort }, ofCallers},
	{"db.connection_string", func(a *Attrs) *string { return &a.dbConnection }, ofCallers | ofOthers},
	{"http.request.resend_count", func(a *Attrs) *string { return &a.resendCount }, ofCallers},
	{"otel.scope.name", func(a *Attrs) *string { return &a.scope }, ofBoth},
	{"otel.library.name", func(a *Attrs) *string { return &a.scopeOld }, ofBoth},
	{"db.query.text", func(a *Attrs) *string { return &a.dbQueryText }, ofCallers},
	{"db.statement", func(a *Attrs) *string { return &a.dbStatement }, ofCallers},
	{"db.query.summary", func(a *Attrs) *string { return &a.dbQuerySummary }, ofCallers},
	{"db.operation.name", func(a *Attrs) *string { return &a.dbOperation }, ofCallers},
	{"db.operation", func(a *Attrs) *string { return &a.dbOperationOld }, ofCallers},
	{"http.request.method", func(a *Attrs) *string { return &a.httpMethod }, ofGuesses},
	{"net.host.name", func(a *Attrs) *string { return &a.netHostName }, ofCallees},
	{"net.host.port", func(a *Attrs) *string { return &a.netHostPort }, ofCallees},
	{"url.path", func(a *Attrs) *string { return &a.urlPath }, ofGuesses},
	{"http.target", func(a *Attrs) *string { return &a.httpTarget }, ofGuesses},
	{"http.route", func(a *Attrs) *string { return &a.httpRoute }, ofGuesses},
	{"url.template", func(a *Attrs) *string { return &a.urlTemplate }, ofGuesses},
	{"http.response.status_code", func(a *Attrs) *string { return &a.httpStatus }, ofFailures | ofOutcomes},
	{"http.status_code", func(a *Attrs) *string { return &a.httpStatusOld }, ofFailures | ofOutcomes},
	{"rpc.response.status_code", func(a *Attrs) *string { return &a.rpcStatus }, ofOutcomes},
	{"rpc.grpc.status_code", func(a *Attrs) *string { return &a.grpcStatus }, ofOutcomes},
	{"rpc.connect_rpc.error_code", func(a *Attrs) *string { return &a.connectError }, ofOutcomes},
	{"error.type", func(a *Attrs) *string { return &a.errorType }, ofOutcomes},
	{"otel.status_description", func(a *Attrs) *string { return &a.statusMessage }, ofOutcomes},

	// Keys that the conventions have replaced by another key.
	{"messaging.source", func(a *Attrs) *string { return &a.msgSource }, ofBoth},
	{"messaging.source.anonymous", func(a *Attrs) *string { return &a.msgAnonymous }, ofBoth},
	{"messaging.source.template", func(a *Attrs) *string { return &a.msgTemplate }, ofBoth},
	{"messaging.source.temporary", func(a *Attrs) *string { return &a.msgTemporary }, ofBoth},
	{"messaging.temp_destination", func(a *Attrs) *string { return &a.msgTemporaryOld }, ofBoth},
	{"db.cassandra.keyspace", func(a *Attrs) *string { return &a.dbName }, ofCallers | ofOthers},
	{"db.hbase.namespace", func(a *Attrs) *string { return &a.dbName }, ofCallers | ofOthers},
	{"db.elasticsearch.cluster.name", func(a *Attrs) *string { return &a.dbName }, ofCallers | ofOthers},
	{"db.redis.database_index", func(a *Attrs) *string { return &a.dbName }, ofCallers | ofOthers},
	{"http.resend_count", func(a *Attrs) *string { return &a.resendCount }, ofCallers},
	{"http.retry_count", func(a *Attrs) *string { return &a.resendCount }, ofCallers},
	{"http.method", func(a *Attrs) *string { return &a.httpMethod }, ofGuesses},
	{"rpc.status_code", func(a *Attrs) *string { return &a.rpcStatus }, ofOutcomes},

	// OpenTracing's tags.
	{"span.kind", func(a *Attrs) *string { return &a.spanKind }, ofBoth | ofOthers},
	{"error", func(a *Attrs) *string { return &a.errorTag }, ofBoth | ofOthers},
	{"peer.hostname", func(a *Attrs) *string { return &a.netPeerName }, ofCallers},
	{"peer.port", func(a *Attrs) *string { return &a.netPeerPort }, ofCallers},
	{"peer.address", func(a *Attrs) *string { return &a.peerAddress }, ofCallers},
	{"peer.ipv4", func(a *Attrs) *string { return &a.peerIPv4 }, ofCallers},
	{"peer.ipv6", func(a *Attrs) *string { return &a.peerIPv6 }, ofCallers},
	{"db.instance", func(a *Attrs) *string { return &a.dbName }, ofCallers | ofOthers},
	{"db.type", func(a *Attrs) *string { return &a.dbSystemOld }, ofCallers | ofOthers},
	{"message_bus.destination", func(a *Attrs) *string { return &a.msgDestinationOld }, ofBoth},

	// Keys in which a pipeline has replaced the dots.
	{"peer_service", func(a *Attrs) *string { return &a.peerService }, ofBoth},
	{"db_system_name", func(a *Attrs) *string { return &a.dbSystem }, ofCallers | ofOthers},
	{"db_system", func(a *Attrs) *string { return &a.dbSystemOld }, ofCallers | ofOthers},
	{"db_namespace", func(a *Attrs) *string { return &a.dbNamespace }, ofCallers | ofOthers},
	{"db_name", func(a *Attrs) *string { return &a.dbName }, ofCallers | ofOthers},
	{"messaging_system", func(a *Attrs) *string { return &a.msgSystem }, ofBoth},
	{"messaging_destination_name", func(a *Attrs) *string { return &a.msgDestination }, ofBoth},
	{"messaging_destination", func(a *Attrs) *string { return &a.msgDestinationOld }, ofBoth},
	{"messaging_operation_type", func(a *Attrs) *string { return &a.msgOperation }, ofBoth},
	{"messaging_operation", func(a *Attrs) *string { return &a.msgOperationOld }, ofBoth},
	{"rpc_service", func(a *Attrs) *string { return &a.rpcService }, ofBoth},
	{"rpc_method", func(a *Attrs) *string { return &a.rpcMethod }, ofBoth},
	{"server_address", func(a *Attrs) *string { return &a.serverAddress }, ofBoth},
	{"server_port", func(a *Attrs) *string { return &a.serverPort }, ofBoth},
	{"net_peer_name", func(a *Attrs) *string { return &a.netPeerName }, ofCallers},
	{"net_peer_port", func(a *Attrs) *string { return &a.netPeerPort }, ofCallers},
	{"http_host", func(a *Attrs) *string { return &a.httpHost }, ofBoth},
}

// firstAlias is the first of the keys with the same meaning as another key: replaced keys, and keys
// of no convention. The value of such a key counts only if no other key has set the same field.
var firstAlias = KeyOf("messaging.source")

// maxKeyLen is the length of the longest key.
const maxKeyLen = 42

// Name returns the key as text.
func (k Key) Name() string { return keys[k-1].name }

// Roles returns the roles of the spans for which the attribute has a meaning.
func (k Key) Roles() Roles { return keys[k-1].roles }

// IsURL reports whether the value is a URL, of which only a part is read: see [Filter.CutURL].
func (k Key) IsURL() bool { return k == urlFull || k == httpURL }

// IsQuery reports whether the value is the text of a query to a database, or the name of its
// operation. Only the presence of the value matters: the texts are long and differ in every span.
func (k Key) IsQuery() bool { return firstQuery <= k && k <= lastQuery }

var (
	urlFull, httpURL      = KeyOf("url.full"), KeyOf("http.url")
	firstQuery, lastQuery = KeyOf("db.query.text"), KeyOf("db.operation") // keys lists them together

	// StatusMessage is the number of the attribute with the message of the status: OTLP has a field
	// for the message, other formats have this attribute.
	StatusMessage = KeyOf("otel.status_description")
)

// KeyOf returns the number of the attribute with this key, or 0 if the graph does not read it.
func KeyOf(key string) Key { return find(filters()[allRoles], key) }

// Reads reports whether Interpret reads the attribute with this key of any span.
func Reads(key string, o Options) bool {
	k := KeyOf(key)
	return k != 0 && k.Roles()&o.roles() != 0
}

// roles returns the roles whose attributes Interpret reads.
func (o Options) roles() Roles {
	roles := allRoles &^ (ofAnyKind | ofGuesses)
	if o.HTTPErrors {
		roles |= ofFailures
	}
	if o.NotErrors != nil {
		roles |= ofOutcomes
	}
	if o.InferCalls {
		roles |= ofGuesses
	}
	return roles
}
