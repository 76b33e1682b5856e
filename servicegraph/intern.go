package servicegraph

import (
	"cmp"
	"slices"
	"strings"

	"github.com/tempograph/tempograph/servicegraph/internal/directory"
	"github.com/tempograph/tempograph/servicegraph/internal/pack"
	"github.com/tempograph/tempograph/servicegraph/internal/pairing"
	"github.com/tempograph/tempograph/servicegraph/internal/semconv"
	"github.com/tempograph/tempograph/servicegraph/internal/trace"
)

// A nodeIndex stands for a NodeID, an addressIndex for an address, and a detailIndex for a detail.
// They are valid within one symbols. 0 means none.
type (
	nodeIndex    = trace.Node
	addressIndex = trace.Address
	detailIndex  = trace.Detail
)

// An address is where a callee listens, as its callers dial it.
type address = directory.Address

// A detail holds the attributes of a caller span that describe a call, besides those that name
// the callee.
type detail = semconv.Detail

// symbols number the nodes, addresses and details that spans would otherwise repeat.
type symbols struct {
	nodes     interner[NodeID]
	addresses interner[address]
	details   interner[detail]
}

// node returns the number of a node. Names become valid UTF-8 here, once for each: every
// output format needs that. The number of texts that stand for one name is limited.
func (s *symbols) node(id NodeID) nodeIndex {
	if i, ok := s.nodes.find(id); ok {
		return nodeIndex(i)
	}
	i := s.nodes.index(NodeID{semconv.ValidText(id.Namespace), semconv.ValidText(id.Name), NodeType(semconv.ValidText(string(id.Type)))})
	if len(s.nodes.indices) < 2*len(s.nodes.items) {
		s.nodes.indices[id] = i
	}
	return nodeIndex(i)
}

// find returns the number of a node, 0 if it has none.
func (s *symbols) find(id NodeID) nodeIndex {
	i, _ := s.nodes.find(id)
	return nodeIndex(i)
}

func (s *symbols) address(a address) addressIndex {
	if i, known := s.addresses.find(a); known {
		return addressIndex(i)
	}
	return addressIndex(s.addresses.index(address{Host: semconv.ValidText(a.Host), Port: semconv.ValidText(a.Port), Name: semconv.ValidText(a.Name), RPC: semconv.ValidText(a.RPC)}))
}

// nodeID returns the node with a number, the zero NodeID for 0.
func (s *symbols) nodeID(i nodeIndex) NodeID { return s.nodes.at(uint32(i)) }

// typeOf returns the type of the node with a number, none for 0.
func (s *symbols) typeOf(i nodeIndex) NodeType {
	if i == 0 {
		return ""
	}
	return s.nodes.items[i-1].Type
}

// detailOf returns the detail with a number, the empty one for 0.
func (s *symbols) detailOf(i detailIndex) detail { return s.details.at(uint32(i)) }

// frozen returns the symbols for reading by number. Later additions do not change them.
func (s *symbols) frozen() *symbols {
	return &symbols{nodes: s.nodes.frozen(), addresses: s.addresses.frozen(), details: s.details.frozen()}
}

// named returns the number of a node, as node does, for frozen symbols. It adds a new node to the
// frozen copy alone.
func (s *symbols) named(id NodeID) nodeIndex {
	if s.nodes.indices == nil {
		s.nodes.indices = make(map[NodeID]uint32, len(s.nodes.items))
		for i, n := range s.nodes.items {
			s.nodes.indices[n] = uint32(i + 1)
		}
	}
	return s.node(id)
}

// An interner numbers distinct values from 1.
type interner[T comparable] struct {
	items   []T // items[i-1] has number i
	indices map[T]uint32
}

// find returns the number of a value, and false if it has none.
func (t *interner[T]) find(v T) (i uint32, ok bool) {
	i, ok = t.indices[v]
	return i, ok
}

