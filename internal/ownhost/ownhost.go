// Package ownhost tells the requests that a local server is meant to get from those to which the
// name of another site led a browser (DNS rebinding).
package ownhost

import (
	"net"
	"slices"
	"strings"
)

// aliases are names by which the containers on a machine reach the machine. No other site can
// have them.
var aliases = []string{"localhost", "host.docker.internal", "host.containers.internal"}

// Is reports whether a Host header names this machine: by an IP address, by a name that always
// means it, or by one of the given names. A port does not matter.
func Is(hostport string, names ...string) bool {
	host := hostport
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		host = h
	}
	host = strings.Trim(host, "[]")
	isHost := func(name string) bool { return strings.EqualFold(name, host) }
	return net.ParseIP(host) != nil || slices.ContainsFunc(aliases, isHost) || slices.ContainsFunc(names, isHost)
}
