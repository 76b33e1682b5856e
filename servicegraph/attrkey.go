package servicegraph

import "sync"

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

	ofBoth   = ofCallers | ofCallees
	allRoles = ofBoth | ofDatabases | ofFailures
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

// maxKeyLen is as long as a key can be.
const maxKeyLen = 31

// name returns the key of the attribute.
func (k AttrKey) name() string { return factKeys[k-1].name }

// is reports whether the attribute has a meaning for such spans.
func (k AttrKey) is(of spanRoles) bool { return k != 0 && factKeys[k-1].of&of != 0 }

// roles are those of which a graph reads attributes.
func (c *Config) roles() spanRoles {
	if c.HTTPErrors {
		return allRoles
	}
	return allRoles &^ ofFailures
}

// isURL reports whether the value is a URL, of which only the host is read.
func (k AttrKey) isURL() bool { return k == urlFull || k == httpURL }

var urlFull, httpURL = keyOf("url.full"), keyOf("http.url")

// An AttrFilter tells the attributes that the graph reads of some spans from all
// others, fast. It does not change, and is safe for concurrent use.
//
// Most attributes of a span are told to be none of them by the length of the key, its
// first and its last letter alone.
type AttrFilter struct {
	first [maxKeyLen + 1][64]AttrKey // by the length, and endsOf: the first key with these; 0 is none
	next  [len(factKeys) + 1]AttrKey // by the key before: another one with the same
	of    spanRoles
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
	return attrFilters()[of|c.roles()&ofFailures]
}

// attrFilters returns the filters by the roles of spans.
var attrFilters = sync.OnceValue(func() (filters [allRoles + 1]*AttrFilter) {
	for of := range filters {
		filters[of] = newAttrFilter(spanRoles(of))
	}
	return filters
})

func newAttrFilter(of spanRoles) *AttrFilter {
	f := &AttrFilter{of: of}
	for i, k := range factKeys {
		if k.of&of != 0 {
			first := &f.first[len(k.name)][endsOf(k.name[0], k.name[len(k.name)-1])]
			key := AttrKey(i + 1)
			f.next[key], *first = *first, key
		}
	}
	return f
}

// Has reports whether the attribute with this number is not left out.
func (f *AttrFilter) Has(key AttrKey) bool { return key.is(f.of) }

// Key returns the number of the attribute with this key, 0 if it is to be left out.
func (f *AttrFilter) Key(key []byte) AttrKey { return keyIn(f, key) }

// MayBe reports whether Key could be anything but 0 for a key of so many bytes, at least
// one, with these as the first and the last. It is for a reader to which the calls, and
// the slices, that it saves are what its time goes to.
func (f *AttrFilter) MayBe(length int, first, last byte) bool {
	return uint(length) < uint(len(f.first)) && f.first[length][endsOf(first, last)] != 0
}

// keyOf returns the number of the attribute with this key, 0 if the graph does not
// read it of any span.
func keyOf(key string) AttrKey { return keyIn(attrFilters()[allRoles], key) }

func keyIn[T string | []byte](f *AttrFilter, key T) AttrKey {
	n := len(key)
	if n == 0 || n > maxKeyLen {
		return 0
	}
	k := f.first[n][endsOf(key[0], key[n-1])]
	for k != 0 && k.name() != string(key) {
		k = f.next[k]
	}
	return k
}

// endsOf returns a number below 64 for the first and the last letter of a key. The
// first alone would not do: http.response.status_code is as long as a key that is read.
func endsOf(first, last byte) byte { return (first + 7*last) & 63 }
