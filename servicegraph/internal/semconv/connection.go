package semconv

// connects reports whether a span of .NET with a scope is work on a connection: looking up a host,
// opening a socket, or a TLS handshake. Such a span is not a call, because many requests use one
// connection and have spans of their own. The attributes of the span can look like those of a call,
// so the library that recorded the span decides. In other languages, such a span can be the only
// one that shows the call. An example is the span of Node.js for net, if the protocol above has no
// instrumentation [F15].
func connects(scope string) bool {
	switch scope {
	case "Experimental.System.Net.Http.Connections", "Experimental.System.Net.NameResolution",
		"Experimental.System.Net.Security", "Experimental.System.Net.Sockets":
		return true
	}
	return false
}

// RecordsConnections reports whether the library with a scope records how connections are made, and no
// calls. Its spans look like calls, and show one only if no other library recorded it [F15].
func RecordsConnections(scope string) bool {
	switch scope {
	case "@opentelemetry/instrumentation-dns", "@opentelemetry/instrumentation-net", "@opentelemetry/plugin-dns",
		"go.opentelemetry.io/contrib/instrumentation/net/http/httptrace/otelhttptrace":
		return true
	}
	return false
}
