package servicegraph

// An AttrKey is the number of an attribute that the graph reads of spans, so that a
// reader of encoded traces can hand it over without its name: see [RawSpan]. 0 is
// none. The numbers differ between versions of this package.
type AttrKey uint8

// A factKey is an attribute that the graph reads of spans.
type factKey struct {
	name  string
	field func(*peerFacts) *string // where its value belongs
	of    spanRoles                // the spans whose attribute has a meaning
}

// spanRoles are kinds of spans by what the graph asks their attributes.
type spanRoles uint8

const (
	ofCallers   spanRoles = 1 << iota // CLIENT and PRODUCER: whom they call
	ofCallees                         // SERVER and CONSUMER: who calls them
	ofDatabases                       // any other, if one of these attributes makes it a call to a database
	ofFailures                        // any, for the HTTP status, if Config.HTTPErrors is set

	ofBoth = ofCallers | ofCallees
)

// factKeys are all of them; their numbers count from 1. What an attribute says of a
// span without a side counts only beside one that is ofDatabases.
var factKeys = [...]factKey{
	{"service.peer.name", func(f *peerFacts) *string { return &f.peerName }, ofBoth},
	{"service.peer.namespace", func(f *peerFacts) *string { return &f.peerNamespace }, ofBoth},
	{"peer.service", func(f *peerFacts) *string { return &f.peerService }, ofBoth},
	{"db.system.name", func(f *peerFacts) *string { return &f.dbSystem }, ofCallers | ofDatabases},
	{"db.system", func(f *peerFacts) *string { return &f.dbSystemOld }, ofCallers | ofDatabases},
	{"db.namespace", func(f *peerFacts) *string { return &f.dbNamespace }, ofCallers | ofDatabases},
	{"db.name", func(f *peerFacts) *string { return &f.dbName }, ofCallers | ofDatabases},
	{"messaging.system", func(f *peerFacts) *string { return &f.msgSystem }, ofBoth},
	{"messaging.destination.name", func(f *peerFacts) *string { return &f.msgDestination }, ofBoth},
	{"messaging.destination", func(f *peerFacts) *string { return &f.msgDestinationOld }, ofBoth},
	{"messaging.source.name", func(f *peerFacts) *string { return &f.msgSource }, ofBoth},
	{"messaging.source", func(f *peerFacts) *string { return &f.msgSource }, ofBoth},
	{"messaging.destination.anonymous", func(f *peerFacts) *string { return &f.msgAnonymous }, ofBoth},
	{"messaging.destination.template", func(f *peerFacts) *string { return &f.msgTemplate }, ofBoth},
	{"messaging.destination.temporary", func(f *peerFacts) *string { return &f.msgTemporary }, ofBoth},
	{"messaging.operation.type", func(f *peerFacts) *string { return &f.msgOperation }, ofBoth},
	{"messaging.operation", func(f *peerFacts) *string { return &f.msgOperationOld }, ofBoth},
	{"gen_ai.provider.name", func(f *peerFacts) *string { return &f.genaiProvider }, ofCallers},
	{"gen_ai.system", func(f *peerFacts) *string { return &f.genaiSystem }, ofCallers},
	{"gen_ai.operation.name", func(f *peerFacts) *string { return &f.genaiOperation }, ofCallers},
	{"gen_ai.request.model", func(f *peerFacts) *string { return &f.genaiModel }, ofCallers},
	{"faas.trigger", func(f *peerFacts) *string { return &f.faasTrigger }, ofBoth},
	{"faas.invoked_name", func(f *peerFacts) *string { return &f.faasName }, ofCallers},
	{"rpc.service", func(f *peerFacts) *string { return &f.rpcService }, ofCallers},
	{"rpc.method", func(f *peerFacts) *string { return &f.rpcMethod }, ofCallers},
	{"server.address", func(f *peerFacts) *string { return &f.serverAddress }, ofCallers},
	{"server.port", func(f *peerFacts) *string { return &f.serverPort }, ofCallers},
	{"net.peer.name", func(f *peerFacts) *string { return &f.netPeerName }, ofCallers},
	{"net.peer.port", func(f *peerFacts) *string { return &f.netPeerPort }, ofCallers},
	{"url.full", func(f *peerFacts) *string { return &f.urlFull }, ofCallers},
	{"http.url", func(f *peerFacts) *string { return &f.httpURL }, ofCallers},
	{"http.host", func(f *peerFacts) *string { return &f.httpHost }, ofCallers},
	{"network.peer.address", func(f *peerFacts) *string { return &f.networkPeerAddress }, ofCallers},
	{"net.sock.peer.addr", func(f *peerFacts) *string { return &f.netSockPeerAddress }, ofCallers},
	{"net.peer.ip", func(f *peerFacts) *string { return &f.netPeerIPOld }, ofCallers},
	{"http.request.resend_count", func(f *peerFacts) *string { return &f.resendCount }, ofCallers},
	{"http.response.status_code", func(f *peerFacts) *string { return &f.httpStatus }, ofFailures},
	{"http.status_code", func(f *peerFacts) *string { return &f.httpStatusOld }, ofFailures},
}

