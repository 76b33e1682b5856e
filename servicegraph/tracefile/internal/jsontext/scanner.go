package jsontext

import "cmp"

// A scanner finds the end of a JSON object that arrives in pieces. It checks the grammar of
// brackets, commas and colons, so that it can tell an object that continues on the next line from
// an object that was cut off before that line. The decoder of the object checks the inside of
// numbers, literals and escapes. The zero value expects the object's opening brace.
type scanner struct {
	brackets []byte // opened and not closed yet
	want     expected
	key      bool // the string being scanned is a key

	deepest int // limit on len(brackets); 0 stands for maxDepth
}

// expected is the part of a text that a scanner expects next.
type expected uint8

const (
	aValue       expected = iota
	aValueOrEnd           // after an opening bracket
	aKeyOrEnd             // after an opening brace
	aKey                  // after a comma in an object
	aColon                // after a key
	aCommaOrEnd           // after a value
	insideString          // the rest of a string
	anEscape              // after a backslash in a string
	insideWord            // the rest of a number, true, false or null
)

// scanState says whether an object has ended.
type scanState uint8

const (
	scanOpen scanState = iota // the object goes on
	scanComplete
	scanMalformed
	scanTooDeep
)

// maxDepth limits how deep objects and lists nest, as the values of attributes may. The limit
// bounds how many bytes are read in vain after each malformed line.
const maxDepth = 200

// scan reads the next piece and returns how many bytes of it belong to the object: the
// whole piece if the object goes on, the bytes up to the object's end, or the bytes before
// the first one that is not valid.
func (s *scanner) scan(b []byte) (int, scanState) {
	for i := 0; i < len(b); i++ {
		c := b[i]
		switch s.want {
		case insideString:
			if i = plainEnd(b, i); i == len(b) {
				return i, scanOpen
			}
			switch c = b[i]; {
			case c == '"' && s.key:
				s.want = aColon
			case c == '"':
				s.want = aCommaOrEnd
			case c == '\\':
				s.want = anEscape
			case c < ' ':
				return i, scanMalformed
			}
			continue
		case anEscape:
			if c < ' ' {
				return i, scanMalformed
			}
			s.want = insideString
			continue
		case insideWord:
			if isWord(c) {
				continue
			}
			s.want = aCommaOrEnd
		}
		switch c {
		case ' ', '\t', '\r', '\n':
			continue
		}
		if !s.token(c) {
			return i, scanMalformed
		}
		if len(s.brackets) == 0 {
			return i + 1, scanComplete
		}
		if len(s.brackets) > cmp.Or(s.deepest, maxDepth) {
			return i, scanTooDeep
		}
	}
	return len(b), scanOpen
}

// token reads the first byte of a token and reports whether the byte is valid here.
func (s *scanner) token(c byte) bool {
	switch s.want {
	case aKey, aKeyOrEnd:
		if c == '"' {
			s.want, s.key = insideString, true
			return true
		}
		return s.want == aKeyOrEnd && s.close(c)
	case aColon:
		s.want = aValue
		return c == ':'
	case aCommaOrEnd:
		if c != ',' {
			return s.close(c)
		}
		s.want = aValue
		if s.brackets[len(s.brackets)-1] == '{' {
			s.want = aKey
		}
		return true
	}
	switch {
	case c == '{':
		s.brackets, s.want = append(s.brackets, c), aKeyOrEnd
	case c == '[':
		s.brackets, s.want = append(s.brackets, c), aValueOrEnd
	case c == '"':
		s.want, s.key = insideString, false
	case isWord(c):
		s.want = insideWord
	default:
		return s.want == aValueOrEnd && s.close(c)
	}
	return true
}

// close reads a closing bracket and reports whether it matches the last open one.
func (s *scanner) close(c byte) bool {
	last := len(s.brackets) - 1
	if !(c == '}' && s.brackets[last] == '{' || c == ']' && s.brackets[last] == '[') {
		return false
	}
	s.brackets, s.want = s.brackets[:last], aCommaOrEnd
	return true
}

// isWord reports whether c is part of a number or of true, false and null.
func isWord(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '-' || c == '+' || c == '.'
}
