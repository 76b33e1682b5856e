package semconv

import (
	"cmp"
	"math"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// logicalAddress returns the address at which the callee listens, as a name service knows it. It
// comes from attributes for the address or from a URL. For a proxy, it comes from the cluster to
// which the proxy sends the request, because the URL is that of the request that the proxy
// received.
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
		if at := addressOf(raw, port); at.Host != "" {
			return at
		}
	}
	for _, named := range [...]struct{ host, port string }{
		{a.httpHost, port},
		{a.urlDomain, cmp.Or(portOf(a.urlPort), port)},
		{a.serverSocketDomain, port},
		{a.netSockPeerName, port},
		{a.destinationDomain, cmp.Or(portOf(a.destinationPort), port)},
		{a.msgURL, port},
		{connectionHost(a.dbConnection), port},
	} {
		if named.host == "" {
			continue
		}
		if at := ParseHost(named.host, named.port); at.Host != "" {
			return at
		}
	}
	return Address{}
}

// ownAddress returns the address to which the client of a SERVER span sent the request, as the
// request states it.
func (a *Attrs) ownAddress() Address {
	port := cmp.Or(portOf(a.serverPort), portOf(a.netHostPort))
	if at := addressOf(a.httpURL, port); at.Host != "" {
		return at
	}
	for _, name := range [...]string{a.serverAddress, a.netHostName, a.httpHost} {
		if name == "" {
			continue
		}
		if at := ParseHost(name, port); at.Host != "" {
			return at
		}
	}
	return Address{}
}

// connectionHost returns the host, and the port if there is one, of a string that tells a database
// driver where to connect: a URL, which can begin with "jdbc:", or a list such as
// "Server=host,1433;Database=shop". It returns an empty text if the string names no host or
// several.
func connectionHost(text string) string {
	text = strings.TrimPrefix(text, "jdbc:")
	if n := OriginLen(text); n > 0 {
		if socket := socketOf(text[:n]); socket != "" {
			return socket
		}
		text, _, _ = strings.Cut(text[:n], ";")
		return text
	}
	for part := range strings.SplitSeq(text, ";") {
		key, value, _ := strings.Cut(part, "=")
		switch strings.ToLower(strings.TrimSpace(key)) {
		case "server", "host", "data source", "datasource", "address", "addr", "endpoint", "accountendpoint":
			value = ofDataSource(strings.TrimSpace(value), true)
			if strings.ContainsAny(value, "()") {
				return "" // such as (localdb)
			}
			return value
		}
	}
	return ""
}

