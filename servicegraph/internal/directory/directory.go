// Package directory finds the service to which a call without a callee span belongs, from the
// address that the caller dialed. It knows the calls that met a service, and at which address, and
// the names of the services. The rules are the rows of docs/semantics.md, D13 and A1 to A9.
//
// A directory is made anew for each graph. Only [Statements] are collected while spans arrive.
package directory

import (
	"slices"
	"strings"

	"github.com/tempograph/tempograph/servicegraph/internal/semconv"
	"github.com/tempograph/tempograph/servicegraph/internal/trace"
)

// A Service is a service with spans.
type Service struct {
	Node            trace.Node
	Name, Namespace string
	Kubernetes      []string // the Kubernetes namespaces of its resources
	States          []Statement
}

// A Statement is an address that the spans or the resources of a service state as the address of
// that service. A SERVER span, for example, has the host to which the client sent the request, and
// the RPC service.
type Statement struct {
	At     Address  // a host or an RPC service, not both
	During Interval // of the spans, for an address that ages
}

// A Meeting is a service that answered calls to an address.
type Meeting struct {
	Caller trace.Node // 0 unless the caller matters: see [Address.NeedsCaller]
	At     Address    // a part of an address: see [Address.Parts]
	Owner  trace.Node
	During Interval // for an address that ages
}

// A Call is a call without a callee span.
type Call struct {
	Caller     trace.Node
	At         Address
	Minute     Minute // for an address that ages
	IsSpecific bool   // the peer is more than a host: a database, a queue or the like
}

// An Answer tells how a directory found the service of a call.
type Answer uint8

const (
	Unknown   Answer = iota
	ByAddress        // other calls met the service at the address, or the service states the address
	ByName           // the host has the name of the service
	Ambiguous        // other calls met several services at the address
)

// A Directory finds the services of calls. Its exported methods only read, and are safe for
// concurrent use.
type Directory struct {
	kubernetes map[trace.Node]string      // the Kubernetes namespace of a service that has exactly one
	named      map[string][]*Service      // the services by name, in lower case
	met        book                       // who answered calls
	stated     book                       // who states an address
	long       map[string]map[string]bool // the names with a namespace, by their first label
	dialed     map[string]bool            // the hosts that callers dial, as they dial them
}

// A book has the owners of addresses: the services that answered there, or that state the address.
type book struct {
	places map[place]owners          // by host and port
	hosts  map[place]owners          // by host, on any port
	named  map[place]bool            // the hosts, on any port, at which callers give a callee a name
	labels map[Address]map[owns]bool // by RPC service or by name: the services, and whose calls they answered
}

func newBook() book {
	return book{make(map[place]owners), make(map[place]owners), make(map[place]bool), make(map[Address]map[owns]bool)}
}

// A place is a host and a port. The caller is 0 unless the host is on its machine.
type place struct {
	caller           trace.Node
	host, port, name string
}

type owners map[trace.Node]Interval

type owns struct{ owner, caller trace.Node }

// New returns a directory of services, of the meetings, and of the hosts that all other calls dial.
func New(services []Service, meetings []Meeting, calls []Call) *Directory {
	d := &Directory{
		kubernetes: make(map[trace.Node]string), named: make(map[string][]*Service),
		met: newBook(), stated: newBook(),
		long: make(map[string]map[string]bool), dialed: make(map[string]bool),
	}
	for i := range services {
		s := &services[i]
		name := strings.ToLower(s.Name)
		d.named[name] = append(d.named[name], s)
		if len(s.Kubernetes) == 1 {
			d.kubernetes[s.Node] = s.Kubernetes[0]
		}
	}
	for i := range meetings {
		d.dial(meetings[i].Caller, meetings[i].At.Host)
	}
	for i := range calls {
		d.dial(calls[i].Caller, calls[i].At.Host)
	}
	for i := range meetings {
		d.add(&d.met, &meetings[i])
	}
	for i := range services {
		for _, s := range services[i].States {
			if isGeneric(s.At.RPC) {
				continue
			}
			d.add(&d.stated, &Meeting{At: s.At, Owner: services[i].Node, During: s.During})
		}
	}
	return d
}

// dial notes a host that a caller dials.
func (d *Directory) dial(caller trace.Node, host string) {
	d.dialed[host] = true
	host = withoutPod(host)
	if isShort(host) {
		namespace := d.kubernetes[caller]
		if namespace == "" {
			return
		}
		host += "." + namespace
	}
	first, rest, found := strings.Cut(host, ".")
	if !found || strings.ContainsAny(rest, ".,:/") || semconv.IsLocal(host) {
		return // not a service name with a namespace
	}
	if d.long[first] == nil {
		d.long[first] = make(map[string]bool)
	}
	d.long[first][host] = true
}

