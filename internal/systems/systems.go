// Package systems generates distributed systems of any size and the spans of requests through them,
// for tests and measurements with large graphs.
//
// A system has entry gateways, layers of services in namespaces, databases and external
// hosts without spans, and queues. Services retry failed calls. Equal configurations give
// equal systems.
package systems

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// A Config describes a system. The zero value is a system without services.
type Config struct {
	Services int // number of services with spans; databases and external hosts are not counted
	// Failing makes calls to some databases fail: to one database for each 60 services, and to at
	// least one. The errors propagate to the callers, up to the entries.
	Failing bool
	Seed    uint64
	// Requests is the number of requests from outside, each of which is a trace; 0 means
	// 20 for each service, and at least 600.
	Requests int
}

// layers is the number of layers of services. Requests enter in the first one.
const layers = 5

// A System is a set of services and the calls that they make.
type System struct {
	config  Config
	entries []*service
	all     []*service
}

// A service is a service with spans, or a peer.
type service struct {
	namespace, name string
	key             string // key of the span attribute that names a peer; empty for a service
	layer           int
	typical         time.Duration // self time of a request
	errors          float64       // fraction of requests that fail by themselves
	calls           []call
}

// A call is a call that a service makes in a fraction of its requests.
type call struct {
	to       *service
	fraction float64
	queue    string // the name of the queue of a message; empty for a request
	retries  int    // after a failed call
}

// The names of namespaces, and of the services in a namespace. If a system needs more names, the
// names repeat with a number.
var (
	domains = []string{"edge", "checkout", "payments", "catalog", "search", "orders", "shipping", "identity", "billing", "inventory", "notify", "media", "fraud", "pricing", "support", "reports"}
	roles   = [layers][]string{
		{"gateway", "bff", "web"},
		{"api", "composer", "session"},
		{"service", "engine", "rules", "workflow"},
		{"worker", "store", "index", "consumer"},
		{"ledger", "cache", "archive", "audit"},
	}
	stores  = []string{"postgresql", "mysql", "redis", "mongodb", "cassandra"}
	outside = []string{"api.stripe.com", "hooks.slack.com", "maps.example.com", "mail.example.net", "auth.example.org", "sms.example.com", "geo.example.net", "tax.example.org"}
)

// perNamespace is the number of services in a namespace.
const perNamespace = 9

// New returns the system of a configuration.
func New(c Config) *System {
	rng := rand.New(rand.NewPCG(c.Seed, 0x5157e45))
	s := &System{config: c}
	s.addServices(rng)
	s.addCalls(rng)
	peers := s.addPeers(rng)
	if c.Failing {
		fail(peers, (c.Services+59)/60, rng)
	}
	return s
}

// addServices adds the services, a namespace at a time. Only the first namespaces have
// entries.
func (s *System) addServices(rng *rand.Rand) {
	namespaces := (s.config.Services + perNamespace - 1) / perNamespace
	entering := 1 + namespaces/6
	for i := range s.config.Services {
		space := i % namespaces
		layer := 1 + (i/namespaces)%(layers-1)
		if space < entering && i < namespaces {
			layer = 0
		}
		namespace := numbered(domains, space)
		role := roles[layer][(i/namespaces)%len(roles[layer])]
		v := &service{
			namespace: namespace, name: unique(s.all, namespace, namespace+"-"+role), layer: layer,
			typical: time.Duration(1+rng.IntN(12)) * time.Millisecond, errors: 0.0015 * rng.Float64(),
		}
		s.all = append(s.all, v)
		if layer == 0 {
			s.entries = append(s.entries, v)
		}
	}
	if len(s.entries) == 0 && len(s.all) > 0 {
		s.entries = s.all[:1]
	}
}

