package semconv

import (
	"cmp"
	"net/netip"
	"net/url"
	"strings"
)

// An Address is the address at which a callee listens, as its callers dial it. An empty Host
// means that the address is unknown.
type Address struct{ Host, Port string }

// IsLoopback reports whether a host name or IP address always means the caller's own machine.
func IsLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip, ok := parseIP(host)
	return ok && ip.IsLoopback()
}

// address returns the address at which the callee listens. Only a logical address counts, which
// may be part of a URL. A network address may belong to a load balancer of several services.
func (a *Attrs) address() Address {
	name, port := cmp.Or(a.serverAddress, a.netPeerName), cmp.Or(a.serverPort, a.netPeerPort)
	if name == "" {
		if u := a.url(); u != nil {
			return Address{Host: hostOf(u.Hostname()), Port: cmp.Or(u.Port(), port, defaultPorts[u.Scheme])}
		}
	}
	if port == "" {
		if _, after, found := strings.Cut(name, ":"); found && isNumber(after) {
			port = after
		}
	}
	return Address{Host: hostOf(name), Port: port}
}

// defaultPorts are the ports, by scheme, of URLs without a port.
var defaultPorts = map[string]string{"http": "80", "https": "443"}

// host returns the callee's host without port. It prefers logical names to network addresses.
func (a *Attrs) host() string {
	switch {
	case a.serverAddress != "":
		return hostOf(a.serverAddress)
	case a.netPeerName != "":
		return hostOf(a.netPeerName)
	}
	if u := a.url(); u != nil {
		return hostOf(u.Hostname())
	}
	return hostOf(cmp.Or(a.httpHost, a.networkPeerAddress, a.netSockPeerAddress, a.netPeerIPOld))
}

// url returns the URL of a request up to the path, or nil if the URL is unknown.
func (a *Attrs) url() *url.URL {
	for _, raw := range [...]string{a.urlFull, a.httpURL} {
		if raw == "" {
			continue
		}
		if u, err := url.Parse(raw[:OriginLen(raw)]); err == nil && u.Hostname() != "" {
			return u
		}
	}
	return nil
}

// OriginLen returns the length of a URL up to the path, or 0 if the URL names no host. The path
// and the query differ between requests and do not identify the callee.
func OriginLen[T string | []byte](url T) int {
	host := 0 // where the host begins
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

// hostOf removes the port, the brackets of IPv6 and a final dot, and lowers the case, which does
// not matter in DNS. Ports are details, not names [D12].
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
		return netip.Addr{}, false // ParseAddr would allocate an error for most names
	}
	ip, err := netip.ParseAddr(host)
	return ip, err == nil
}
