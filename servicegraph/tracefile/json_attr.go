package tracefile

import (
	"strconv"

	"github.com/tempograph/tempograph/servicegraph/tracefile/internal/jsontext"
)

// A jsonAttr is an attribute of OTLP JSON, split into parts that are not decoded yet.
type jsonAttr struct {
	key    []byte
	typ    valueType
	value  scalarText
	prefix []byte // the text before the value; nil if the value does not come last, or is missing
}

// A valueType is the type of an attribute's value.
type valueType uint8

const (
	typeOther valueType = iota // a list, a map, bytes, or no value
	typeString
	typeBool
	typeInt
	typeDouble
)

// A scalarText is the text of a value in JSON, without its quotes.
type scalarText struct {
	text            []byte
	quoted, escapes bool
}

// readJSONAttr consumes a KeyValue.
func readJSONAttr(c *jsontext.Cursor) (a jsonAttr) {
	c.Peek()
	start := c.Pos
	var seen jsontext.Fields
	for c.Expect('{'); c.Next('}'); {
		switch key := c.Key(); string(key) {
		case "key":
			c.FailIfRepeated(&seen, 0)
			a.key = c.PlainString()
		case "value":
			c.FailIfRepeated(&seen, 1)
			if at := a.readValue(c); at > 0 && seen.Has(0) {
				a.prefix = c.Text[start:at]
			}
		default:
			a.prefix = nil
			c.SkipUnknown(key, "key", "value")
		}
	}
	return a
}

// readValue consumes an AnyValue of one field or none, and returns where the value of the
// field begins.
func (a *jsonAttr) readValue(c *jsontext.Cursor) (at int) {
	fields := 0
	for c.Expect('{'); c.Next('}'); fields++ {
		key := c.Key()
		at = c.Pos
		switch string(key) {
		case "stringValue":
			a.typ = typeString
		case "boolValue":
			a.typ = typeBool
		case "intValue":
			a.typ = typeInt
		case "doubleValue":
			a.typ = typeDouble
		case "arrayValue", "kvlistValue", "bytesValue":
		default:
			c.SkipUnknown(key, "stringValue", "boolValue", "intValue", "doubleValue")
			continue
		}
		a.value = readScalar(c, a.typ)
	}
	if fields > 1 {
		c.Fail() // jsonDecoder decides which field counts
	}
	return at
}

// readScalar consumes a value of a type.
func readScalar(c *jsontext.Cursor, typ valueType) (v scalarText) {
	switch typ {
	case typeString:
		v.text, v.escapes = c.String()
	case typeBool:
		v.text = c.Bool()
	case typeInt, typeDouble:
		if v.quoted = c.Peek() == '"'; v.quoted {
			v.text, v.escapes = c.String()
		} else {
			v.text = c.Number()
		}
	default:
		c.Skip()
	}
	return v
}

// attrText returns the text of an attribute with this value, which may be a part of the
// input. It fails for a number that is written in an unusual way.
func attrText(c *jsontext.Cursor, typ valueType, v scalarText) []byte {
	switch typ {
	case typeString:
		if v.escapes {
			return c.Unescape(v.text)
		}
	case typeInt:
		if !jsontext.IsInteger(v.text) {
			c.Fail()
		}
	case typeDouble:
		f, err := strconv.ParseFloat(string(v.text), 64)
		if err != nil || v.quoted {
			c.Fail()
		}
		return []byte(floatText(f))
	}
	return v.text
}
