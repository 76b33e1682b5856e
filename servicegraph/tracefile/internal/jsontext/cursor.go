package jsontext

import (
	"encoding/binary"
	"encoding/json"
	"slices"
)

// A Cursor reads the text of a JSON value from front to back, for a reader that knows which values
// to expect. It allocates nothing. It accepts no value that encoding/json would refuse.
//
// If the text is not what a method expects, the cursor fails: it moves to the end of the text, so
// that all loops over the text end, and it stays failed. A cursor does not say why it failed. A
// caller that needs the reason decodes the text again with encoding/json.
type Cursor struct {
	Text   []byte
	Pos    int // index in Text of the next byte
	Failed bool
}

// Rest returns the text from the cursor's position on.
func (c *Cursor) Rest() []byte { return c.Text[c.Pos:] }

// Fail moves the cursor to the end and marks it as failed.
func (c *Cursor) Fail() {
	c.Pos = len(c.Text)
	c.Failed = true
}

// Peek moves to the next byte that is not blank and returns it; 0 at the end.
func (c *Cursor) Peek() byte {
	if c.Pos < len(c.Text) && c.Text[c.Pos] > ' ' {
		return c.Text[c.Pos]
	}
	return c.peekAfterBlanks()
}

func (c *Cursor) peekAfterBlanks() byte {
	for ; c.Pos < len(c.Text); c.Pos++ {
		switch ch := c.Text[c.Pos]; ch {
		case ' ', '\t', '\r', '\n':
		default:
			return ch
		}
	}
	return 0
}

// Expect consumes the next byte that is not blank. It fails if the byte is not want.
func (c *Cursor) Expect(want byte) {
	if c.Peek() != want {
		c.Fail()
		return
	}
	c.Pos++
}

// Accept consumes a text if the text comes next, and reports whether it does.
func (c *Cursor) Accept(text string) bool {
	if len(c.Text)-c.Pos < len(text) || string(c.Text[c.Pos:c.Pos+len(text)]) != text {
		return false
	}
	c.Pos += len(text)
	return true
}

// Next moves to the next element of a list, or to the next key of an object, and reports
// whether there is one; if not, it consumes the closing bracket, which is end. Next is called
// after the opening bracket or after a value. The byte before the cursor tells which.
func (c *Cursor) Next(end byte) bool {
	const open = 2 // in ASCII, the code of a closing bracket is that of its opening bracket plus 2
	first := c.Pos > 0 && c.Text[c.Pos-1] == end-open
	switch ch := c.Peek(); {
	case ch == ',' && !first:
		c.Pos++
		return true
	case ch == end:
		c.Pos++
		return false
	case ch == 0 || !first:
		c.Fail()
		return false
	}
	return true
}

// Key consumes a key of an object and its colon. It fails for a key with escapes.
func (c *Cursor) Key() []byte {
	key := c.PlainString()
	c.Expect(':')
	return key
}

// PlainString consumes a string without escapes and returns its content.
func (c *Cursor) PlainString() []byte {
	text, escapes := c.String()
	if escapes {
		c.Fail()
	}
	return text
}

// String consumes a string. It returns the bytes between the quotes and whether these
// contain escapes. It does not check that they are UTF-8.
func (c *Cursor) String() (text []byte, escapes bool) {
	if c.Peek() != '"' {
		c.Fail()
		return nil, false
	}
	start := c.Pos + 1
	end := plainEnd(c.Text, start)
	if end < len(c.Text) && c.Text[end] == '\\' {
		escapes = true
		end = escapedEnd(c.Text, end)
	}
	if end == len(c.Text) || c.Text[end] != '"' {
		c.Fail()
		return nil, false
	}
	c.Pos = end + 1
	return c.Text[start:end], escapes
}

// Unescape returns the content of a string with its escapes replaced.
func (c *Cursor) Unescape(text []byte) []byte {
	var s string
	if err := json.Unmarshal(slices.Concat([]byte(`"`), text, []byte(`"`)), &s); err != nil {
		c.Fail()
	}
	return []byte(s)
}

// Number consumes a number and returns its text.
func (c *Cursor) Number() []byte {
	first := c.Peek()
	start := c.Pos
	if c.Pos = wordEnd(c.Text, start); c.Pos == len(c.Text) || first > '9' {
		c.Fail()
		return nil
	}
	return c.Text[start:c.Pos]
}

// Bool consumes true or false and returns its text.
func (c *Cursor) Bool() []byte {
	c.Peek()
	start := c.Pos
	if !c.Accept("true") && !c.Accept("false") {
		c.Fail()
	}
	return c.Text[start:c.Pos]
}

