package tracefile

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
)

// A jsonPair is an attribute of OTLP JSON cut into its parts, which are not looked at.
type jsonPair struct {
	key   []byte
	form  jsonForm
	value jsonScalar
	head  []byte // all up to the value; nil if the value does not come last, or is none
}

// A jsonForm is what the value of an attribute is.
type jsonForm uint8

const (
	noScalar jsonForm = iota // a list, a map, bytes, or no value
	formString
	formBool
	formInt
	formDouble
)

// A jsonScalar is a value as it is written, without its quotes.
type jsonScalar struct {
	text            []byte
	quoted, escapes bool
}

// pair goes behind a KeyValue.
func (c *jsonCursor) pair() (p jsonPair) {
	c.peek()
	start := c.pos
	var seen jsonFields
	for c.take('{'); c.more('}'); {
		switch key := c.key(); string(key) {
		case "key":
			c.once(&seen, 0)
			p.key = c.plain()
		case "value":
			c.once(&seen, 1)
			if at := c.anyValue(&p); at > 0 && seen.has(0) {
				p.head = c.b[start:at]
			}
		default:
			p.head = nil
			c.skipUnknown(key, "key", "value")
		}
	}
	return p
}

// anyValue goes behind an AnyValue of one field, or none, and returns where the value
// of the first field begins.
func (c *jsonCursor) anyValue(p *jsonPair) (at int) {
	fields := 0
	for c.take('{'); c.more('}'); fields++ {
		key := c.key()
		at = c.pos
		switch string(key) {
		case "stringValue":
			p.form = formString
		case "boolValue":
			p.form = formBool
		case "intValue":
			p.form = formInt
		case "doubleValue":
			p.form = formDouble
		case "arrayValue", "kvlistValue", "bytesValue":
		default:
			c.skipUnknown(key, "stringValue", "boolValue", "intValue", "doubleValue")
			continue
		}
		p.value = c.scalar(p.form)
	}
	if fields > 1 {
		c.fail() // which of them counts is not said here
	}
	return at
}

// scalar goes behind a value of a form.
func (c *jsonCursor) scalar(form jsonForm) (v jsonScalar) {
	switch form {
	case formString:
		v.text, v.escapes = c.text()
	case formBool:
		v.text = c.boolean()
	case formInt, formDouble:
		if v.quoted = c.peek() == '"'; v.quoted {
			v.text, v.escapes = c.text()
		} else {
			v.text = c.number()
		}
	default:
		c.skip()
	}
	return v
}

// say returns the text that an attribute with this value has, part of the input or not.
// It fails for numbers that are not written in the usual way.
func (c *jsonCursor) say(form jsonForm, v jsonScalar) []byte {
	switch form {
	case formString:
		if v.escapes {
			return c.unescape(v.text)
		}
	case formInt:
		if !isInteger(v.text) {
			c.fail()
		}
	case formDouble:
		f, err := strconv.ParseFloat(string(v.text), 64)
		if err != nil || v.quoted {
			c.fail()
		}
		return appendFloat(nil, f)
	}
	return v.text
}

func (c *jsonCursor) unescape(text []byte) []byte {
	var s string
	if err := json.Unmarshal(slices.Concat([]byte(`"`), text, []byte(`"`)), &s); err != nil {
		c.fail()
	}
	return []byte(s)
}

// jsonFields are the fields of an object that were met, by the numbers that their reader
// gives them.
type jsonFields uint

func (f jsonFields) has(field int) bool { return f>>field&1 != 0 }

// once fails if a field comes again.
func (c *jsonCursor) once(seen *jsonFields, field int) {
	if seen.has(field) {
		c.fail()
	}
	*seen |= 1 << field
}

// skipUnknown goes behind the value of a key that is none of those that are read.
func (c *jsonCursor) skipUnknown(key []byte, read ...string) {
	c.refuse(key, read...)
	c.skip()
}

// refuse fails if encoding/json takes a key, which is none of those that are read, for
// one of them, because it ignores case.
func (c *jsonCursor) refuse(key []byte, read ...string) {
	for _, name := range read {
		if bytes.EqualFold(key, []byte(name)) {
			c.fail()
		}
	}
}
