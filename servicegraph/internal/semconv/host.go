package semconv

import (
	"net/netip"
	"path"
	"slices"
	"strings"
)

// An Address is the address at which a callee listens, as its callers dial it. An empty Host
// means that the address is unknown.
type Address struct {
	Host string // canonical: see [ParseHost]
	Port string
}

// ParseHost returns the canonical address of a host, which is the same for all texts that name the
// host. The text is the value of an attribute: a host, a host with a port, an IP address, a gRPC
// target, a URL up to the path, a socket address of Java, a data source of SQL Server, a list of hosts
// separated by commas or as JSON and Python write it, or the path of a Unix socket. The port is the
// port in the text, or else the given port.
//
// The host has lower case, no port, no final dot, no zone of IPv6, and, if it is a name of a
// Kubernetes service, neither ".svc" nor the domain of the cluster. An IPv4 address that is written
// as an IPv6 address becomes an IPv4 address. A list of hosts is sorted, and has a port if it names
// only one port. A text that instrumentations write in place of an unknown host gives no host.
func ParseHost(text, port string) Address {
	text, isPath := endpoint(withoutResolved(ofDataSource(unquoted(strings.TrimSpace(text)), true)))
	if isPath {
		return Address{Host: text}
	}
	if strings.IndexByte(text, ',') < 0 {
		return parseHost(text, port)
	}
	var hosts, ports []string
	for item := range strings.SplitSeq(text, ",") {
		item, _ = endpoint(strings.TrimSpace(item))
		if at := parseHost(item, ""); at.Host != "" {
			hosts = append(hosts, at.Host)
			if at.Port != "" {
				ports = append(ports, at.Port)
			}
		}
	}
	slices.Sort(hosts)
	slices.Sort(ports)
	at := Address{Host: strings.Join(slices.Compact(hosts), ",")}
	switch ports = slices.Compact(ports); {
	case at.Host == "" || len(ports) > 1:
	case len(ports) == 1:
		at.Port = ports[0]
	default:
		at.Port = port
	}
	return at
}

// unquoted removes the brackets and quotes of a list of hosts in JSON or Python, and the quotes of one
// host. The brackets of an IPv6 address stay.
func unquoted(text string) string {
	if text == "" || text[0] != '[' && text[0] != '"' && text[0] != '\'' {
		return text
	}
	if last := len(text) - 1; last > 1 && text[0] == '[' && text[last] == ']' {
		inside := text[1:last]
		if _, isIP := parseIP(inside); !isIP && (inside[0] == '"' || inside[0] == '\'' || !strings.ContainsAny(inside, "[]")) {
			text = inside
		}
	}
	return strings.NewReplacer(`"`, "", "'", "").Replace(text)
}

// withoutResolved removes the IP address from the text of a socket address in Java, name/IP:port.
// If the text has no name, the IP address and the port remain. Any other text is returned as it is.
func withoutResolved(text string) string {
	name, rest, found := strings.Cut(text, "/")
	if !found {
		return text
	}
	host, port := splitPort(rest)
	if _, isIP := parseIP(host); port == "" || !isIP && host != "<unresolved>" {
		return text
	}
	if name == "" {
		return rest
	}
	return name + ":" + port
}

// parseHost parses one host, which may have a port.
func parseHost(text, port string) Address {
	host, inText := splitPort(text)
	if inText != "" {
		port = inText
	}
	if ip, ok := parseIP(host); ok {
		host = ip.Unmap().WithZone("").String()
	} else {
		host = inCluster(strings.ToLower(strings.TrimSuffix(host, ".")))
	}
	if isPlaceholder(host) {
		return Address{}
	}
	return Address{Host: host, Port: port}
}

// splitPort separates the port from a host, and removes the brackets of IPv6.
func splitPort(text string) (host, port string) {
	if rest, bracketed := strings.CutPrefix(text, "["); bracketed {
		host, port, _ = strings.Cut(rest, "]")
		return host, strings.TrimPrefix(port, ":")
	}
	host, port, found := strings.Cut(text, ":")
	switch {
	case !found:
	case port == "", isNumber(port):
		return host, port
	case known(port) == "": // such as cart:undefined
		return host, ""
	}
	return text, ""
}

