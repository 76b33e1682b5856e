package graphtest

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A SyntaxError is a mistake in the text of rules or in a golden file.
type SyntaxError struct {
	File         string // the name that the parser was given; may be empty
	Line, Column int    // from 1; a column is a character
	Message      string
}

// Error returns "file:line:column: message".
func (e *SyntaxError) Error() string {
	where := fmt.Sprintf("%d:%d: %s", e.Line, e.Column, e.Message)
	if e.File == "" {
		return where
	}
	return e.File + ":" + where
}

// A token is a word, a sign, "\n" at the end of a statement, or "" at the end of the text.
type token struct {
	text   string
	offset int
}

// A scanner splits a text into tokens. A statement ends with its line, unless that ends
// in a comma or in >.
type scanner struct {
	file string
	text string
	pos  int
	tok  token // the current token

	comment string // the last comment before it

	// The line of the last error, and where the line begins. Errors come in the order of their
	// positions, so no line is counted twice.
	line, begin int // from 0
}

func newScanner(file, text string) *scanner {
	s := &scanner{file: file, text: text}
	s.next()
	return s
}

// errorf returns an error with the position of a token.
func (s *scanner) errorf(at token, format string, args ...any) *SyntaxError {
	if at.offset < s.begin {
		s.line, s.begin = 0, 0
	}
	since := s.text[s.begin:at.offset]
	s.line += strings.Count(since, "\n")
	s.begin += strings.LastIndexByte(since, '\n') + 1
	return &SyntaxError{
		File: s.file, Line: s.line + 1, Column: utf8.RuneCountInString(s.text[s.begin:at.offset]) + 1,
		Message: fmt.Sprintf(format, args...),
	}
}

// next moves to the next token.
func (s *scanner) next() {
	s.skip()
	start := s.pos
	rest := s.text[start:]
	switch {
	case rest == "":
	case strings.HasPrefix(rest, "->"):
		s.pos += 2
	case strings.HasPrefix(rest, "→"):
		s.pos += len("→")
		s.tok = token{"->", start}
		return
	default:
		s.pos += max(wordLength(rest), 1) // the length of a sign is 1
	}
	s.tok = token{s.text[start:s.pos], start}
}

// skip skips spaces, comments, and the ends of lines that continue on the next one.
func (s *scanner) skip() {
	for s.pos < len(s.text) {
		switch c := s.text[s.pos]; {
		case c == ' ' || c == '\t' || c == '\r':
			s.pos++
		case c == '#':
			line, _, _ := strings.Cut(s.text[s.pos:], "\n")
			s.comment = strings.TrimRight(line, " \t\r")
			s.pos += len(line)
		case c == '\n' && (s.tok.text == "," || s.tok.text == ">"):
			s.pos++
		default:
			return
		}
	}
}

// wordLength returns the length of the word at the beginning of a text: names, quoted or
// not, with a type in brackets. It returns 0 if the text begins with a sign.
func wordLength(text string) int {
	n := 0
	for n < len(text) {
		rest := text[n:]
		r, size := utf8.DecodeRuneInString(rest)
		switch {
		case r == '"':
			quoted, err := strconv.QuotedPrefix(rest)
			if err != nil { // the quote is not closed, so the rest of the line is the word
				line, _, _ := strings.Cut(rest, "\n")
				return n + len(line)
			}
			size = len(quoted)
		case endsWord(rest), r == ':' && endsWord(rest[1:]):
			return n
		}
		n += size
	}
	return n
}

// endsWord reports whether a word ends before a text. A colon there does not belong to the word.
func endsWord(text string) bool {
	r, _ := utf8.DecodeRuneInString(text)
	return text == "" || unicode.IsSpace(r) || r == ',' || r == '>' || r == '→' || strings.HasPrefix(text, "->")
}

// atEnd reports whether the current token ends the statement.
func (s *scanner) atEnd() bool { return s.tok.text == "\n" || s.tok.text == "" }

// skipStatement moves to the end of the statement.
func (s *scanner) skipStatement() {
	for !s.atEnd() {
		s.next()
	}
}

// accept moves to the next token if the current one is the given text, and reports whether
// it is.
func (s *scanner) accept(text string) bool {
	if s.tok.text != text {
		return false
	}
	s.next()
	return true
}

// expect moves past the given tokens. It returns an error if there are others.
func (s *scanner) expect(words ...string) *SyntaxError {
	for _, w := range words {
		if !s.accept(w) {
			return s.errorf(s.tok, "want %q here, not %s", w, s.shown())
		}
	}
	return nil
}

// shown returns the current token for a message.
func (s *scanner) shown() string {
	if s.atEnd() {
		return "the end of the line"
	}
	return strconv.Quote(s.tok.text)
}

// pattern parses a pattern.
func (s *scanner) pattern() (pattern, *SyntaxError) {
	switch s.tok.text {
	case "\n", "", ",", ">", "->", ":":
		return pattern{}, s.errorf(s.tok, "want the name of a service here, not %s", s.shown())
	}
	p, err := parsePattern(s.tok.text)
	if err != nil {
		return p, s.errorf(s.tok, "%v", err)
	}
	s.next()
	return p, nil
}

// patterns parses one or more patterns with commas between them.
func (s *scanner) patterns() (list []pattern, err *SyntaxError) {
	for {
		p, err := s.pattern()
		if err != nil {
			return nil, err
		}
		if list = append(list, p); !s.accept(",") {
			return list, nil
		}
	}
}

// chain parses a -> b -> c, with at least one arrow.
func (s *scanner) chain() (list []pattern, err *SyntaxError) {
	for {
		p, err := s.pattern()
		if err != nil {
			return nil, err
		}
		list = append(list, p)
		if s.tok.text == "->" {
			s.next()
			continue
		}
		if len(list) < 2 {
			return nil, s.errorf(s.tok, "want -> here, not %s", s.shown())
		}
		return list, nil
	}
}

// arrow parses a -> b.
func (s *scanner) arrow() (a arrow, err *SyntaxError) {
	if a.from, err = s.pattern(); err != nil {
		return a, err
	}
	if err = s.expect("->"); err != nil {
		return a, err
	}
	a.to, err = s.pattern()
	return a, err
}
