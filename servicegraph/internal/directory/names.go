package directory

import (
	"cmp"
	"maps"
	"strings"

	"github.com/tempograph/tempograph/servicegraph/internal/semconv"
	"github.com/tempograph/tempograph/servicegraph/internal/trace"
)

// A Peer is the other side of a call that belongs to no service.
type Peer struct {
	Node       trace.Node
	Name, Type string
	Kind       PeerKind
}

// A PeerKind tells what the name of a peer is.
type PeerKind uint8

const (
	Chosen PeerKind = iota // a name that a person chose
	Host                   // the host
	Server                 // a database, a queue or the like; several hosts can have one with the same name
)

// Names gives each peer a name. If callers give different peers the same name, Names makes their
// names differ. If callers give one peer different names, Names picks one. All calls that belong to
// no service must be added before the first call of Name.
type Names struct {
	directory *Directory
	local     map[string]map[port]Peer         // by host: the peers on the machine of a caller, each under the first of its names
	ports     map[string]map[trace.Node]int    // by host and caller: the number of these peers
	servers   map[trace.Node]map[string]server // by peer: the first of the hosts that differ only in their digits
	short     map[short]map[string]bool        // by name: the full names of the hosts
	met       map[usage]map[string]bool        // by database and caller: the keys of the servers that the caller names
	given     Given                            // names that stay; nil if none do
	new       Given                            // the other names so far, if names stay
}

// Given are the names that peers have in a graph, for later graphs in which the names must not
// change. A Given is read-only.
type Given map[thing]nodeName

// A thing is a peer that gets one name: a host as a caller dials it, or a database or the like on
// hosts that differ only in their digits.
type thing struct {
	peer, caller trace.Node
	host, port   string
}

type nodeName struct{ name, typ string }

// A usage is a database or the like that a caller calls.
type usage struct{ peer, caller trace.Node }

// A server is a host of a database or the like: as it is named for all callers, and its full name.
type server struct{ host, full string }

// A short is the name of the host of a database or the like. The peer is 0 if the peer is only a host.
type short struct {
	peer trace.Node
	host string
}

// A port is a port on the machine of a caller.
type port struct {
	caller trace.Node
	port   string
}

// NewNames returns Names without calls. The names in given stay as they are. If given is nil, no
// names are kept for later graphs; an empty map keeps them.
func NewNames(d *Directory, given Given) *Names {
	return &Names{
		given: given, new: make(Given),
		directory: d, local: make(map[string]map[port]Peer),
		ports: make(map[string]map[trace.Node]int), servers: make(map[trace.Node]map[string]server),
		short: make(map[short]map[string]bool),
		met:   make(map[usage]map[string]bool),
	}
}

// Add adds a call that belongs to no service.
func (n *Names) Add(c *Call, p *Peer) {
	switch {
	case p.Kind == Host && semconv.IsLocal(c.At.Host):
		n.addLocal(c, p)
	case p.Kind == Host && p.Name == c.At.Host:
		n.addShort(0, c)
	case p.Kind == Server:
		host := n.directory.full(c.Caller, c.At.Host)
		alike := alikeOf(host)
		if alike == "" {
			return
		}
		n.addShort(p.Node, c)
		if n.servers[p.Node] == nil {
			n.servers[p.Node] = make(map[string]server)
		}
		this := server{n.directory.Host(c.Caller, c.At.Host), host}
		if first, known := n.servers[p.Node][alike]; !known || cmp.Or(strings.Compare(this.host, first.host), strings.Compare(this.full, first.full)) < 0 {
			n.servers[p.Node][alike] = this
		}
		by := usage{p.Node, c.Caller}
		if n.met[by] == nil {
			n.met[by] = make(map[string]bool)
		}
		n.met[by][alike] = true
	}
}

// addShort notes the full name of the host of a call.
func (n *Names) addShort(peer trace.Node, c *Call) {
	host := short{peer, n.directory.Host(c.Caller, c.At.Host)}
	if n.short[host] == nil {
		n.short[host] = make(map[string]bool)
	}
	n.short[host][n.directory.full(c.Caller, c.At.Host)] = true
}

// isShared reports whether several peers, or several hosts of one peer, have the same short name.
func (n *Names) isShared(peer trace.Node, host string) bool {
	return len(n.short[short{peer, host}]) > 1
}

