package tracefile

import "encoding/binary"

// A jsonCursor goes over the bytes of a JSON value once, for a reader that knows what
// to expect, and allocates nothing. It takes no value that encoding/json would refuse.
// Where it meets anything but what it is asked for, it fails: it stands at the end
// then, so that all loops end, and stays failed. It does not say why, because what it
// fails on is read again by [jsonDecoder], which does.
type jsonCursor struct {
	b      []byte
	pos    int
	failed bool
}

func (c *jsonCursor) fail() {
	c.pos = len(c.b)
	c.failed = true
}

// peek goes to the next byte that is not blank and returns it, 0 at the end.
func (c *jsonCursor) peek() byte {
	if c.pos < len(c.b) && c.b[c.pos] > ' ' {
		return c.b[c.pos]
	}
	return c.peekBehindBlanks()
}

func (c *jsonCursor) peekBehindBlanks() byte {
	for ; c.pos < len(c.b); c.pos++ {
		switch ch := c.b[c.pos]; ch {
		case ' ', '\t', '\r', '\n':
		default:
			return ch
		}
	}
	return 0
}

// take goes behind one byte, which must be the next that is not blank.
func (c *jsonCursor) take(want byte) {
	if c.peek() != want {
		c.fail()
		return
	}
	c.pos++
}

// takes goes behind a text if that comes next, and reports whether it does.
func (c *jsonCursor) takes(text string) bool {
	if len(c.b)-c.pos < len(text) || string(c.b[c.pos:c.pos+len(text)]) != text {
		return false
	}
	c.pos += len(text)
	return true
}

// more goes to the next element of the list, or the next key of the object, that ends
// with the bracket. It is called behind the opening bracket or behind a value, and
// tells which by the byte there. It is false behind the last.
func (c *jsonCursor) more(end byte) bool {
	const open = 2 // how far before its closing bracket an opening one stands in ASCII
	first := c.pos > 0 && c.b[c.pos-1] == end-open
	switch ch := c.peek(); {
	case ch == ',' && !first:
		c.pos++
		return true
	case ch == end:
		c.pos++
		return false
	case ch == 0 || !first:
		c.fail()
		return false
	}
	return true
}

// key goes behind a key of an object and its colon. It fails for one with escapes.
func (c *jsonCursor) key() []byte {
	key := c.plain()
	c.take(':')
	return key
}

// plain goes behind a string without escapes, and returns what is in it.
func (c *jsonCursor) plain() []byte {
	text, escapes := c.text()
	if escapes {
		c.fail()
	}
	return text
}

// text goes behind a string, and returns what is between its quotes and whether there
// are escapes in that. Whether it is UTF-8 is not looked at.
func (c *jsonCursor) text() (text []byte, escapes bool) {
	if c.peek() != '"' {
		c.fail()
		return nil, false
	}
	start := c.pos + 1
	end := plainEnd(c.b, start)
	if end < len(c.b) && c.b[end] == '\\' {
		escapes = true
		end = escapedEnd(c.b, end)
	}
	if end == len(c.b) || c.b[end] != '"' {
		c.fail()
		return nil, false
	}
	c.pos = end + 1
	return c.b[start:end], escapes
}

// number goes behind a number, and returns it.
func (c *jsonCursor) number() []byte {
	first := c.peek()
	start := c.pos
	if c.pos = wordEnd(c.b, start); c.pos == len(c.b) || first > '9' {
		c.fail()
		return nil
	}
	return c.b[start:c.pos]
}

// boolean goes behind true or false, and returns it.
func (c *jsonCursor) boolean() []byte {
	c.peek()
	start := c.pos
	if !c.takes("true") && !c.takes("false") {
		c.fail()
	}
	return c.b[start:c.pos]
}

// skip goes behind any value, which must be inside of another.
func (c *jsonCursor) skip() { c.skipDeep(maxSkippedDepth) }

// skipDeep is skip of a value that nests as deep at most.
func (c *jsonCursor) skipDeep(deepest int) {
	if c.pos = valueEnd(c.b, c.pos, deepest); c.pos == len(c.b) {
		c.fail()
	}
}

// hex goes behind a string of two hexadecimal digits for each byte of to, which are a
// multiple of four, and nothing else, and sets to.
func (c *jsonCursor) hex(to []byte) {
	c.peek()
	size := 2*len(to) + 2
	if len(c.b)-c.pos < size {
		c.fail()
		return
	}
	quoted := c.b[c.pos : c.pos+size]
	digits := quoted[1 : size-1]
	ok := quoted[0] == '"' && quoted[size-1] == '"'
	for ; len(to) >= 4 && len(digits) >= 8; to, digits = to[4:], digits[8:] {
		bytes, right := hexBytes(binary.LittleEndian.Uint64(digits))
		binary.LittleEndian.PutUint32(to, bytes)
		ok = ok && right
	}
	if !ok {
		c.fail()
		return
	}
	c.pos += size
}

// hexBytes returns the four bytes that eight hexadecimal digits stand for, all as they
// are in memory. A table of the values of digits takes twice as long.
func hexBytes(digits uint64) (bytes uint32, ok bool) {
	const each = 0x0101010101010101
	letters := digits >> 6 & each // 1 for each letter, if the others are decimal digits
	values := digits&(each*0x0f) + 9*letters
	// What was no digit is written otherwise, or has a value that is out of range.
	written := values + each*'0' + letters*('a'-10-'0')
	aboveNine := (values + each*(0x80-10)) >> 7 & each
	wrong := (written^digits)&^(letters*('a'-'A')) | values&(each*0xf0) | (aboveNine ^ letters)

	values = (values<<4 | values>>8) & 0x00ff00ff00ff00ff
	values = (values | values>>8) & 0x0000ffff0000ffff
	return uint32(values | values>>16), wrong == 0
}

// uint goes behind an integer of up to 19 digits, in quotes or not, and returns it.
func (c *jsonCursor) uint() (n uint64) {
	quoted := c.peek() == '"'
	if quoted {
		c.pos++
	}
	i := c.pos
	for ; i+8 <= len(c.b); i += 8 {
		eight, ok := decimal(binary.LittleEndian.Uint64(c.b[i:]))
		if !ok || i-c.pos > 8 {
			break
		}
		n = n*1e8 + eight
	}
	for ; i < len(c.b) && c.b[i]-'0' <= 9; i++ {
		n = n*10 + uint64(c.b[i]-'0')
	}
	size := i - c.pos
	if size == 0 || size > 19 || size > 1 && c.b[c.pos] == '0' {
		c.fail()
		return 0
	}
	c.pos = i
	if quoted && !c.takes(`"`) {
		c.fail()
	}
	return n
}

// decimal returns the number of eight decimal digits as they are in memory.
func decimal(digits uint64) (n uint64, ok bool) {
	const each = 0x0101010101010101
	values := digits - each*'0'
	if (digits+each*(0x7f-'9')|values)&(each*0x80) != 0 {
		return 0, false
	}
	values = values*10 + values>>8 // two digits in every other byte
	values = values & 0x00ff00ff00ff00ff
	values = values*100 + values>>16
	values = values & 0x0000ffff0000ffff
	return (values*10000 + values>>32) & 0xffffffff, true
}

// isInteger reports whether a text is an integer as strconv writes it, of up to 18
// digits.
func isInteger(text []byte) bool {
	digits := text
	if len(text) > 0 && text[0] == '-' {
		digits = text[1:]
	}
	if len(digits) == 0 || len(digits) > 18 || digits[0] == '0' && len(text) > 1 {
		return false
	}
	for _, digit := range digits {
		if digit-'0' > 9 {
			return false
		}
	}
	return true
}
