package tracefile

import "cmp"

// A jsonScanner finds the end of a JSON object that arrives in pieces. It knows
// the grammar of brackets, commas and colons, which tells an object that goes on
// in the next line from one that broke off before it. What numbers, literals and
// escapes look like inside is left to the decoder. The zero value is before the
// opening brace.
type jsonScanner struct {
	open []byte // the brackets around
	want jsonToken
	key  bool // the string being scanned is a key

	deepest int // how deep brackets may nest; 0 for maxDepth
}

// A jsonToken is what a jsonScanner expects next.
type jsonToken uint8

const (
	aValue       jsonToken = iota
	aValueOrEnd            // behind an opening bracket
	aKeyOrEnd              // behind an opening brace
	aKey                   // behind a comma in an object
	aColon                 // behind a key
	aCommaOrEnd            // behind a value
	insideString           // the rest of a string
	anEscape               // behind a backslash in a string
	insideWord             // the rest of a number, true, false or null
)

// A jsonState is what a jsonScanner knows of the object.
type jsonState uint8

const (
	jsonGoesOn jsonState = iota
	jsonComplete
	jsonBroken
	jsonTooDeep
)

// maxDepth limits how deep objects and lists nest, as attributes may in each
// other. It bounds how far one broken line after the other can be read in vain.
const maxDepth = 200

// scan takes the next piece and returns how many bytes of it belong to the
// object: all while it goes on, those up to its end, or those before the byte
// that cannot be.
func (s *jsonScanner) scan(b []byte) (int, jsonState) {
	for i, c := range b {
		switch s.want {
		case insideString:
			switch {
			case c == '"' && s.key:
				s.want = aColon
			case c == '"':
				s.want = aCommaOrEnd
			case c == '\\':
				s.want = anEscape
			case c < ' ':
				return i, jsonBroken
			}
			continue
		case anEscape:
			if c < ' ' {
				return i, jsonBroken
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
			return i, jsonBroken
		}
		if len(s.open) == 0 {
			return i + 1, jsonComplete
		}
		if len(s.open) > cmp.Or(s.deepest, maxDepth) {
			return i, jsonTooDeep
		}
	}
	return len(b), jsonGoesOn
}

// token takes the first byte of a token and reports whether it may stand here.
func (s *jsonScanner) token(c byte) bool {
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
		if s.open[len(s.open)-1] == '{' {
			s.want = aKey
		}
		return true
	}
	switch {
	case c == '{':
		s.open, s.want = append(s.open, c), aKeyOrEnd
	case c == '[':
		s.open, s.want = append(s.open, c), aValueOrEnd
	case c == '"':
		s.want, s.key = insideString, false
	case isWord(c):
		s.want = insideWord
	default:
		return s.want == aValueOrEnd && s.close(c)
	}
	return true
}

// close takes a closing bracket and reports whether it fits the last open one.
func (s *jsonScanner) close(c byte) bool {
	last := len(s.open) - 1
	if !(c == '}' && s.open[last] == '{' || c == ']' && s.open[last] == '[') {
		return false
	}
	s.open, s.want = s.open[:last], aCommaOrEnd
	return true
}

// isWord reports whether c is part of a number or of true, false and null.
func isWord(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '-' || c == '+' || c == '.'
}
