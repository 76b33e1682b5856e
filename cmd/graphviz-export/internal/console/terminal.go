package console

import (
	"bytes"
	"fmt"
	"io"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// A safeTerminal writes text to a terminal. It writes non-ASCII characters that are not printable
// as JSON escapes, for example characters that change the writing direction and the control
// characters U+0080 to U+009F. JSON keeps its meaning, and other text shows the escapes.
type safeTerminal struct {
	to   io.Writer
	rest []byte // the first bytes of a character whose last bytes have not arrived yet
}

// Safe returns a safeTerminal for a stream that is a terminal, and any other stream unchanged.
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
		case r == utf8.RuneError && size == 1: // a terminal may interpret the byte as a control character
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