// index returns the number of a value, the next free one for a new value.
func (t *interner[T]) index(v T) uint32 {
	if i, ok := t.indices[v]; ok {
		return i
	}
	if t.indices == nil {
		t.indices = make(map[T]uint32)
	}
	t.items = append(t.items, v)
	i := uint32(len(t.items))
	t.indices[v] = i
	return i
}

// at returns the value with a number, the zero value for 0.
func (t *interner[T]) at(i uint32) T {
	if i == 0 {
		var none T
		return none
	}
	return t.items[i-1]
}

func (t *interner[T]) frozen() interner[T] {
	return interner[T]{items: t.items[:len(t.items):len(t.items)]}
}

// semconv returns the options that change the interpretation of spans.
func (c *Config) semconv() semconv.Options {
	return semconv.Options{
		HTTPErrors: c.HTTPErrors, IgnoreInternalDatabases: c.IgnoreInternalDatabases, InferCalls: c.InferCalls, NotErrors: semconv.NewOutcomes(c.NotErrors),
	}
}

// peerTypes maps the types of peers to types of nodes.
var peerTypes = [...]NodeType{
	semconv.External: TypeExternal,
	semconv.Database: TypeDatabase,
	semconv.Queue:    TypeQueue,
	semconv.Function: TypeFunction,
	semconv.Model:    TypeModel,
	semconv.RPC:      TypeRPC,
	semconv.IP:       TypeIP,
}

// An interned interpretation has the numbers of the peer, address and detail of a
// semconv.Interpretation in one builder.
type interned struct {
	peer     nodeIndex
	peerType trace.PeerType
	isName   bool // a person chose the name of the peer
	address  addressIndex
	detail   detailIndex
}

// intern numbers the peer, address and detail of an interpretation.
func (b *Builder) intern(of *semconv.Interpretation) (n interned) {
	if p := &of.Peer; of.HasPeer {
		id := NodeID{Namespace: p.Namespace, Name: p.Name, Type: peerTypes[p.Type]}
		renamed := b.renamer.rename(id)
		n.isName = p.IsName || b.renamer.isChosen(id, renamed)
		n.peer = b.node(renamed)
		n.peerType = peerType(b.names.typeOf(n.peer))
	}
	n.detail = b.detail(of.Detail)
	at := address{Host: semconv.Loopback(of.Address.Host), Port: of.Address.Port, RPC: of.RPC}
	if of.Caller && of.HasPeer && of.Peer.IsName {
		at.Name = b.names.nodeID(n.peer).String()
	}
	if at.Host != "" || at.RPC != "" || at.Name != "" {
		n.address = b.address(at)
	}
	return n
}

// apply sets the fields of a compact span that an interpretation decides, except the status.
func apply(to *trace.Span, of *semconv.Interpretation, n interned) {
	to.Kind = trace.Kind(of.Kind)
	to.Peer, to.PeerType, to.Address, to.Detail = n.peer, n.peerType, n.address, n.detail
	to.Flags = trace.IsCaller.When(of.Caller) | trace.IsResent.When(of.Resent) | trace.Polls.When(of.Polls) | trace.Takes.When(of.Takes) |
		trace.Queries.When(of.Queries) | trace.Settles.When(of.Settles) | trace.PeerIsName.When(n.isName) |
		trace.NamesHost.When(of.Caller && n.address != 0 && of.Address.Host != "")
}

// peerType returns how specific the name of a peer is, given the type of its node.
func peerType(t NodeType) trace.PeerType {
	switch t {
	case TypeQueue:
		return trace.Queue
	case TypeDatabase, TypeModel, TypeFunction:
		return trace.Specific
	}
	return trace.Unspecific
}

// isNameOf reports whether a peer has the name of a service, alone or followed by the namespace of the
// service, without what SplitBy adds to the name of the service. Upper and lower case are equal. It does
// not compare the namespace in Kubernetes, which may be known from other traces only (docs/semantics.md,
// A4).
func (b *Builder) isNameOf(peer, service nodeIndex) bool {
	name, id := strings.ToLower(b.names.nodeID(peer).Name), b.names.nodeID(service)
	own := strings.ToLower(id.Name)
	if b.isWhole(name, own) {
		return true
	}
	short, found := strings.CutSuffix(name, "."+strings.ToLower(id.Namespace))
	return id.Namespace != "" && found && b.isWhole(short, own)
}

