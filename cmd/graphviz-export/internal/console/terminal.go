package console

import (
	"bytes"
	"fmt"
	"io"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// A safeTerminal writes text to a terminal. Characters beyond ASCII that are not printable, such
// as those that change the direction of a line and the control characters U+0080 to U+009F, are
// written as JSON escapes them. So JSON stays the same JSON, and other text shows what it has.
type safeTerminal struct {
	to   io.Writer
	rest []byte // the beginning of a character whose end was not written yet
}

// Safe returns the stream, through a safeTerminal if it is a terminal.
func Safe(stream io.Writer) io.Writer {
	if IsTerminal(stream) {
		return &safeTerminal{to: stream}
	}
	return stream
}

func (s *safeTerminal) Write(p []byte) (int, error) {
	text := append(s.rest, p...)
	s.rest = nil
	var out bytes.Buffer
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		switch {
		case r < 0x7f:
			out.WriteByte(byte(r))
		case r == utf8.RuneError && size == 1 && !utf8.FullRune(text):
			s.rest, size = bytes.Clone(text), len(text)
		case r == utf8.RuneError && size == 1: // a terminal may take the byte for a control character
			out.WriteRune(utf8.RuneError)
		case unicode.IsPrint(r) || unicode.Is(unicode.Zs, r):
			out.Write(text[:size])
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&out, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&out, `\u%04x`, r)
		}
		text = text[size:]
	}
	if _, err := s.to.Write(out.Bytes()); err != nil {
		return 0, err
	}
	return len(p), nil
}