func (n *Names) addLocal(c *Call, p *Peer) {
	host, at := c.At.Host, port{c.Caller, c.At.Port}
	if n.local[host] == nil {
		n.local[host], n.ports[host] = make(map[port]Peer), make(map[trace.Node]int)
	}
	first, known := n.local[host][at]
	if !known {
		n.ports[host][c.Caller]++
	}
	if !known || cmp.Or(strings.Compare(p.Name, first.Name), strings.Compare(p.Type, first.Type)) < 0 {
		n.local[host][at] = *p
	}
}

// Given returns the names that were given and those that Name has returned, for another graph.
func (n *Names) Given() Given {
	if n.given == nil || len(n.new) == 0 {
		return n.given
	}
	all := maps.Clone(n.given)
	maps.Copy(all, n.new)
	return all
}

// Name returns the name and the type of the peer of a call. They are the given ones, or else those
// that follow from all added calls.
func (n *Names) Name(c *Call, p *Peer, caller string) (name, typ string) {
	if n.given == nil || p.Kind == Chosen {
		return n.name(c, p, caller)
	}
	t := thing{peer: p.Node}
	switch {
	case p.Kind == Server:
		t.host = alikeOf(n.directory.full(c.Caller, c.At.Host))
		if c.At.Host == "" {
			t.caller = c.Caller
		}
	case semconv.IsLocal(c.At.Host):
		t = thing{caller: c.Caller, host: c.At.Host, port: c.At.Port}
	default:
		t.caller, t.host = c.Caller, c.At.Host
	}
	if given, known := n.given[t]; known {
		return given.name, given.typ
	}
	name, typ = n.name(c, p, caller)
	n.new[t] = nodeName{name, typ}
	return name, typ
}

// name returns the name and the type of the peer of a call, as they follow from all added calls. A
// peer on the machine of its caller is a different peer for each caller and port; if there are
// several, the name contains the caller. A host has the same name for all callers. A database or
// the like is a different peer on each host. There are two exceptions: hosts that differ only in
// their digits, and IP addresses, are taken for the shards and replicas of one database. A call
// that names no host, such as a call that failed before it was connected, goes to the peer of the
// caller's other calls, if there is only one.
func (n *Names) name(c *Call, p *Peer, caller string) (name, typ string) {
	name, typ = p.Name, p.Type
	host := c.At.Host
	switch {
	case p.Kind == Host && semconv.IsLocal(host):
		at := port{c.Caller, c.At.Port}
		if first, known := n.local[host][at]; known {
			name, typ = first.Name, first.Type
		}
		if len(n.local[host]) < 2 {
			return name, typ
		}
		if n.ports[host][c.Caller] > 1 && at.port != "" {
			host += ":" + at.port
		}
		if typ == "ip" {
			typ = "external"
		}
		return host + "@" + caller, typ
	case p.Kind == Host && p.Name == host:
		if name = n.directory.Host(c.Caller, host); n.isShared(0, name) {
			name = n.directory.full(c.Caller, host)
		}
	case p.Kind == Server && len(n.servers[p.Node]) > 1:
		alike := alikeOf(n.directory.full(c.Caller, host))
		if met := n.met[usage{p.Node, c.Caller}]; host == "" && len(met) == 1 {
			for only := range met {
				alike = only
			}
		}
		switch first := n.servers[p.Node][alike]; {
		case n.isShared(p.Node, first.host):
			name += "@" + first.full
		case first.host != "":
			name += "@" + first.host
		}
	}
	return name, typ
}

// alikeOf returns a text that is the same for hosts that differ only in their digits. It returns an
// empty text for IP addresses and for hosts on the caller's own machine, which identify no peer.
func alikeOf(host string) string {
	if host == "" || semconv.IsIP(host) || semconv.IsLocal(host) {
		return ""
	}
	var hosts []string
	for h := range strings.SplitSeq(host, ",") {
		h = strings.Map(func(r rune) rune {
			if r >= '0' && r <= '9' {
				return -1
			}
			return r
		}, h)
		if len(hosts) == 0 || hosts[len(hosts)-1] != h {
			hosts = append(hosts, h)
		}
	}
	return strings.Join(hosts, ",")
}