// endpoint returns the part of a target or a URL that names the host, and whether this part is
// the path of a Unix socket. A text without a scheme is returned as it is.
func endpoint(text string) (host string, isPath bool) {
	for range 2 { // passthrough targets can contain another target
		if strings.HasPrefix(text, "/") || strings.HasPrefix(text, `\\.\pipe\`) {
			return text, true
		}
		scheme, rest, found := strings.Cut(text, ":")
		if !found || isNumber(rest) {
			return text, false
		}
		scheme = strings.ToLower(scheme)
		resolver, isTarget := targets[scheme]
		authority, hasAuthority := strings.CutPrefix(rest, "//")
		switch {
		case resolver == sockets:
			if hasAuthority {
				rest = authority
			}
			if scheme == "unix-abstract" {
				rest = "@" + rest
			}
			return rest, rest != ""
		case hasAuthority:
			before, after, hasPath := strings.Cut(authority, "/")
			if hasPath && (before == "" || isTarget) {
				text = withoutQuery(after) // the authority names the name server
				continue
			}
			before = withoutQuery(before)
			return before[strings.LastIndexByte(before, '@')+1:], false // without a password
		case isTarget:
			text = rest
		default:
			return text, false
		}
	}
	return text, false
}

func withoutQuery(url string) string {
	if i := strings.IndexAny(url, "?#"); i >= 0 {
		return url[:i]
	}
	return url
}

// targets are the schemes of targets whose authority is a name server and not the host: the schemes
// of gRPC, and of common name resolvers for gRPC.
var targets = map[string]int{
	"dns": names, "passthrough": names, "xds": names, "google-c2p": names, "ipv4": names, "ipv6": names,
	"consul": names, "etcd": names, "kubernetes": names, "k8s": names, "discovery": names, "nacos": names,
	"unix": sockets, "unix-abstract": sockets,
}

const (
	names   = iota + 1
	sockets // on the same machine
)

// inCluster cuts ".svc" and the domain of the cluster from the name of a Kubernetes service. The
// name of the service and the namespace remain. The domain of a cluster ends with "local", and no
// public domain does.
func inCluster(host string) string {
	if i := strings.Index(host, ".svc.") + 1; i > 0 && strings.HasSuffix(host, ".local") || i == 0 && strings.HasSuffix(host, ".svc") {
		if i == 0 {
			i = len(host) - len("svc")
		}
		if strings.IndexByte(host[:i-1], '.') > 0 {
			return host[:i-1]
		}
	}
	return host
}

// isPlaceholder reports whether a text, in lower case, stands for an unknown host or name.
func isPlaceholder(s string) bool {
	switch s {
	case "", "-", "*", "?", "0.0.0.0", "::", "outgoing", "incoming", "unknown", "unspecified", "undefined",
		"null", "nil", "none", "n/a", "<nil>", "<null>", "<none>", "<unknown>", "(unknown)", "(null)", "(none)":
		return true
	}
	return false
}

// known returns a name, or an empty text for a placeholder.
func known(name string) string {
	if len(name) <= len("unspecified") && isPlaceholder(strings.ToLower(name)) {
		return ""
	}
	return name
}

// IsLocal reports whether a canonical host is on the caller's own machine, and so a different host
// for each caller: a loopback address, or the path of a socket.
func IsLocal(host string) bool {
	if isLoopbackName(host) || strings.HasSuffix(host, ".localhost") || isSocket(host) {
		return true
	}
	ip, ok := parseIP(host)
	return ok && ip.IsLoopback()
}

// isLoopbackName reports whether a canonical host is a name that /etc/hosts usually gives the
// loopback interface.
func isLoopbackName(host string) bool {
	switch host {
	case "localhost", "localhost.localdomain", "localhost4", "localhost6", "ip6-localhost", "ip6-loopback":
		return true
	}
	return false
}

func isSocket(host string) bool {
	return strings.HasPrefix(host, "/") || strings.HasPrefix(host, "@") || strings.HasPrefix(host, `\\.\pipe\`)
}

// Loopback returns "localhost" for all canonical hosts that mean the loopback interface, and
// any other host as it is.
func Loopback(host string) string {
	if isLoopbackName(host) {
		return "localhost"
	}
	if ip, ok := parseIP(host); ok && ip.IsLoopback() {
		return "localhost"
	}
	return host
}

// IsIP reports whether a canonical host is an IP address, or a list of them.
func IsIP(host string) bool {
	for mayBeIP(host) {
		var first string
		first, host, _ = strings.Cut(host, ",")
		if _, ok := parseIP(first); !ok {
			return false
		}
		if host == "" {
			return true
		}
	}
	return false
}

// mayBeIP reports whether a text can be an IP address, or a list of them. Most names cannot.
func mayBeIP(host string) bool {
	return host != "" && ('0' <= host[0] && host[0] <= '9' || strings.Contains(host, ":"))
}

func parseIP(host string) (netip.Addr, bool) {
	if !mayBeIP(host) {
		return netip.Addr{}, false // ParseAddr would allocate an error for most names
	}
	ip, err := netip.ParseAddr(host)
	return ip, err == nil
}

// parseEnvoyCluster returns the address in the name of a cluster of Envoy's configuration. Istio's
// names have the direction, the port, the subset and the host,
// outbound|8080|v1|cart.shop.svc.cluster.local, with "_." in place of "|" in TLS server names. Any
// other name is taken as a host, if it can be one. Istio's clusters for traffic into the proxy's
// own service, and clusters without a fixed host, have no address in their names.
func parseEnvoyCluster(name string) Address {
	if strings.HasPrefix(name, "outbound_.") || strings.HasPrefix(name, "inbound_.") {
		name = strings.ReplaceAll(name, "_.", "|")
	}
	if parts := strings.Split(name, "|"); len(parts) > 1 {
		if parts[0] != "outbound" || len(parts) != 4 {
			return Address{}
		}
		return ParseHost(parts[3], parts[1])
	}
	switch name {
	case "PassthroughCluster", "BlackHoleCluster", "InboundPassthroughCluster", "InboundPassthroughClusterIpv4", "InboundPassthroughClusterIpv6":
		return Address{}
	}
	if path.Base(name) != name || strings.ContainsAny(name, " ,") {
		return Address{}
	}
	return ParseHost(name, "")
}
