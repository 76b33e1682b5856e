package jsontext

import "bytes"

// Fields is a set of fields of an object, by the numbers that the object's reader gives
// them.
type Fields uint

// Has reports whether a field is in the set.
func (f Fields) Has(field int) bool { return f>>field&1 != 0 }

// FailIfRepeated adds a field to those of the object that were read, and fails if it is
// already among them.
func (c *Cursor) FailIfRepeated(seen *Fields, field int) {
	if seen.Has(field) {
		c.Fail()
	}
	*seen |= 1 << field
}

// SkipUnknown consumes the value of a key that is not among the known ones.
func (c *Cursor) SkipUnknown(key []byte, known ...string) {
	c.FailIfCaseFolds(key, known...)
	c.Skip()
}

// FailIfCaseFolds fails if a key that is not among the known ones differs from one of them
// only in case: encoding/json ignores case.
func (c *Cursor) FailIfCaseFolds(key []byte, known ...string) {
	for _, name := range known {
		if bytes.EqualFold(key, []byte(name)) {
			c.Fail()
		}
	}
}