// isWhole reports whether a name is that of a service, without what SplitBy adds to the name of the
// service.
func (b *Builder) isWhole(name, ofService string) bool {
	rest, ok := strings.CutPrefix(ofService, name)
	return ok && (rest == "" || len(b.cfg.SplitBy) > 0 && rest[0] == '@')
}

// canBeSame reports whether the different peers of two attempts of one call can be one service:
// both are IP addresses, or the first names an RPC service and no host.
func (b *Builder) canBeSame(peer, other nodeIndex) bool {
	t := b.names.typeOf(peer)
	return t == TypeRPC || t == TypeIP && b.names.typeOf(other) == TypeIP
}

// isOtherServer reports whether a peer is the provider of a model, while a host belongs to another
// server with a compatible API (docs/semantics.md G1).
func (b *Builder) isOtherServer(peer, host nodeIndex) bool {
	return b.names.typeOf(peer) == TypeModel && semconv.IsElsewhere(b.names.nodeID(peer).Name, b.names.nodeID(host).Name)
}

// isAddress reports whether a peer is only an IP address or an RPC service.
func (b *Builder) isAddress(peer nodeIndex) bool {
	t := b.names.typeOf(peer)
	return t == TypeIP || t == TypeRPC
}

// isRemoteIP reports whether a peer is only an IP address, and not one of the caller's own machine.
func (b *Builder) isRemoteIP(peer nodeIndex) bool {
	return b.names.typeOf(peer) == TypeIP && !semconv.IsLocal(b.names.nodeID(peer).Name)
}

// describe returns the part of a detail that distinguishes spans of one call from spans of other
// calls.
func (b *Builder) describe(d detailIndex) pairing.Description {
	of := &b.names.details.items[d-1]
	return pairing.Description{Scope: of.Scope, Port: of.Port, System: of.DBSystem, Database: of.DBNamespace, Connects: semconv.RecordsConnections(of.Scope), Asked: pairing.Asked(of.Asked)}
}

// hostAndRPC returns the host of an address and the RPC service.
func (b *Builder) hostAndRPC(i addressIndex) (host, rpc string) {
	if i == 0 {
		return "", ""
	}
	at := &b.names.addresses.items[i-1]
	return at.Host, at.RPC
}

// isSameHost reports whether two addresses have the same host, the same port and the same chosen
// name, if any. A missing port equals the default ports of HTTP and HTTPS.
func (b *Builder) isSameHost(x, y addressIndex) bool {
	if x == 0 || y == 0 {
		return false
	}
	p, q := &b.names.addresses.items[x-1], &b.names.addresses.items[y-1]
	if p.Host == "" || p.Host != q.Host || p.Name != q.Name {
		return false
	}
	isDefault := func(port string) bool { return port == "" || port == "80" || port == "443" }
	return p.Port == q.Port || (p.Port == "" || q.Port == "") && isDefault(p.Port) && isDefault(q.Port)
}

// The following methods make symbols a [trace.Order] and [directory.Numbers].

func (s *symbols) CompareNodes(a, b nodeIndex) int { return s.nodeID(a).Compare(s.nodeID(b)) }

func (s *symbols) CompareAddresses(a, b addressIndex) int {
	return s.AddressOf(a).Compare(s.AddressOf(b))
}

// AddressOf returns the address with a number, the zero address for 0.
func (s *symbols) AddressOf(i addressIndex) address { return s.addresses.at(uint32(i)) }

func (s *symbols) CompareDetails(a, b detailIndex) int {
	return compareDetails(s.detailOf(a), s.detailOf(b))
}