// addCalls gives each service callees in deeper layers, mostly of the same namespace, and
// each service without a caller a caller.
func (s *System) addCalls(rng *rand.Rand) {
	called := make(map[*service]bool)
	for _, v := range s.all {
		for range 1 + rng.IntN(3) {
			if to := s.callee(v, rng); to != nil && !v.callsTo(to) {
				v.calls = append(v.calls, s.newCall(to, rng))
				called[to] = true
			}
		}
	}
	for _, v := range s.all {
		if v.layer == 0 || called[v] {
			continue
		}
		var callers []*service
		for _, u := range s.all {
			if u.layer < v.layer && (u.namespace == v.namespace || u.layer == 0) {
				callers = append(callers, u)
			}
		}
		if len(callers) > 0 {
			u := callers[rng.IntN(len(callers))]
			u.calls = append(u.calls, s.newCall(v, rng))
		}
	}
}

// callee returns a service in a deeper layer, or nil.
func (s *System) callee(v *service, rng *rand.Rand) *service {
	var near, far []*service
	for _, u := range s.all {
		switch {
		case u.layer <= v.layer || u.layer > v.layer+2:
		case u.namespace == v.namespace:
			near = append(near, u)
		default:
			far = append(far, u)
		}
	}
	list := near
	if len(near) == 0 || rng.Float64() < 0.35 && len(far) > 0 {
		list = far
	}
	if len(list) == 0 {
		return nil
	}
	return list[rng.IntN(len(list))]
}

func (s *System) newCall(to *service, rng *rand.Rand) call {
	c := call{to: to, fraction: 0.3 + 0.7*rng.Float64()}
	switch {
	case rng.Float64() < 0.12:
		c.queue = to.namespace + "." + to.name
	case rng.Float64() < 0.3:
		c.retries = 1 + rng.IntN(2)
	}
	return c
}

// addPeers adds databases and external hosts, and returns the databases.
func (s *System) addPeers(rng *rand.Rand) (databases []*service) {
	shared := make(map[string]*service) // databases of a namespace, by name
	for i, v := range s.all {
		if v.layer < 2 {
			continue
		}
		if rng.Float64() < 0.5 {
			name := v.name + "-" + stores[rng.IntN(len(stores))]
			if rng.Float64() < 0.3 {
				name = v.namespace + "-" + stores[rng.IntN(2)]
			}
			db := shared[name]
			if db == nil {
				db = &service{name: name, key: "db.namespace", typical: time.Duration(1+rng.IntN(8)) * time.Millisecond, errors: 0.001 * rng.Float64()}
				shared[name] = db
				databases = append(databases, db)
			}
			v.calls = append(v.calls, call{to: db, fraction: 0.5 + 0.5*rng.Float64(), retries: rng.IntN(2)})
		}
		if i%11 == 5 {
			v.calls = append(v.calls, call{to: &service{name: numbered(outside, i/11), key: "server.address", typical: 60 * time.Millisecond, errors: 0.002}, fraction: 0.6})
		}
	}
	return databases
}

// fail makes n of the databases fail.
func fail(databases []*service, n int, rng *rand.Rand) {
	for _, i := range rng.Perm(len(databases))[:min(n, len(databases))] {
		databases[i].errors = 0.6
		databases[i].typical = 900 * time.Millisecond
	}
}

func (v *service) callsTo(to *service) bool {
	for _, c := range v.calls {
		if c.to == to {
			return true
		}
	}
	return false
}

// numbered returns word i of an endless list: after the last word, the words repeat with a number.
func numbered(words []string, i int) string {
	if i < len(words) {
		return words[i]
	}
	return fmt.Sprintf("%s%d", words[i%len(words)], 1+i/len(words))
}

// unique returns a name that no service of the namespace has.
func unique(all []*service, namespace, name string) string {
	taken := func(name string) bool {
		for _, v := range all {
			if v.namespace == namespace && v.name == name {
				return true
			}
		}
		return false
	}
	candidate := name
	for n := 2; taken(candidate); n++ {
		candidate = fmt.Sprintf("%s-%d", name, n)
	}
	return candidate
}
