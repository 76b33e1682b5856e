package semconv

import (
	"cmp"
	"net/url"
)

// logicalAddress returns the address at which the callee listens, as a name service knows it, or
// the part of a URL that tells it. A proxy names the cluster to which it sends a request; its URL is
// that of the request which it received.
func (a *Attrs) logicalAddress() Address {
	for _, cluster := range [...]string{a.upstreamCluster, a.upstreamClusterName} {
		if cluster == "" {
			continue
		}
		if at := parseEnvoyCluster(cluster); at.Host != "" {
			return at
		}
	}
	port := cmp.Or(portOf(a.serverPort), portOf(a.netPeerPort))
	for _, name := range [...]string{a.serverAddress, a.netPeerName} {
		if name == "" {
			continue
		}
		if at := ParseHost(name, port); at.Host != "" {
			return at
		}
	}
	for _, raw := range [...]string{a.urlFull, a.httpURL} {
		if at := addressOf(parseOrigin(raw), port); at.Host != "" {
			return at
		}
	}
	for _, name := range [...]string{a.httpHost, a.serverSocketDomain, a.netSockPeerName} {
		if name == "" {
			continue
		}
		if at := ParseHost(name, port); at.Host != "" {
			return at
		}
	}
	return Address{}
}

// networkAddress returns the address at the other end of the connection. It can belong to a load
// balancer of several services.
func (a *Attrs) networkAddress() Address {
	for _, peer := range [...]struct{ host, port string }{
		{a.networkPeerAddress, a.networkPeerPort},
		{a.serverSocketAddress, a.serverSocketPort},
		{a.netSockPeerAddress, a.netSockPeerPort},
		{a.netPeerIPOld, ""},
	} {
		if peer.host == "" {
			continue
		}
		if at := ParseHost(peer.host, cmp.Or(portOf(peer.port), portOf(a.serverPort), portOf(a.netPeerPort))); at.Host != "" {
			return at
		}
	}
	return Address{}
}

// portOf returns the port that an attribute gives, none if it is not a port.
func portOf(s string) string {
	if !isNumber(s) || s == "0" {
		return ""
	}
	return s
}

// defaultPorts are the ports, by scheme, of URLs without a port.
var defaultPorts = map[string]string{"http": "80", "https": "443"}

// parseOrigin returns a URL up to the path, or nil if the URL names no host.
func parseOrigin(raw string) *url.URL {
	if raw == "" {
		return nil
	}
	if u, err := url.Parse(raw[:OriginLen(raw)]); err == nil && u.Hostname() != "" {
		return u
	}
	return nil
}

// addressOf returns the address that a URL tells, which can be nil. The port is that of the URL,
// else the given one, else the default of the scheme.
func addressOf(u *url.URL, port string) Address {
	if u == nil {
		return Address{}
	}
	at := ParseHost(u.Hostname(), "")
	if at.Host != "" {
		at.Port = cmp.Or(u.Port(), port, defaultPorts[u.Scheme])
	}
	return at
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
