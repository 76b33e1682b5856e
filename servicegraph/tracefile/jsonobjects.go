package tracefile

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// objects splits a stream into JSON objects as values does, and looks for them
// inside lists as well: in a list, in a list of lists, and in the one under the
// key within, if that is the first of an object. So the answer to a query is read
// element by element.
//
// Between the elements of a list it is lenient about commas. Behind an element
// that is broken it goes on at the next line that begins with an opening brace;
// where there is none, the rest of the list is lost.
type objects struct {
	values
	within string

	lists   int  // how many are open
	wrapped bool // the outermost is in an object, under the key within
}

// readObjects reads a form whose records are JSON objects.
func readObjects(s *source, o *objects, decode func(object []byte) error) error {
	for {
		object, err := o.next()
		if err == io.EOF {
			return nil
		}
		s.record++
		s.offset = o.start
		if _, broken := errors.AsType[*brokenValue](err); broken {
			err = s.skip(err)
		} else if err == nil {
			err = decode(object)
		}
		if err != nil {
			return err
		}
	}
}

// next returns the next object, as values.next does. Of an object whose list it
// went into, it returns behind the elements what else there is, with an empty
// list.
func (o *objects) next() ([]byte, error) {
	for {
		c, err := o.peek()
		switch {
		case err == io.EOF && o.lists > 0:
			return nil, fmt.Errorf("a list of JSON ends early (%w)", io.ErrUnexpectedEOF)
		case err != nil:
			return nil, err
		case c == '[':
			o.pos++
			o.lists++
		case c == '{' && o.lists == 0 && o.enter():
		case c == '{' || o.lists == 0:
			return o.element()
		case c == ',':
			o.pos++
		case c == ']':
			o.pos++
			o.lists--
			if o.lists == 0 && o.wrapped {
				o.wrapped = false
				return o.rest()
			}
		default:
			return nil, fmt.Errorf("no JSON object at byte %d: %s: the rest is lost", o.offset(), o.excerpt(0))
		}
	}
}

// peek returns the next byte that is not blank.
func (o *objects) peek() (byte, error) {
	if !o.begin() {
		return 0, o.err
	}
	return o.buf[o.pos], nil
}

// element returns the object that begins here.
func (o *objects) element() ([]byte, error) {
	object, err := o.values.next()
	broken, ok := errors.AsType[*brokenValue](err)
	if !ok || o.lists == 0 || o.pos < len(o.buf) {
		return object, err
	}
	if broken.reason == cutOff {
		return nil, fmt.Errorf("the JSON object at byte %d ends early (%w)", o.start, io.ErrUnexpectedEOF)
	}
	return nil, errors.New(broken.reason + ": the rest is lost")
}

// enter goes into the list under the key within, and reports whether the object
// that begins here begins with it.
func (o *objects) enter() bool {
	if o.within == "" {
		return false
	}
	n := 0
	for _, token := range []string{"{", strconv.Quote(o.within), ":", "["} {
		for {
			here := bytes.TrimLeft(o.buf[o.pos+n:], blanks)
			if bytes.HasPrefix(here, []byte(token)) {
				n = len(o.buf) - o.pos - len(here) + len(token)
				break
			}
			if !bytes.HasPrefix([]byte(token), here) || !o.more() {
				return false
			}
		}
	}
	o.pos += n
	o.lists, o.wrapped = 1, true
	return true
}

// rest returns the object whose list ends here, with an empty list.
func (o *objects) rest() ([]byte, error) {
	o.start = o.base + int64(o.pos)
	scan := jsonScanner{open: []byte("{"), want: aCommaOrEnd}
	n := 0
	for {
		used, state := scan.scan(o.buf[o.pos+n:])
		n += used
		switch {
		case state == jsonComplete:
			o.pos += n
			return fmt.Appendf(nil, "{%q:[]%s", o.within, o.buf[o.pos-n:o.pos]), nil
		case state != jsonGoesOn || n > o.limit:
			return nil, fmt.Errorf("not JSON from byte %d on: the rest is lost", o.start+int64(n))
		case !o.more() && o.err == io.EOF:
			return nil, fmt.Errorf("what follows a list of JSON ends early (%w)", io.ErrUnexpectedEOF)
		case o.err != nil && o.err != io.EOF:
			return nil, o.err
		}
	}
}

func newObjects(in *bufio.Reader, limit int, within string) *objects {
	return &objects{values: values{in: in, limit: limit, deepest: deepReferences}, within: within}
}
