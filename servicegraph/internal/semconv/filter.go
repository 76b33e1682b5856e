package semconv

import (
	"slices"
	"sync"
)

// A Filter quickly selects the attributes of a span that the graph reads. The length of a key
// and its first, last and middle letter exclude nearly all others. A Filter never changes and is
// safe for concurrent use.
type Filter struct {
	first   [maxKeyLen + 1][64]Key // by length and endsOf: the first key with this length and these ends; 0 means none
	next    [len(keys) + 1]Key     // by key: the next key with the same length and ends
	middles [len(keys) + 1]uint64  // by first key: a bit for the middle letter of each key with this length and these ends
	roles   Roles
}

// FilterFor returns the filter for spans of a kind.
func FilterFor(kind Kind, o Options) *Filter {
	var roles Roles
	switch {
	case kind.Serves():
		roles = ofCallees
	case kind.Calls():
		roles = ofCallers
	default: // an attribute can determine the role of the span
		roles = ofBoth
	}
	return filters()[roles|o.roles()&(ofAnyKind|ofGuesses)]
}

// FilterForAny returns a filter for spans whose kind is not known yet. It selects an attribute if
// the filter for at least one kind selects it.
func FilterForAny(o Options) *Filter { return filters()[ofBoth|o.roles()&(ofAnyKind|ofGuesses)] }

// filters returns the filters by the roles of spans.
var filters = sync.OnceValue(func() (all [allRoles + 1]*Filter) {
	for roles := range all {
		all[roles] = newFilter(Roles(roles))
	}
	return all
})

func newFilter(roles Roles) *Filter {
	f := &Filter{roles: roles}
	for i, k := range slices.Backward(keys[:]) { // of keys with the same length and ends, find tests the first of the list first
		if k.roles&roles != 0 {
			first := &f.first[len(k.name)][endsOf(k.name[0], k.name[len(k.name)-1])]
			key := Key(i + 1)
			f.middles[key] = f.middles[*first] | middleOf(k.name[len(k.name)/2])
			f.next[key], *first = *first, key
		}
	}
	return f
}

// Has reports whether the filter selects the attribute with this number.
func (f *Filter) Has(key Key) bool { return key != 0 && keys[key-1].roles&f.roles != 0 }

// CutURL returns the part of a URL that is read: the part up to the path, or, if calls are
// inferred, the path as well.
func (f *Filter) CutURL(url []byte) []byte {
	origin := OriginLen(url)
	if origin == 0 || f.roles&ofGuesses == 0 {
		return url[:origin]
	}
	for i := origin; i < len(url); i++ {
		if url[i] == '?' || url[i] == '#' {
			return url[:i]
		}
	}
	return url
}

// Key returns the number of the attribute with this key, or 0 if the filter does not select it.
func (f *Filter) Key(key []byte) Key { return find(f, key) }

// MayBe reports whether Key can return anything but 0 for the key b[from:to], which has at least
// one byte. It lets a decoder reject nearly all other attributes from their length and three
// letters, before it slices the key and calls Key.
func (f *Filter) MayBe(b []byte, from, to int) bool {
	length := uint(to - from)
	if length >= uint(len(f.first)) {
		return false
	}
	k := f.first[length][endsOf(b[from], b[to-1])]
	return k != 0 && f.middles[k]&middleOf(b[from+int(length/2)]) != 0
}

func find[T string | []byte](f *Filter, key T) Key {
	n := len(key)
	if n == 0 || n > maxKeyLen {
		return 0
	}
	k := f.first[n][endsOf(key[0], key[n-1])]
	for k != 0 && k.Name() != string(key) {
		k = f.next[k]
	}
	return k
}

// endsOf returns a number below 64 for the first and the last letter of a key. The first letter
// alone does not suffice. For example, http.response.status_code is not read by default, but a key
// with the same length and the same first letter is. With the factor 11, the fewest unread keys of
// the semantic conventions have the same number as a key that is read.
func endsOf(first, last byte) byte { return (first + 11*last) & 63 }

// middleOf returns the bit for the middle letter of a key.
func middleOf(letter byte) uint64 { return 1 << (letter & 63) }
