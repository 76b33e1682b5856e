package semconv

// connects reports whether a span is work on a connection: looking up a host, opening a socket, or the
// handshake of TLS. Many requests use one connection, so such a span is no call: the spans of the requests are.
// The attributes of such a span can be those of a call, so the library that recorded the span tells. Libraries
// that record a connection only in place of a request that could not be sent are not among them [F15].
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
