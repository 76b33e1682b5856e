package jsontext

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// A ListStream splits an input into JSON objects as [Stream] does, and also finds objects inside
// lists: in a list, in a list of lists, and in the list under the first key of an object, if that
// key is the parameter within of [NewListStream]. This way the answer to a query is read element by
// element.
//
// Between the elements of a list it is lenient about commas. After a malformed element it goes on
// at the next line that begins with an opening brace. If no such line follows, the rest of the list
// is lost.
type ListStream struct {
	stream Stream
	within string

	lists   int  // how many are open
	wrapped bool // the outermost list is in an object, under the key within
}

// NewListStream returns a list stream of an input. An object of more than limit bytes, or
// with brackets that nest deeper than deepest, is malformed. If within is empty, no object
// is split.
func NewListStream(in *bufio.Reader, limit, deepest int, within string) *ListStream {
	return &ListStream{stream: Stream{in: in, limit: limit, deepest: deepest}, within: within}
}

// Start returns the offset in the input of the object that Next returned last.
func (l *ListStream) Start() int64 { return l.stream.start }

// Next returns the next object, as [Stream.Next] does. If the list of an object was split, Next
// returns the object with an empty list after the elements. Any error other than io.EOF
// and a *MalformedError says that the rest of the input is lost.
func (l *ListStream) Next() ([]byte, error) {
	s := &l.stream
	for {
		c, err := l.peek()
		switch {
		case err == io.EOF && l.lists > 0:
			return nil, fmt.Errorf("a list of JSON ends early (%w)", io.ErrUnexpectedEOF)
		case err != nil:
			return nil, err
		case c == '[':
			s.pos++
			l.lists++
		case c == '{' && l.lists == 0 && l.enter():
		case c == '{' || l.lists == 0:
			return l.element()
		case c == ',':
			s.pos++
		case c == ']':
			s.pos++
			l.lists--
			if l.lists == 0 && l.wrapped {
				l.wrapped = false
				return l.wrapper()
			}
		default:
			return nil, fmt.Errorf("no JSON object at byte %d: %s: the rest is lost", s.Offset(), s.excerpt(0))
		}
	}
}

// peek returns the next byte that is not blank.
func (l *ListStream) peek() (byte, error) {
	if !l.stream.SkipBlanks() {
		return 0, l.stream.err
	}
	return l.stream.buf[l.stream.pos], nil
}

// element returns the object that begins at the next byte.
func (l *ListStream) element() ([]byte, error) {
	s := &l.stream
	object, err := s.Next()
	malformed, ok := errors.AsType[*MalformedError](err)
	if !ok || l.lists == 0 || s.pos < len(s.buf) {
		return object, err
	}
	if malformed.reason == cutOff {
		return nil, fmt.Errorf("the JSON object at byte %d ends early (%w)", s.start, io.ErrUnexpectedEOF)
	}
	return nil, errors.New(malformed.reason + ": the rest is lost")
}

// enter enters the list under the key within, and reports whether the object that begins
// at the next byte begins with that key.
func (l *ListStream) enter() bool {
	if l.within == "" {
		return false
	}
	s := &l.stream
	n := 0
	for _, token := range []string{"{", strconv.Quote(l.within), ":", "["} {
		for {
			rest := bytes.TrimLeft(s.buf[s.pos+n:], Blanks)
			if bytes.HasPrefix(rest, []byte(token)) {
				n = len(s.buf) - s.pos - len(rest) + len(token)
				break
			}
			if !bytes.HasPrefix([]byte(token), rest) || !s.fill() {
				return false
			}
		}
	}
	s.pos += n
	l.lists, l.wrapped = 1, true
	return true
}

// wrapper returns the object whose list ends before the next byte, with an empty list.
func (l *ListStream) wrapper() ([]byte, error) {
	s := &l.stream
	s.start = s.Offset()
	scan := scanner{brackets: []byte("{"), want: aCommaOrEnd}
	n := 0
	for {
		used, state := scan.scan(s.buf[s.pos+n:])
		n += used
		switch {
		case state == scanComplete:
			s.pos += n
			return fmt.Appendf(nil, "{%q:[]%s", l.within, s.buf[s.pos-n:s.pos]), nil
		case state != scanOpen || n > s.limit:
			return nil, fmt.Errorf("not JSON from byte %d on: the rest is lost", s.start+int64(n))
		case !s.fill() && s.err == io.EOF:
			return nil, fmt.Errorf("the JSON object around a list ends early (%w)", io.ErrUnexpectedEOF)
		case s.err != nil && s.err != io.EOF:
			return nil, s.err
		}
	}
}