// unknownService is the name of a service whose spans have no service.name. SDKs without a
// service name send this text, followed by a colon and the name of the program.
const unknownService = "unknown_service"

// serviceNode returns the node of the service with a resource, and notes the attributes of the
// resource. start is the start of one span. If ages is not nil, the caller must widen it by the
// starts of the other spans with this resource: see ownIP.
func (b *Builder) serviceNode(service, namespace string, resource []Attr, start int64) (node nodeIndex, ages *directory.Interval) {
	switch last := &b.lastServices; {
	case last[0].is(service, namespace):
		node = last[0].node
	case last[1].is(service, namespace):
		last[0], last[1] = last[1], last[0]
		node = last[0].node
	default:
		node = b.newService(service, namespace, resource)
	}
	if len(resource) == 0 {
		return node, nil
	}
	return node, b.note(node, resource, start)
}

// A knownService is a service whose node is known from the name and the namespace alone. A span is
// often of the same service as one of the two spans before: BenchmarkWindow takes 10 to 18 % fewer
// instructions with Builder.lastServices.
type knownService struct {
	name, namespace string
	node            nodeIndex // 0 if there is none
}

func (s *knownService) is(name, namespace string) bool {
	return s.node != 0 && s.name == name && s.namespace == namespace
}

// newService returns the node of the service with a resource, and keeps it for the next span. It
// does not keep the node if SplitBy makes the node depend on the resource, or if a limit replaced or
// cut a name, because the report counts each such span.
func (b *Builder) newService(name, namespace string, resource []Attr) nodeIndex {
	before := b.limited()
	id := b.renamer.rename(NodeID{Namespace: namespace, Name: cmp.Or(name, unknownService), Type: TypeService})
	for _, key := range b.cfg.SplitBy {
		if value, ok := findAttr(resource, key); ok && value != "" {
			id.Name += "@" + value
		}
	}
	node := b.node(id)
	if len(b.cfg.SplitBy) == 0 && b.limited() == before {
		b.lastServices = [...]knownService{{name, namespace, node}, b.lastServices[0]}
	}
	return node
}

// findAttr returns the first value that the attributes have for a key.
func findAttr(attrs []Attr, key string) (value string, ok bool) {
	for _, a := range attrs {
		if a.Key == key {
			return a.Value, true
		}
	}
	return "", false
}

// addTrigger notes the trigger of a serverless function as an attribute of its node.
func (b *Builder) addTrigger(node nodeIndex, trigger string) {
	if trigger != "" {
		b.addNodeAttr(node, Attr{"faas.trigger", trigger})
	}
}

// A dictionary maps the resource and interpretation numbers in the batches of one packer to this
// builder's nodes and record templates. Templates have a slice of their own, because every span
// needs one, while only the first span with a number needs the other fields.
type dictionary struct {
	resources []pack.Resource
	services  []resolvedResource // of the resources

	interpretations []semconv.Interpretation
	templates       []recordTemplate // of the interpretations

	scopes []string // by number; the first one is unknown
	scoped map[scopedInterpretation]recordTemplate
}

// A scopedInterpretation is an interpretation of spans with a scope. The template of an
// interpretation is for the scope that came last. The templates for other scopes are in a map, and
// they are rarely needed: most sets of attributes come from one library.
type scopedInterpretation struct {
	interpretation uint32
	scope          pack.Scope
}

// maxScoped bounds the templates in dictionary.scoped.
const maxScoped = 1 << 13

// A resolvedResource is the service of a resource.
type resolvedResource struct {
	node nodeIndex           // 0 if not resolved yet
	ages *directory.Interval // of the IP address that the resource states; nil if there is none
}

// A recordTemplate is the part of a compact span that the interpretation of the span decides.
type recordTemplate struct {
	trace.Span
	resolved  bool // the other fields are known
	fails     bool // the span has failed if it has no status of its own
	excused   bool // the span has not failed, even if its status is error
	triggered bool // the interpretation has the trigger of a function
	states    bool // a SERVER span states the address to which the request was sent

	isScoped bool       // the template is for spans with this scope
	scope    pack.Scope // of the spans

	stated recentStatement // what the last span stated
}

