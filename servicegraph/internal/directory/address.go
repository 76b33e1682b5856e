package directory

import (
	"cmp"
	"strings"

	"github.com/tempograph/tempograph/servicegraph/internal/semconv"
)

// An Address is where a callee listens, as its callers dial it: a host and a port, the RPC service
// that the callers ask for, or both. Name is the name that the callers give the callee, if any. A
// name is also an address of its own. It distinguishes callees behind one egress proxy: a call to
// stripe through the proxy does not go to a service that answered another call through the proxy.
type Address struct{ Host, Port, Name, RPC string }

// Compare orders addresses.
func (a Address) Compare(b Address) int {
	return cmp.Or(strings.Compare(a.Host, b.Host), strings.Compare(a.Port, b.Port), strings.Compare(a.Name, b.Name), strings.Compare(a.RPC, b.RPC))
}

// Parts returns the parts of an address, each as an address: the host with its port and name, the
// RPC service, and the name alone. A missing part is empty.
func (a Address) Parts() (parts [3]Address) {
	if a.Host != "" {
		parts[0] = Address{Host: a.Host, Port: a.Port, Name: a.Name}
	}
	parts[1].RPC, parts[2].Name = a.RPC, a.Name
	return parts
}

// Ages reports whether the address can belong to another service some time later. An IP address
// can, and a name cannot.
func (a Address) Ages() bool { return semconv.IsIP(a.Host) }

// NeedsCaller reports whether the address can mean a different service for each caller. This is so
// for a host on the caller's own machine, a name in the caller's own namespace, an RPC service, and
// a chosen name: several services can have the same one.
func (a Address) NeedsCaller() bool {
	return a.Host == "" || isShort(a.Host) || semconv.IsLocal(a.Host)
}

// isShort reports whether a host is a name that a search domain completes. In Kubernetes, the
// search domain is that of the caller's namespace.
func isShort(host string) bool {
	return host != "" && !strings.ContainsAny(host, ".,:/@\\") && !semconv.IsLocal(host)
}

// An Interval is the time from the first to the last of some calls, in Unix nanoseconds.
type Interval struct{ First, Last int64 }

// Widen extends the interval to include another.
func (i *Interval) Widen(o Interval) {
	i.First, i.Last = min(i.First, o.First), max(i.Last, o.Last)
}

// At returns the interval of one call.
func At(t int64) Interval { return Interval{t, t} }

// A Minute is a number of minutes since 1970. Calls to an address that ages are kept by minute.
type Minute int32

const nanosPerMinute = 60e9

// MinuteOf returns the minute of a time in Unix nanoseconds.
func MinuteOf(t int64) Minute {
	m := t / nanosPerMinute
	if t%nanosPerMinute < 0 {
		m--
	}
	return Minute(m)
}

// around is a span of time. If calls met a service at an address that ages, other calls to the
// address count as calls to that service, from the time around before the first of these calls to
// the time around after the last.
const around = 5 * nanosPerMinute

// isNear reports whether a part of a minute is in the interval or at most 5 minutes from it.
func (m Minute) isNear(i Interval) bool {
	start := int64(m) * nanosPerMinute
	return start <= i.Last+around && start+nanosPerMinute > i.First-around
}
