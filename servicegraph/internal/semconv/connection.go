package semconv

// connects reports whether a span of .NET is work on a connection: looking up a host, opening a socket,
// or a TLS handshake. Many requests use one connection, so the spans of the requests are the calls,
// and not such a span. The attributes of such a span can look like those of a call, so the library
// that recorded the span decides. Libraries of other languages also record a connection if no other
// span shows the call. For example, those of Node.js for net do, and the protocol above can have no
// instrumentation [F15].
func (a *Attrs) connects() bool {
	switch a.scopeName() {
	case "Experimental.System.Net.Http.Connections", "Experimental.System.Net.NameResolution",
		"Experimental.System.Net.Security", "Experimental.System.Net.Sockets":
		return true
	}
	return false
}