// keysByLength finds the numbers of keys. Most attributes of a span are told to be
// none of these by the length, the first and the last letter alone: see AttrFilter.
var keysByLength = func() (byLength [32][]AttrKey) {
	for i, k := range factKeys {
		byLength[len(k.name)] = append(byLength[len(k.name)], AttrKey(i+1))
	}
	return byLength
}()

// keyOf returns the number of the attribute with this key, 0 if the graph does not
// read it.
func keyOf[T string | []byte](key T) AttrKey {
	if len(key) >= len(keysByLength) {
		return 0
	}
	for _, k := range keysByLength[len(key)] {
		if factKeys[k-1].name == string(key) {
			return k
		}
	}
	return 0
}

// name returns the key of the attribute.
func (k AttrKey) name() string { return factKeys[k-1].name }

// is reports whether the attribute has a meaning for such spans.
func (k AttrKey) is(of spanRoles) bool { return factKeys[k-1].of&of != 0 }

// isURL reports whether the value is a URL, of which only the host is read.
func (k AttrKey) isURL() bool { return k.name() == "url.full" || k.name() == "http.url" }

// An AttrFilter tells the attributes that the graph reads of some spans from all
// others, fast. It does not change, and is safe for concurrent use.
type AttrFilter struct {
	ends [32]uint64 // by length of the key: bit n is set for first and last letters of which endsOf is n
	of   spanRoles
}

// attrFilter returns the filter for spans of a kind.
func (c *Config) attrFilter(kind Kind) *AttrFilter {
	var of spanRoles
	switch {
	case kind.serves():
		of = ofCallees
	case kind.calls(), !c.IgnoreInternalDatabases: // a call to a database that is none by its kind says as much
		of = ofCallers
	}
	return c.newAttrFilter(of)
}

func (c *Config) newAttrFilter(of spanRoles) *AttrFilter {
	f := &AttrFilter{of: of}
	if c.HTTPErrors {
		f.of |= ofFailures
	}
	for _, k := range factKeys {
		if k.of&f.of != 0 {
			f.ends[len(k.name)] |= 1 << endsOf(k.name[0], k.name[len(k.name)-1])
		}
	}
	return f
}

// Has reports whether the attribute with this number is not left out.
func (f *AttrFilter) Has(key AttrKey) bool { return key.is(f.of) }

// Key returns the number of the attribute with this key, 0 if it is to be left out.
func (f *AttrFilter) Key(key []byte) AttrKey {
	if n := len(key); n > 0 && n < len(f.ends) && f.ends[n]>>endsOf(key[0], key[n-1])&1 != 0 {
		return f.find(key)
	}
	return 0
}

// endsOf returns a number below 64 for the first and the last letter of a key. The
// first alone would not do: http.response.status_code is as long as a key that is read.
func endsOf(first, last byte) byte { return (first + 7*last) & 63 }

func (f *AttrFilter) find(key []byte) AttrKey {
	if k := keyOf(key); k != 0 && k.is(f.of) {
		return k
	}
	return 0
}