// dictionaryOf returns the dictionary for the packer of a batch, with the entries that the
// batch brings.
func dictionaryOf(batch *pack.Batch) *dictionary {
	d, ok := batch.Dictionary().(*dictionary)
	if !ok {
		d = new(dictionary)
		batch.SetDictionary(d)
	}
	if batch.Reset {
		*d = dictionary{resources: d.resources[:0], services: d.services[:0], interpretations: d.interpretations[:0], templates: d.templates[:0], scopes: d.scopes}
	}
	if len(d.scopes) == 0 {
		d.scopes = append(d.scopes, "")
	}
	d.scopes = append(d.scopes, batch.Scopes...)
	d.resources = append(d.resources, batch.Resources...)
	d.services = append(d.services, make([]resolvedResource, len(batch.Resources))...)
	d.interpretations = append(d.interpretations, batch.Interpretations...)
	d.templates = append(d.templates, make([]recordTemplate, len(batch.Interpretations))...)
	return d
}

// unpack overwrites a compact span with a packed span, all of it except the weight.
func (b *Builder) unpack(to *trace.Span, d *dictionary, s *pack.PackedSpan) {
	service, template := d.services[s.Resource], &d.templates[s.Interpretation]
	if service.node == 0 {
		service = b.resolveResource(d, s.Resource, s.Start)
	}
	if service.ages != nil {
		service.ages.Widen(directory.At(s.Start))
	}
	if !template.resolved || template.isScoped && template.scope != s.Scope {
		b.resolveInterpretation(d, s)
	}
	*to = template.Span
	to.ID, to.Parent = s.ID, s.Parent
	to.Start, to.End = s.Start, s.End
	to.Node = service.node
	to.Status = trace.Status(s.Status)
	if template.fails && to.Status == trace.StatusUnset {
		to.Status = trace.StatusError
	}
	if template.excused && to.Status == trace.StatusError {
		to.Status = trace.StatusUnset
	}
	if template.states {
		b.state(to, &template.stated)
	}
	if template.triggered {
		b.addTrigger(to.Node, d.interpretations[s.Interpretation].Trigger)
	}
}

// resolveResource returns the service of a resource. If a limit replaced the node by "other" or cut
// a name, the result is not stored, so that the report counts every such span. start is the start
// of the span.
func (b *Builder) resolveResource(d *dictionary, number pack.ResourceNumber, start int64) (service resolvedResource) {
	r := &d.resources[number]
	attrs := make([]Attr, len(r.Attrs))
	for i, a := range r.Attrs {
		attrs[i] = Attr(a)
	}
	before := b.limited()
	service.node, service.ages = b.serviceNode(r.Service, r.Namespace, attrs, start)
	if b.limited() == before {
		d.services[number] = service
	}
	return service
}

// resolveInterpretation interns the names of the interpretation of a span and writes its template.
// If a limit replaced, dropped or cut a name, the template is written again for every span, so that
// the report counts every such span.
func (b *Builder) resolveInterpretation(d *dictionary, s *pack.PackedSpan) {
	template := &d.templates[s.Interpretation]
	if template.resolved {
		if d.scoped == nil || len(d.scoped) >= maxScoped {
			d.scoped = make(map[scopedInterpretation]recordTemplate)
		}
		d.scoped[scopedInterpretation{s.Interpretation, template.scope}] = *template
		if known, ok := d.scoped[scopedInterpretation{s.Interpretation, s.Scope}]; ok {
			*template = known
			return
		}
	}
	of := &d.interpretations[s.Interpretation]
	scoped := of.In(d.scopes[s.Scope])
	before := b.limited()
	apply(&template.Span, &scoped, b.intern(&scoped))
	template.fails, template.excused, template.triggered = scoped.Failed, scoped.Excused, scoped.Trigger != ""
	template.states = template.Address != 0 && template.Kind == trace.Server
	template.isScoped, template.scope, template.stated = of.DependsOnScope(), s.Scope, recentStatement{}
	template.resolved = b.limited() == before
}