// ofDataSource returns the host, and the port if there is one, of a data source of SQL Server:
// tcp:host\instance,port. It cuts an instance also from a text without "tcp:" and a port if hasInstance
// is true. Any other text is returned as it is.
func ofDataSource(text string, hasInstance bool) string {
	rest, isTCP := strings.CutPrefix(text, "tcp:")
	if strings.HasPrefix(rest, "//") || strings.HasPrefix(rest, `\\`) { // a URL, or the path of a pipe
		return text
	}
	host, port, hasPort := strings.Cut(rest, ",")
	port = strings.TrimSpace(port)
	switch {
	case hasPort && !isNumber(port): // a list of hosts
		return text
	case isTCP, hasPort, hasInstance:
		host, _, _ = strings.Cut(host, `\`)
	}
	if hasPort {
		return host + ":" + port
	}
	return host
}

// networkAddress returns the address at the other end of the connection. It can belong to a load
// balancer of several services.
func (a *Attrs) networkAddress() Address {
	for _, peer := range [...]struct{ host, port string }{
		{a.networkPeerAddress, a.networkPeerPort},
		{a.serverSocketAddress, a.serverSocketPort},
		{a.netSockPeerAddress, a.netSockPeerPort},
		{a.netPeerIPOld, ""},
		{a.destinationAddress, a.destinationPort},
		{strings.TrimPrefix(a.peerAddress, "jdbc:"), ""},
		{dotted(a.peerIPv4), ""},
		{a.peerIPv6, ""},
		{addressIn(a.peerName), ""},
		{addressIn(a.peerService), ""},
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

// addressIn returns the name of a peer if it is an IP address, with or without a port, and otherwise
// an empty text.
func addressIn(name string) string {
	if host, _ := splitPort(name); !IsIP(host) {
		return ""
	}
	return name
}

// dotted returns an IPv4 address with dots: OpenTracing also allowed one number of 32 bits.
func dotted(ip string) string {
	n, err := strconv.ParseInt(ip, 10, 64)
	if err != nil || n < math.MinInt32 || n > math.MaxUint32 {
		return ip
	}
	return netip.AddrFrom4([4]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}).String()
}

// portOf returns a value that is a port, and an empty text for any other value.
func portOf(s string) string {
	if !isNumber(s) || s == "0" {
		return ""
	}
	return s
}

// defaultPorts are the ports, by scheme, of URLs without a port.
var defaultPorts = map[string]string{"http": "80", "https": "443", "ws": "80", "wss": "443"}

// addressOf returns the address in a URL. The port is the port of the URL, or else the given port, or
// else the default of the scheme. A URL for a Unix socket has the path of the socket in place of the
// host, and no port.
func addressOf(raw, port string) Address {
	if raw == "" {
		return Address{}
	}
	origin := raw[:OriginLen(raw)]
	if socket := socketOf(origin); socket != "" {
		return Address{Host: socket}
	}
	u, err := url.Parse(origin)
	if err != nil || u.Hostname() == "" {
		return Address{}
	}
	at := ParseHost(u.Hostname(), "")
	if at.Host != "" {
		at.Port = cmp.Or(u.Port(), port, defaultPorts[u.Scheme])
	}
	return at
}

// socketOf returns the path of the Unix socket in a URL up to the path of the request, "localhost" if
// the URL does not tell where the path of the socket ends, and an empty text if the URL is not for a
// Unix socket. Clients write such a URL in several ways: unix:///run/docker.sock/info,
// http+unix://%2Frun%2Fdocker.sock/info, http://unix:/run/docker.sock:/info.
func socketOf(origin string) string {
	scheme, host, found := strings.Cut(origin, "://")
	if found && strings.Contains(host, "%2") {
		if path, err := url.PathUnescape(host); err == nil && isSocket(path) {
			return path
		}
	}
	switch {
	case isUnix(origin, 0) && !found:
		host = origin[unixLen:]
	case !found:
		return ""
	case host == "unix:", strings.HasPrefix(host, "unix:/"):
		host = host[unixLen:]
	case !isSocketScheme(scheme):
		return ""
	}
	if isSocket(host) {
		return host
	}
	return "localhost"
}

// isSocketScheme reports whether the URLs with a scheme are for Unix sockets, or for the pipes of
// Windows.
func isSocketScheme(scheme string) bool {
	for part := range strings.SplitSeq(strings.ToLower(scheme), "+") {
		switch part {
		case "unix", "socket", "npipe":
			return true
		}
	}
	return false
}

// OriginLen returns the length of a URL up to the path, or 0 if the URL names no host. The path
// and the query differ between requests and do not identify the callee. The path of a Unix socket is
// in place of the host.
func OriginLen[T string | []byte](url T) int {
	host := 0 // where the host begins
	for i := 0; i+1 < len(url); i++ {
		if url[i] == '/' && url[i+1] == '/' && (i == 0 || url[i-1] == ':') {
			host = i + 2
			break
		}
	}
	if host == 0 {
		if isUnix(url, 0) && len(url) > unixLen && url[unixLen] == '/' {
			return unixLen + socketLen(url[unixLen:])
		}
		return 0
	}
	for i := host; i < len(url); i++ {
		if c := url[i]; c == '/' || c == '?' || c == '#' {
			if i == host || i == host+unixLen && isUnix(url, host) {
				return i + socketLen(url[i:])
			}
			return i
		}
	}
	return len(url)
}

const unixLen = len("unix:")

// isUnix reports whether a text has "unix:" at an index.
func isUnix[T string | []byte](text T, at int) bool {
	return len(text) >= at+unixLen && string(text[at:at+unixLen]) == "unix:"
}

// socketLen returns the length of the path of a Unix socket at the beginning of a text. The path ends
// with a file whose name ends with .sock or .socket, or before a colon and a slash. socketLen returns 0
// if the text has no such path.
func socketLen[T string | []byte](text T) int {
	for i := range len(text) {
		switch c := text[i]; {
		case c == '?', c == '#':
			return endOfSocket(text, i)
		case c == ':' && i+1 < len(text) && text[i+1] == '/':
			return i
		case c == ':', c == '/':
			if n := endOfSocket(text, i); n > 0 {
				return n
			}
		}
	}
	return endOfSocket(text, len(text))
}

// endOfSocket returns n if the first n bytes of a text end with .sock or .socket, and otherwise 0.
func endOfSocket[T string | []byte](text T, n int) int {
	for _, suffix := range [...]string{".sock", ".socket"} {
		if n > len(suffix) && string(text[n-len(suffix):n]) == suffix {
			return n
		}
	}
	return 0
}
