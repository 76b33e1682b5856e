package directory

import (
	"cmp"
	"strings"

	"github.com/tempograph/tempograph/servicegraph/internal/semconv"
)

// An Address is where a callee listens, as its callers dial it: a host and a port, or the RPC
// service that they ask for, or both. Name is the name that they give the callee, if any, and an address
// as well. Callees that share an egress proxy differ by name only: a call to stripe through it is no call
// to a service that answered another call there.
type Address struct{ Host, Port, Name, RPC string }

// Compare orders addresses.
func (a Address) Compare(b Address) int {
	return cmp.Or(strings.Compare(a.Host, b.Host), strings.Compare(a.Port, b.Port), strings.Compare(a.Name, b.Name), strings.Compare(a.RPC, b.RPC))
}

// Parts returns the addresses of which a is made: the host, the RPC service, and the name alone. A part
// that a does not have is empty.
func (a Address) Parts() (parts [3]Address) {
	if a.Host != "" {
		parts[0] = Address{Host: a.Host, Port: a.Port, Name: a.Name}
	}
	parts[1].RPC, parts[2].Name = a.RPC, a.Name
	return parts
}

// Ages reports whether the address can pass to another service: IP addresses do, names do not.
func (a Address) Ages() bool { return semconv.IsIP(a.Host) }

// NeedsCaller reports whether the address can mean another service for each caller: a host on
// the caller's own machine, a name in the caller's own namespace, or an RPC service or a chosen name, which
// several services can have.
func (a Address) NeedsCaller() bool {
	return a.Host == "" || isShort(a.Host) || semconv.IsLocal(a.Host)
}

// isShort reports whether a host is a name that a search domain completes, such as that of the
// caller's namespace in Kubernetes.
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

// around is the time before the first and after the last call that met a service at an address, in
// which other calls to the address are calls to that service.
const around = 5 * nanosPerMinute

// isNear reports whether a part of a minute is in the interval or at most 5 minutes from it.
func (m Minute) isNear(i Interval) bool {
	start := int64(m) * nanosPerMinute
	return start <= i.Last+around && start+nanosPerMinute > i.First-around
}
