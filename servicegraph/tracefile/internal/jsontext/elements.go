package jsontext

import (
	"bytes"
	"iter"
)

// maxElementDepth limits how deep the brackets inside an element nest. The brackets around the element
// are one level more, and together that is the limit of encoding/json.
const maxElementDepth = 9999

// Members returns the keys of an object and the texts of their values, in the order of the text.
// The texts are parts of the object. The object must be valid: the sequence ends early at a fault.
// If the text is no object, the sequence is empty.
func Members(object []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(key, value []byte) bool) {
		c := Cursor{Text: object}
		c.members(yield)
	}
}

// ReadObject calls each with the members of an object, as [Members] returns them, and reports whether
// the text is an object that encoding/json accepts, with nothing but blanks around it. If not, the
// calls end at the fault. It is several times as fast as json.Valid.
func ReadObject(text []byte, each func(key, value []byte)) bool {
	c := Cursor{Text: text}
	c.members(func(key, value []byte) bool {
		each(key, value)
		return true
	})
	return !c.Failed && c.Peek() == 0 && c.Pos == len(text)
}

// members consumes an object.
func (c *Cursor) members(yield func(key, value []byte) bool) {
	for c.Expect('{'); c.Next('}'); {
		key, escapes := c.String()
		if escapes {
			key = c.Unescape(key)
		}
		c.Expect(':')
		value := c.Element()
		if c.Failed || !yield(key, value) {
			return
		}
	}
}

// Elements returns the texts of the elements of a list, under the conditions of [Members].
func Elements(list []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		c := Cursor{Text: list}
		for c.Expect('['); c.Next(']'); {
			element := c.Element()
			if c.Failed || !yield(element) {
				return
			}
		}
	}
}

// Element consumes a value, and returns the text of the value without the blanks around it.
func (c *Cursor) Element() []byte {
	c.Peek()
	start := c.Pos
	c.SkipDeep(maxElementDepth)
	return bytes.TrimRight(c.Text[start:c.Pos], " \t\r\n")
}