// Skip consumes any value, which must be inside an object or list.
func (c *Cursor) Skip() { c.SkipDeep(maxSkippedDepth) }

// SkipDeep is [Cursor.Skip] with deepest as the limit on how deep the brackets nest.
func (c *Cursor) SkipDeep(deepest int) {
	if c.Pos = valueEnd(c.Text, c.Pos, deepest); c.Pos == len(c.Text) {
		c.Fail()
	}
}

// Hex consumes a string of exactly two hexadecimal digits for each byte of to, and sets
// to. The length of to is a multiple of four.
func (c *Cursor) Hex(to []byte) {
	c.Peek()
	size := 2*len(to) + 2
	if len(c.Text)-c.Pos < size {
		c.Fail()
		return
	}
	quoted := c.Text[c.Pos : c.Pos+size]
	digits := quoted[1 : size-1]
	ok := quoted[0] == '"' && quoted[size-1] == '"'
	for i := 0; i+4 <= len(to) && 2*i+8 <= len(digits); i += 4 {
		bytes, right := hexBytes(binary.LittleEndian.Uint64(digits[2*i:]))
		binary.LittleEndian.PutUint32(to[i:], bytes)
		ok = ok && right
	}
	if !ok {
		c.Fail()
		return
	}
	c.Pos += size
}

// hexBytes returns the four bytes that eight hexadecimal digits stand for, both in memory order. A
// lookup table for digits would take twice as long.
func hexBytes(digits uint64) (bytes uint32, ok bool) {
	const each = 0x0101010101010101
	letters := digits >> 6 & each // 1 for each letter, if the others are decimal digits
	values := digits&(each*0x0f) + 9*letters
	// Write the values as digits again. For a byte that is not a digit, the result differs from the
	// byte, or the value is out of range.
	written := values + each*'0' + letters*('a'-10-'0')
	aboveNine := (values + each*(0x80-10)) >> 7 & each
	wrong := (written^digits)&^(letters*('a'-'A')) | values&(each*0xf0) | (aboveNine ^ letters)

	values = (values<<4 | values>>8) & 0x00ff00ff00ff00ff
	values = (values | values>>8) & 0x0000ffff0000ffff
	return uint32(values | values>>16), wrong == 0
}

// Uint consumes an integer of up to 19 digits, in quotes or without, and returns it.
func (c *Cursor) Uint() (n uint64) {
	quoted := c.Peek() == '"'
	if rest := c.Text[c.Pos:]; quoted && len(rest) >= 21 && rest[20] == '"' && rest[1] != '0' {
		// A time of this century in nanoseconds has 19 digits.
		first, ok := decimal(binary.LittleEndian.Uint64(rest[1:]))
		second, ok2 := decimal(binary.LittleEndian.Uint64(rest[9:]))
		x, y, z := rest[17]-'0', rest[18]-'0', rest[19]-'0'
		if ok && ok2 && x <= 9 && y <= 9 && z <= 9 {
			c.Pos += 21
			return (first*1e8+second)*1e3 + uint64(x)*100 + uint64(y)*10 + uint64(z)
		}
	}
	if quoted {
		c.Pos++
	}
	i := c.Pos
	for ; i+8 <= len(c.Text); i += 8 {
		eight, ok := decimal(binary.LittleEndian.Uint64(c.Text[i:]))
		if !ok || i-c.Pos > 8 {
			break
		}
		n = n*1e8 + eight
	}
	for ; i < len(c.Text) && c.Text[i]-'0' <= 9; i++ {
		n = n*10 + uint64(c.Text[i]-'0')
	}
	size := i - c.Pos
	if size == 0 || size > 19 || size > 1 && c.Text[c.Pos] == '0' {
		c.Fail()
		return 0
	}
	c.Pos = i
	if quoted && !c.Accept(`"`) {
		c.Fail()
	}
	return n
}

// decimal returns the number that eight decimal digits, in memory order, stand for.
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

// Enum consumes a value of an enum, which is one digit or one of the names, and returns its
// number: names[i] stands for i.
func (c *Cursor) Enum(names []string) int64 {
	if c.Peek() == '"' {
		name := c.PlainString()
		for number, n := range names {
			if string(name) == n {
				return int64(number)
			}
		}
		c.Fail()
		return 0
	}
	digit := c.Number()
	if len(digit) != 1 {
		c.Fail()
		return 0
	}
	return int64(digit[0] - '0')
}

// IsInteger reports whether a text is an integer of up to 18 digits as strconv writes it.
func IsInteger(text []byte) bool {
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