// isEnvironment reports whether a key is the current or the old name of the attribute for the
// deployment environment.
func isEnvironment(key string) bool {
	return key == "deployment.environment.name" || key == "deployment.environment"
}

// kubernetesNamespace is the key of the attribute for the Kubernetes namespace of a service. Hosts
// that the service dials without a namespace are in this namespace.
const kubernetesNamespace = "k8s.namespace.name"

// isOwnIP reports whether a key is the key of an attribute for the IP address of a Kubernetes pod
// or of a host.
func isOwnIP(key string) bool { return key == "k8s.pod.ip" || key == "host.ip" }

// An ownIP is the IP address that the resource of a service states. ages is the interval of the
// spans that state the address.
type ownIP struct {
	service nodeIndex
	text    string
	ages    *directory.Interval
}

// note keeps these attributes of a node's resource: those that Config.NodeAttrs lists, the
// environment, the Kubernetes namespace and the IP address. It returns the interval of the IP
// address: see serviceNode.
func (b *Builder) note(node nodeIndex, resource []Attr, start int64) (ages *directory.Interval) {
	for _, a := range resource {
		if isEnvironment(a.Key) {
			b.report.addEnvironment(b.cut(a.Value))
		}
		if a.Key == kubernetesNamespace && a.Value != "" {
			b.kubernetes[node], _ = withCapped(b.kubernetes[node], b.cut(a.Value), strings.Compare)
		}
		if isOwnIP(a.Key) {
			if last := &b.ownIP; last.service != node || last.text != a.Value {
				*last = ownIP{service: node, text: a.Value}
				if host := semconv.ParseHost(a.Value, "").Host; semconv.IsIP(host) {
					last.ages = b.stateAt(node, address{Host: host}, start)
				}
			}
			ages = b.ownIP.ages
		}
		if slices.Contains(b.cfg.NodeAttrs, a.Key) {
			b.addNodeAttr(node, a)
		}
	}
	return ages
}

func (b *Builder) addNodeAttr(node nodeIndex, a Attr) {
	a.Value = b.cut(a.Value)
	set, truncated := b.attrs[node].with(a)
	b.attrs[node] = set
	if truncated {
		b.truncated[node] = true
	}
}

// applyNodeAttrs gives the nodes of totals the attributes, Kubernetes namespaces and statements
// noted so far.
func (b *Builder) applyNodeAttrs(sum *totals) {
	for i, n := range sum.nodes {
		if n != nil {
			n.mergeAttrs(b.attrs[nodeIndex(i+1)], b.truncated[nodeIndex(i+1)])
			sum.addKubernetes(nodeIndex(i+1), b.kubernetes[nodeIndex(i+1)])
			for at, during := range b.statements.Of(nodeIndex(i + 1)) {
				sum.statements.Add(&b.names, nodeIndex(i+1), at, during)
			}
		}
	}
}

// detailAttrs returns the details of a call as attributes, sorted by key.
func detailAttrs(d detail) (attrs []Attr) {
	for key, value := range d.All() {
		attrs = append(attrs, Attr{key, value})
	}
	return attrs
}

func compareDetails(a, b detail) int {
	return cmp.Or(slices.CompareFunc(detailAttrs(a), detailAttrs(b), compareAttrs), strings.Compare(a.Scope, b.Scope), compareAsked(a.Asked, b.Asked))
}

func compareAsked(a, b semconv.Asked) int {
	return cmp.Or(
		strings.Compare(a.Host, b.Host), strings.Compare(a.Port, b.Port),
		strings.Compare(a.RPCService, b.RPCService), strings.Compare(a.RPCMethod, b.RPCMethod), strings.Compare(a.HTTPMethod, b.HTTPMethod), strings.Compare(a.Path, b.Path),
	)
}
