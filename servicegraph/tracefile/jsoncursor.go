package tracefile

import (
	"encoding/binary"
	"math/bits"
)

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
	switch c.peekElement(end) {
	case isFirst:
		return true
	case isNext:
		c.pos++
		return true
	case isEnd:
		c.pos++
		return false
	}
	c.fail()
	return false
}

// What more finds.
const (
	isWrong = iota
	isFirst
	isNext
	isEnd
)

func (c *jsonCursor) peekElement(end byte) int {
	const open = 2 // how far before its closing bracket an opening one stands in ASCII
	first := c.pos > 0 && c.b[c.pos-1] == end-open
	switch ch := c.peek(); {
	case ch == end:
		return isEnd
	case ch == 0:
		return isWrong
	case first:
		return isFirst
	case ch == ',':
		return isNext
	}
	return isWrong
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
	i := plainEnd(c.b, start)
	for i < len(c.b) && c.b[i] == '\\' {
		escapes = true
		n := escapeLen(c.b[i:])
		if n == 0 {
			break
		}
		i = plainEnd(c.b, i+n)
	}
	if i == len(c.b) || c.b[i] != '"' {
		c.fail()
		return nil, false
	}
	c.pos = i + 1
	return c.b[start:i], escapes
}

// plainEnd returns the index of the first byte from b[i] on that is not an ordinary one
// of a string: a quote, a backslash, or a control character.
//
// A call of bytes.IndexByte for the quote and another for the backslash cost more for
// strings of up to 30 bytes, which most are, and control characters would remain.
func plainEnd(b []byte, i int) int {
	for ; i+8 <= len(b); i += 8 {
		if special := specialBytes(binary.LittleEndian.Uint64(b[i:])); special != 0 {
			return i + bits.TrailingZeros64(special)/8
		}
	}
	for ; i < len(b); i++ {
		if c := b[i]; c == '"' || c == '\\' || c < ' ' {
			return i
		}
	}
	return i
}

// specialBytes sets the highest bit of each byte of a word that is not an ordinary one
// of a string, and perhaps of some bytes above the lowest of them.
func specialBytes(w uint64) uint64 {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	quote := w ^ ones*'"'
	backslash := w ^ ones*'\\'
	// x-n has the highest bit set where x < n, unless x had it before.
	return ((quote-ones)&^quote | (backslash-ones)&^backslash | (w-ones*' ')&^w) & highs
}

// escapeLen returns the length of the escape that b begins with, 0 if it is none.
func escapeLen(b []byte) int {
	if len(b) < 2 {
		return 0
	}
	switch b[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		if len(b) < 6 {
			return 0
		}
		for _, digit := range b[2:6] {
			if hexValues[digit] > 15 {
				return 0
			}
		}
		return 6
	}
	return 0
}

// number goes behind a number, and returns it.
func (c *jsonCursor) number() []byte {
	c.peek()
	start := c.pos
	c.takes("-")
	if !c.takes("0") && c.digits() == 0 {
		c.fail()
		return nil
	}
	if c.takes(".") && c.digits() == 0 {
		c.fail()
	}
	if c.takes("e") || c.takes("E") {
		if !c.takes("+") {
			c.takes("-")
		}
		if c.digits() == 0 {
			c.fail()
		}
	}
	return c.b[start:c.pos]
}

// digits goes behind as many digits as there are, and returns how many.
func (c *jsonCursor) digits() int {
	start := c.pos
	for c.pos < len(c.b) && c.b[c.pos]-'0' <= 9 {
		c.pos++
	}
	return c.pos - start
}

// boolean goes behind true or false, and returns it.
func (c *jsonCursor) boolean() []byte {
	c.peek()
	start := c.pos
	if !c.takes("true") && !c.takes("false") {
		c.fail()
		return nil
	}
	return c.b[start:c.pos]
}

// maxSkippedDepth limits how deep a value may nest that is skipped. With what is around
// it, it is less deep than maxDepth.
const maxSkippedDepth = 100

// skip goes behind any value.
func (c *jsonCursor) skip() { c.skipNested(maxSkippedDepth) }

func (c *jsonCursor) skipNested(deepest int) {
	switch ch := c.peek(); ch {
	case '"':
		c.text()
	case '{':
		if deepest == 0 {
			c.fail()
		}
		for c.take('{'); c.more('}'); {
			c.text()
			c.take(':')
			c.skipNested(deepest - 1)
		}
	case '[':
		if deepest == 0 {
			c.fail()
		}
		for c.take('['); c.more(']'); {
			c.skipNested(deepest - 1)
		}
	case 't', 'f':
		c.boolean()
	case 'n':
		if !c.takes("null") {
			c.fail()
		}
	default:
		c.number()
	}
}

// hexValues are the values of hexadecimal digits, 255 for all other bytes.
var hexValues = func() (values [256]byte) {
	for i := range values {
		values[i] = 255
	}
	for i := range 16 {
		values["0123456789abcdef"[i]] = byte(i)
		values["0123456789ABCDEF"[i]] = byte(i)
	}
	return values
}()

// hex goes behind a string of two hexadecimal digits for each byte of to, and nothing
// else, and sets to.
func (c *jsonCursor) hex(to []byte) {
	c.peek()
	size := 2*len(to) + 2
	if len(c.b)-c.pos < size {
		c.fail()
		return
	}
	quoted := c.b[c.pos : c.pos+size]
	digits := quoted[1 : size-1]
	var wrong byte
	for i := range to {
		high, low := hexValues[digits[2*i]], hexValues[digits[2*i+1]]
		to[i] = high<<4 | low&15
		wrong |= high | low
	}
	if wrong > 15 || quoted[0] != '"' || quoted[size-1] != '"' {
		c.fail()
		return
	}
	c.pos += size
}

// uint goes behind an integer of up to 19 digits, in quotes or not, and returns it.
func (c *jsonCursor) uint() (n uint64) {
	quoted := c.peek() == '"'
	if quoted {
		c.pos++
	}
	start := c.pos
	for c.pos < len(c.b) {
		digit := c.b[c.pos] - '0'
		if digit > 9 {
			break
		}
		n = n*10 + uint64(digit)
		c.pos++
	}
	size := c.pos - start
	switch {
	case size == 0 || size > 19 || size > 1 && c.b[start] == '0':
		c.fail()
	case quoted && !c.takes(`"`):
		c.fail()
	}
	return n
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
