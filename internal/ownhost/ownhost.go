// Package ownhost protects a local server against DNS rebinding: it distinguishes requests that are
// meant for the server from requests that a browser sends because the name of another site resolves
// to this machine.
package ownhost

import (
	"net"
	"slices"
	"strings"
)

// aliases are names by which this machine and its containers reach this machine. No other site can
// have these names.
var aliases = []string{"localhost", "host.docker.internal", "host.containers.internal"}

// Is reports whether a Host header names this machine: by an IP address, by a name that always
// means this machine, or by one of the given names. Is ignores the port.
func Is(hostport string, names ...string) bool {
	host := hostport
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		host = h
	}
	host = strings.Trim(host, "[]")
	isHost := func(name string) bool { return strings.EqualFold(name, host) }
	return net.ParseIP(host) != nil || slices.ContainsFunc(aliases, isHost) || slices.ContainsFunc(names, isHost)
}