// full returns the name of a host with its namespace, if the namespace is known. That is the
// caller's namespace in Kubernetes, or else the namespace of the only host with the same first
// label. The name of a pod becomes the name of its service.
func (d *Directory) full(caller trace.Node, host string) string {
	host = withoutPod(host)
	if !isShort(host) {
		return host
	}
	if namespace := d.kubernetes[caller]; namespace != "" {
		return host + "." + namespace
	}
	if len(d.long[host]) == 1 {
		for only := range d.long[host] {
			return only
		}
	}
	return host
}

// Host returns the name that a host has for all callers. It is the full name if some caller dials
// the full name, or if the short name is the name of a different service. Otherwise it is the host
// as it is.
func (d *Directory) Host(caller trace.Node, host string) string {
	if full := d.full(caller, host); d.dialed[full] || d.named[host] != nil {
		return full
	}
	return host
}

// withoutPod cuts the name of a pod from a host: cart-0.cart.shop is a pod of a stateful set, and
// 10-1-2-3.cart.shop is another pod, named after its IP address.
func withoutPod(host string) string {
	pod, service, _ := strings.Cut(host, ".")
	name, _, hasNamespace := strings.Cut(service, ".")
	if !hasNamespace {
		return host
	}
	number, isOfSet := strings.CutPrefix(pod, name+"-")
	if isOfSet && strings.Trim(number, "0123456789") == "" && number != "" || strings.Count(pod, "-") == 3 && semconv.IsIP(strings.ReplaceAll(pod, "-", ".")) {
		return service
	}
	return host
}

func (d *Directory) place(caller trace.Node, at Address) place {
	p := place{host: d.full(caller, at.Host), port: at.Port, name: at.Name}
	if semconv.IsLocal(at.Host) {
		p.caller = caller
	}
	return p
}

// add adds the owner of an address to a book.
func (d *Directory) add(b *book, m *Meeting) {
	if m.At.Host == "" {
		if b.labels[m.At] == nil {
			b.labels[m.At] = make(map[owns]bool)
		}
		b.labels[m.At][owns{m.Owner, m.Caller}] = true
		return
	}
	at := d.place(m.Caller, m.At)
	add := func(to map[place]owners, at place) {
		if to[at] == nil {
			to[at] = make(owners)
		}
		during, known := to[at][m.Owner]
		if known {
			during.Widen(m.During)
		} else {
			during = m.During
		}
		to[at][m.Owner] = during
	}
	for _, host := range hostsOf(at.host) {
		if at.name != "" {
			b.named[place{at.caller, host, "", ""}] = true
		}
		for _, name := range slices.Compact([]string{at.name, ""}) { // the name of a callee is optional
			add(b.places, place{at.caller, host, at.port, name})
			add(b.hosts, place{at.caller, host, "", name})
		}
	}
}

// hostsOf returns the hosts in a list, or a single host. A client that balances the load among the
// hosts of a list expects the same service at all of them.
func hostsOf(host string) []string {
	if !strings.Contains(host, ",") {
		return []string{host}
	}
	return append([]string{host}, strings.Split(host, ",")...)
}

// Find returns the service of a call. It looks for a service by the host and the port first, then
// by the name that the caller gives the callee, by the RPC service, and by the names of the
// services. The addresses that services state as their own come last, because they are the weakest
// evidence: a proxy states the same host as the services that it calls. If the caller itself
// answers at the address, the caller is a proxy, and its own call to the address goes to another
// service.
func (d *Directory) Find(c *Call) (service trace.Node, how Answer) {
	asks := [...]func(*Call, *book) (trace.Node, bool){d.atHost, d.asName, d.asRPC}
	var conflicts [len(asks)]bool
	for i, ask := range asks {
		if service, conflicts[i] = ask(c, &d.met); service != 0 {
			return service, ByAddress
		}
	}
	if !c.IsSpecific {
		name := c.At.Host
		if c.At.Name != "" { // a person chose another name than the host
			name = c.At.Name
		}
		if service := d.Named(c.Caller, name); service != 0 {
			return service, ByName
		}
	}
	for i, ask := range asks {
		if conflicts[i] {
			continue
		}
		if service, conflicts[i] = ask(c, &d.stated); service != 0 {
			return service, ByAddress
		}
	}
	if slices.Contains(conflicts[:], true) {
		return 0, Ambiguous
	}
	return 0, Unknown
}

