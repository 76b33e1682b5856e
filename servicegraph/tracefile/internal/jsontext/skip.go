package jsontext

import (
	"encoding/binary"
	"math/bits"
)

// The functions in this file skip values that are not needed, about half of a trace. They keep
// their position in a local variable instead of a [Cursor], which is twice as fast.
//
// A function xxxEnd(b, i) returns the index after the value at b[i], or len(b) if the value
// is malformed or truncated. Values are always inside an object or list, so len(b) is never
// the end of a valid value.

// maxSkippedDepth limits how deep the brackets of a skipped value may nest. Such a value
// and the brackets around it stay below maxDepth.
const maxSkippedDepth = 100

// valueEnd skips a value and the blanks on both sides of it.
func valueEnd(b []byte, i, deepest int) int {
	if i = blanksEnd(b, i); i == len(b) {
		return i
	}
	switch c := b[i]; {
	case c == '"':
		i = stringEnd(b, i)
	case c == '{' && deepest > 0:
		i = objectEnd(b, i, deepest-1)
	case c == '[' && deepest > 0:
		i = listEnd(b, i, deepest-1)
	default:
		i = wordEnd(b, i)
	}
	return blanksEnd(b, i)
}

func objectEnd(b []byte, i, deepest int) int {
	i = blanksEnd(b, i+1)
	if i < len(b) && b[i] == '}' {
		return i + 1
	}
	for {
		i = blanksEnd(b, stringEnd(b, i))
		if i == len(b) || b[i] != ':' {
			return len(b)
		}
		i = valueEnd(b, i+1, deepest)
		switch {
		case i < len(b) && b[i] == ',':
			i = blanksEnd(b, i+1)
		case i < len(b) && b[i] == '}':
			return i + 1
		default:
			return len(b)
		}
	}
}

func listEnd(b []byte, i, deepest int) int {
	i = blanksEnd(b, i+1)
	if i < len(b) && b[i] == ']' {
		return i + 1
	}
	for {
		i = valueEnd(b, i, deepest)
		switch {
		case i < len(b) && b[i] == ',':
			i++
		case i < len(b) && b[i] == ']':
			return i + 1
		default:
			return len(b)
		}
	}
}

// blanksEnd skips blanks, if there are any.
func blanksEnd(b []byte, i int) int {
	for i < len(b) && b[i] <= ' ' && (b[i] == ' ' || b[i] == '\n' || b[i] == '\t' || b[i] == '\r') {
		i++
	}
	return i
}

func stringEnd(b []byte, i int) int {
	if i == len(b) || b[i] != '"' {
		return len(b)
	}
	i = plainEnd(b, i+1)
	if i < len(b) && b[i] == '\\' {
		i = escapedEnd(b, i)
	}
	if i == len(b) || b[i] != '"' {
		return len(b)
	}
	return i + 1
}

// plainEnd returns the index of the first byte from b[i] on that is special in a string: a
// quote, a backslash or a control character.
//
// Two calls of bytes.IndexByte, for the quote and for the backslash, would take longer for strings
// of up to 30 bytes, which most strings are. They would also miss control characters.
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

// specialBytes sets the highest bit of each byte of a word that is special in a string. It may also
// set the highest bit of some bytes above the lowest special byte.
func specialBytes(w uint64) uint64 {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	quote := w ^ ones*'"'
	backslash := w ^ ones*'\\'
	// x-n sets the highest bit where x < n, unless x has that bit itself.
	return ((quote-ones)&^quote | (backslash-ones)&^backslash | (w-ones*' ')&^w) & highs
}

// escapedEnd returns the index of the quote that ends a string, from the escape at b[i] on.
func escapedEnd(b []byte, i int) int {
	for i < len(b) && b[i] == '\\' {
		n := escapeLen(b[i:])
		if n == 0 {
			return len(b)
		}
		i = plainEnd(b, i+n)
	}
	return i
}

// escapeLen returns the length of the escape that b begins with; 0 if it is malformed.
func escapeLen(b []byte) int {
	if len(b) < 2 {
		return 0
	}
	switch b[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		if len(b) >= 6 && isHex(b[2]) && isHex(b[3]) && isHex(b[4]) && isHex(b[5]) {
			return 6
		}
	}
	return 0
}

func isHex(c byte) bool { return c-'0' <= 9 || c|0x20-'a' <= 'f'-'a' }

// wordEnd skips a number, true, false or null.
func wordEnd(b []byte, i int) int {
	if i == len(b) {
		return i
	}
	switch b[i] {
	case 't':
		return literalEnd(b, i, "true")
	case 'f':
		return literalEnd(b, i, "false")
	case 'n':
		return literalEnd(b, i, "null")
	}
	return numberEnd(b, i)
}

func literalEnd(b []byte, i int, literal string) int {
	if len(b)-i < len(literal) || string(b[i:i+len(literal)]) != literal {
		return len(b)
	}
	return i + len(literal)
}

func numberEnd(b []byte, i int) int {
	if b[i] == '-' {
		i++
	}
	if i < len(b) && b[i] == '0' {
		i++
	} else {
		i = digitsEnd(b, i)
	}
	if i < len(b) && b[i] == '.' {
		i = digitsEnd(b, i+1)
	}
	if i < len(b) && b[i]|0x20 == 'e' {
		i++
		if i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		i = digitsEnd(b, i)
	}
	return i
}

// digitsEnd skips one or more digits.
func digitsEnd(b []byte, i int) int {
	start := i
	for i < len(b) && b[i]-'0' <= 9 {
		i++
	}
	if i == start {
		return len(b)
	}
	return i
}
