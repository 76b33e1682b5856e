package tracefile

// knownObjects remembers JSON objects that were gone through, to recognize them where
// they come again without looking for their end: bytes that begin with an object that is
// complete are that object.
type knownObjects struct {
	byStart map[objectStart][]string // last found first
	n       int
}

// An objectStart is what an object begins with. Shorter ones are not worth remembering.
type objectStart [128]byte

// How many objects are remembered, in all and of those with one beginning.
const (
	maxKnownObjects   = 1 << 12
	maxWithOneStart   = 16
	maxKnownObjectLen = 8 << 10
)

// find returns the length of the known object that b begins with, 0 if there is none.
func (k *knownObjects) find(b []byte) int {
	if len(b) < len(objectStart{}) {
		return 0
	}
	list := k.byStart[objectStart(b)]
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
	if len(object) < len(objectStart{}) || len(object) > maxKnownObjectLen {
		return
	}
	if k.n == maxKnownObjects || k.byStart == nil {
		*k = knownObjects{byStart: make(map[objectStart][]string)}
	}
	start := objectStart(object)
	list := k.byStart[start]
	if len(list) == maxWithOneStart {
		list = list[:maxWithOneStart-1]
		k.n--
	}
	k.n++
	k.byStart[start] = append(list, string(object))
}
