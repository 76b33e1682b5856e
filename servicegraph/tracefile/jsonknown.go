package tracefile

// knownObjects remembers JSON objects that were gone through, to recognize them where
// they come again without looking for their end: bytes that begin with an object that is
// complete are that object.
type knownObjects struct {
	byStart map[objectStart][]string // last found first
	n       int
}

// An objectStart is what an object begins with: its first startLong bytes, or of a
// shorter one its first startShort and zeros, which no object has there. Still shorter
// ones are not worth remembering: a resource with nothing but a name is longer.
type objectStart [startLong]byte

const (
	startLong  = 128
	startShort = 64
)

// startOf returns the start of an object by its first n bytes.
func startOf(b []byte, n int) (start objectStart) {
	copy(start[:n], b)
	return start
}

// How many objects are remembered, in all and of those with one beginning.
const (
	maxKnownObjects   = 1 << 12
	maxWithOneStart   = 16
	maxKnownObjectLen = 8 << 10
)

// find returns the length of the known object that b begins with, 0 if there is none.
func (k *knownObjects) find(b []byte) int {
	if len(b) < startShort {
		return 0
	}
	if len(b) >= startLong {
		if n := findIn(k.byStart[objectStart(b)], b); n > 0 {
			return n
		}
	}
	return findIn(k.byStart[startOf(b, startShort)], b)
}

// findIn returns the length of the object in a list that b begins with, and puts it
// first.
func findIn(list []string, b []byte) int {
	for i, object := range list {
		if len(object) <= len(b) && string(b[:len(object)]) == object {
			copy(list[1:i+1], list[:i])
			list[0] = object
			return len(object)
		}
	}
	return 0
}

// add remembers an object.
func (k *knownObjects) add(object []byte) {
	if len(object) < startShort || len(object) > maxKnownObjectLen {
		return
	}
	if k.n == maxKnownObjects || k.byStart == nil {
		*k = knownObjects{byStart: make(map[objectStart][]string)}
	}
	n := startLong
	if len(object) < startLong {
		n = startShort
	}
	start := startOf(object, n)
	list := k.byStart[start]
	if len(list) == maxWithOneStart {
		list = list[:maxWithOneStart-1]
		k.n--
	}
	k.n++
	k.byStart[start] = append(list, string(object))
}