// atHost returns the only service that a book has at the host and the port of a call. A call
// without a port may go to any port of the host, and a service that answered such a call may listen
// on any port where no other service answered. Neither is assumed if the peer is a database or the
// like, which probably has another port than the service.
func (d *Directory) atHost(c *Call, b *book) (only trace.Node, ambiguous bool) {
	if c.At.Host == "" {
		return 0, false
	}
	at, known := d.place(c.Caller, c.At), b.places
	if at.name != "" && !b.isNamed(at) {
		at.name = "" // no caller distinguishes callees at the host by name
	}
	if at.port == "" {
		if c.IsSpecific {
			return 0, false
		}
		known = b.hosts
	}
	only, ambiguous = d.ownerAt(c, at, known)
	if anywhere := (place{at.caller, at.host, "", at.name}); only == 0 && !ambiguous && at.port != "" && !c.IsSpecific && len(b.hosts[anywhere]) == 1 {
		return d.ownerAt(c, anywhere, b.places)
	}
	return only, ambiguous
}

// ownerAt returns the only service that answered at a place of a call.
func (d *Directory) ownerAt(c *Call, at place, known map[place]owners) (only trace.Node, ambiguous bool) {
	ages := c.At.Ages()
	for _, host := range hostsOf(at.host) {
		at.host = host
		for owner, during := range known[at] {
			if owner == c.Caller && at.caller == 0 || ages && !c.Minute.isNear(during) || owner == only {
				continue
			}
			if only != 0 {
				return 0, true
			}
			only = owner
		}
	}
	return only, false
}

// isNamed reports whether callers give a callee at a host a name.
func (b *book) isNamed(at place) bool {
	return slices.ContainsFunc(hostsOf(at.host), func(host string) bool { return b.named[place{at.caller, host, "", ""}] })
}

// asName returns the only service that a book has for the name that the caller gives the callee.
func (d *Directory) asName(c *Call, b *book) (only trace.Node, ambiguous bool) {
	if c.At.Name == "" {
		return 0, false
	}
	return b.labeled(c.Caller, Address{Name: c.At.Name})
}

// asRPC returns the only service that a book has for the RPC service of a call.
func (d *Directory) asRPC(c *Call, b *book) (only trace.Node, ambiguous bool) {
	if c.At.RPC == "" || c.At.Host != "" && isGeneric(c.At.RPC) {
		return 0, false
	}
	return b.labeled(c.Caller, Address{RPC: c.At.RPC})
}

// labeled returns the only service that answered at an address without a host, or the only one of
// several that the caller has met.
func (b *book) labeled(caller trace.Node, at Address) (only trace.Node, ambiguous bool) {
	all, own := make(map[trace.Node]bool), make(map[trace.Node]bool)
	for o := range b.labels[at] {
		if o.owner == caller && o.caller != caller {
			continue
		}
		all[o.owner] = true
		if o.caller == caller {
			own[o.owner] = true
		}
	}
	for _, among := range [...]map[trace.Node]bool{all, own} {
		if len(among) == 1 {
			for only = range among {
				return only, false
			}
		}
	}
	return 0, len(all) > 1
}

// isGeneric reports whether an RPC service is one that many programs offer besides their own, such
// as health checks. A call to it may go to any of them.
func isGeneric(rpc string) bool {
	return strings.HasPrefix(rpc, "grpc.health.") || strings.HasPrefix(rpc, "grpc.reflection.") || strings.HasPrefix(rpc, "grpc.channelz.")
}

// Named returns the only service that has the name of a host, or a name that a caller chose, in upper
// or lower case. If the name has no namespace, and no service or several services have the name, the
// full name decides. It returns 0 if there is no such service.
func (d *Directory) Named(caller trace.Node, name string) trace.Node {
	host := strings.ToLower(name)
	if host == "" || semconv.IsIP(host) || semconv.IsLocal(host) {
		return 0
	}
	if only := d.onlyNamed(caller, host); only != 0 {
		return only
	}
	if full := d.full(caller, host); full != host {
		return d.onlyNamed(caller, full)
	}
	return 0
}

// onlyNamed returns the only service that has the name: the name alone, or the name and a
// namespace. A name without a namespace, from a caller whose Kubernetes namespace is known, does
// not mean a service that is known to be in other namespaces only.
func (d *Directory) onlyNamed(caller trace.Node, host string) (only trace.Node) {
	fits := make(map[trace.Node]bool)
	own := d.kubernetes[caller]
	for _, s := range d.named[host] {
		if !isShort(host) || own == "" || len(s.Kubernetes) == 0 || slices.Contains(s.Kubernetes, own) {
			fits[s.Node] = true
		}
	}
	if i := strings.LastIndexByte(host, '.'); i > 0 {
		for _, s := range d.named[host[:i]] {
			if namespace := host[i+1:]; strings.ToLower(s.Namespace) == namespace || slices.Contains(s.Kubernetes, namespace) {
				fits[s.Node] = true
			}
		}
	}
	if len(fits) == 1 {
		for only = range fits {
			return only
		}
	}
	return 0
}
