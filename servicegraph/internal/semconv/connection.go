package semconv

// connects reports whether a span is work on a connection: looking up a host, opening a socket, or
// a TLS handshake. Many requests use one connection, so the spans of the requests are the calls,
// and not such a span. The attributes of such a span can look like those of a call, so the library
// that recorded the span decides. The list has no libraries that record a connection only in place
// of a request that could not be sent [F15].
func (a *Attrs) connects() bool {
	switch a.scopeName() {
	case "@opentelemetry/instrumentation-dns", "@opentelemetry/plugin-dns",
		"@opentelemetry/instrumentation-net", "@opentelemetry/plugin-net",
		"Experimental.System.Net.Http.Connections", "Experimental.System.Net.NameResolution",
		"Experimental.System.Net.Security", "Experimental.System.Net.Sockets":
		return true
	}
	return false
}
