package jsontext

import (
	"bytes"
	"iter"
)

// maxElementDepth limits how deep the brackets inside an element nest. It is the limit of
// encoding/json.
const maxElementDepth = 10000

// Members returns the keys of an object and the texts of their values, in the order of the text.
// The texts are parts of the object. The object must be valid: the sequence ends early at a fault.
// If the text is no object, the sequence is empty.
func Members(object []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(key, value []byte) bool) {
		c := Cursor{Text: object}
		for c.Expect('{'); c.Next('}'); {
			key, escapes := c.String()
			if escapes {
				key = c.Unescape(key)
			}
			c.Expect(':')
			value := c.element()
			if c.Failed || !yield(key, value) {
				return
			}
		}
	}
}

// Elements returns the texts of the elements of a list, under the conditions of [Members].
func Elements(list []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		c := Cursor{Text: list}
		for c.Expect('['); c.Next(']'); {
			element := c.element()
			if c.Failed || !yield(element) {
				return
			}
		}
	}
}

// element consumes a value, and returns the text of the value without the blanks around it.
func (c *Cursor) element() []byte {
	c.Peek()
	start := c.Pos
	c.SkipDeep(maxElementDepth)
	return bytes.TrimRight(c.Text[start:c.Pos], " \t\r\n")
}
