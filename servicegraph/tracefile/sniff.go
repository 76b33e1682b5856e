package tracefile

import (
	"bufio"
	"bytes"
	"slices"
	"strconv"

	"google.golang.org/protobuf/encoding/protowire"
)

// A format is one form of trace file.
type format struct {
	// matches reports whether a file that begins with head has this form. Head
	// is the whole file, or its first headSize bytes.
	matches func(head []byte) bool

	// read reads the file into s. A record of more than limit bytes is skipped.
	read func(s *source, in *bufio.Reader, limit int) error
}

// formOf returns the first format that matches. Protobuf is asked first, because
// a message of 123 bytes begins as a JSON document does: 0x7b 0x0a is "{\n".
func formOf(head []byte) (format, bool) {
	for _, f := range []format{
		{isDelimited, readDelimited},
		{isMessage, readMessage},
		{isExport, readJSON},
		{isJaeger, readJaeger},
		{isZipkin, readZipkin},
		{isJSONList, readJSONList},
		{isJSON, readJSON},
	} {
		if f.matches(head) {
			return f, true
		}
	}
	return format{}, false
}

// isDelimited reports whether head begins with a length and a request that fits
// into it.
func isDelimited(head []byte) bool {
	size, n := protowire.ConsumeVarint(head)
	return n > 0 && size > 0 && isRequest(head[n:], size) && !isText(head)
}

// isMessage reports whether head begins with a request. That it is not also a
// length of ten and a request of that length, whose first byte would be 0x0a as
// well, follows from the bytes behind it: as a delimited file, 0x0a 0x0a n t
// holds ResourceSpans of n ≤ 8 bytes; as a message, n is the tag of a field of
// ResourceSpans, of which the smallest is ten.
func isMessage(head []byte) bool {
	return isRequest(head, maxRecord) && !isText(head)
}

// isRequest reports whether b begins with a request of size bytes: with a
// ResourceSpans whose first field is known, and where each fits into what
// surrounds it. Nothing is asked of what lies behind the end of b.
func isRequest(b []byte, size uint64) bool {
	known := []uint64{requestResourceSpans}
	for depth := 0; depth < 2 && size > 0; depth++ {
		tag, n := protowire.ConsumeVarint(b)
		if n < 0 || !slices.Contains(known, tag) {
			return false
		}
		inner, m := protowire.ConsumeVarint(b[n:])
		if m < 0 || inner > size || uint64(n+m) > size-inner {
			return false
		}
		b, size = b[n+m:], inner
		known = []uint64{spansResource, spansScopeSpans, spansSchemaURL}
	}
	return true
}

// isText reports whether b has no control characters but those of text.
// Protobuf has: the tags of an attribute's value and of scope spans are one.
func isText(b []byte) bool {
	return !bytes.ContainsFunc(b, func(r rune) bool { return r < ' ' && r != '\t' && r != '\n' && r != '\r' })
}

// isExport reports whether head begins with a request of OTLP JSON as exporters write
// it. Most files do, and to go over the first of their documents for the keys of other
// formats, as it takes to tell those, would be a twentieth of the time of a small file.
func isExport(head []byte) bool {
	c := jsonCursor{b: bytes.TrimLeft(head, blanks)}
	c.take('{')
	return string(c.key()) == "resourceSpans" && !c.failed
}

// isJSON reports whether head holds JSON objects with the keys that lead to
// spans. The first line may be another: logs that were split, or other programs'
// output among them, begin so.
func isJSON(head []byte) bool {
	head = bytes.TrimLeft(head, blanks)
	return (bytes.HasPrefix(head, []byte("{")) || bytes.Contains(head, []byte("\n{"))) && hasRequest(head)
}

// isJSONList reports whether head begins with a list of such objects.
func isJSONList(head []byte) bool {
	head = bytes.TrimLeft(head, blanks)
	return bytes.HasPrefix(head, []byte("[")) && bytes.HasPrefix(bytes.TrimLeft(head, "["+blanks), []byte("{")) && hasRequest(head)
}

// hasRequest reports whether head has a key that leads to spans, or to the other
// signals that may come before them in a file.
func hasRequest(head []byte) bool {
	return slices.ContainsFunc([]string{"resourceSpans", "batches", "resourceMetrics", "resourceLogs", "resourceProfiles"}, func(key string) bool {
		return bytes.Contains(head, []byte(strconv.Quote(key)))
	})
}
