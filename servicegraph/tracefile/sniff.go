package tracefile

import (
	"bytes"
	"slices"
	"strconv"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/tempograph/tempograph/servicegraph/tracefile/internal/jsontext"
)

// A format is one format of trace files.
type format struct {
	// match reports whether a file that begins with head has this format. Head is the
	// whole file, or its first headSize bytes.
	match func(head []byte) bool

	// read reads an input of the format to its end.
	read func(s *sink, in *input) error

	// split returns a splitter of an input, which cuts it into segments that can be
	// decoded in parallel. It is nil for a format that cannot be split.
	split func(in *input) splitter
}

// formatOf returns the first format that matches. Protobuf is tried first, because a message
// of 123 bytes begins as a JSON document does: 0x7b 0x0a is "{\n".
func formatOf(head []byte) (format, bool) {
	for _, f := range []format{
		{match: isDelimited, read: readDelimited, split: splitDelimited},
		{match: isMessage, read: readMessage, split: splitMessage},
		{match: isExport, read: readJSON, split: splitJSON},
		{match: isJaeger, read: readJaeger},
		{match: isZipkin, read: readZipkin},
		{match: isJSONList, read: readJSONList},
		{match: isJSON, read: readJSON, split: splitJSON},
	} {
		if f.match(head) {
			return f, true
		}
	}
	return format{}, false
}

// isDelimited reports whether head begins with a length and a request of that length.
func isDelimited(head []byte) bool {
	size, n := protowire.ConsumeVarint(head)
	return n > 0 && size > 0 && isRequest(head[n:], size) && !isText(head)
}

// isMessage reports whether head begins with a request. The first byte of a request, 0x0a, would
// also be a length of ten in a delimited file. The next bytes exclude that. In a delimited file,
// the bytes 0x0a 0x0a n would begin ResourceSpans of n ≤ 8 bytes. In a message, n is the tag of a
// field of ResourceSpans, and the smallest such tag is ten.
func isMessage(head []byte) bool {
	const largest = 1 << 30 // no writer makes a larger message; one above the limit on records is skipped later
	return isRequest(head, largest) && !isText(head)
}

// isRequest reports whether b begins with a request of size bytes: with a ResourceSpans
// whose first field is known, where each message fits into the one around it. Bytes of the
// request beyond the end of b are not checked.
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

// isText reports whether b has only such control characters as occur in text. Protobuf has others:
// the tags of an attribute's value and of scope spans.
func isText(b []byte) bool {
	return !bytes.ContainsFunc(b, func(r rune) bool { return r < ' ' && r != '\t' && r != '\n' && r != '\r' })
}

// isExport reports whether head begins with a request of OTLP JSON as exporters write it,
// as most files do. This match comes first, because searching the first documents for the keys
// of other formats takes a twentieth of the time of a small file.
func isExport(head []byte) bool {
	c := jsontext.Cursor{Text: bytes.TrimLeft(head, jsontext.Blanks)}
	c.Expect('{')
	return string(c.Key()) == "resourceSpans" && !c.Failed
}

// isJSON reports whether head holds JSON objects with the keys that lead to spans. The first
// line may be something else, as in logs that were split or mixed with other output.
func isJSON(head []byte) bool {
	head = bytes.TrimLeft(head, jsontext.Blanks)
	return (bytes.HasPrefix(head, []byte("{")) || bytes.Contains(head, []byte("\n{"))) && hasRequest(head)
}

// isJSONList reports whether head begins with a list of such objects.
func isJSONList(head []byte) bool {
	head = bytes.TrimLeft(head, jsontext.Blanks)
	return bytes.HasPrefix(head, []byte("[")) && bytes.HasPrefix(bytes.TrimLeft(head, "["+jsontext.Blanks), []byte("{")) && hasRequest(head)
}

// hasRequest reports whether head has a key that leads to spans, or to another signal, which
// may precede the spans in a file.
func hasRequest(head []byte) bool {
	return slices.ContainsFunc([]string{"resourceSpans", "batches", "resourceMetrics", "resourceLogs", "resourceProfiles"}, func(key string) bool {
		return bytes.Contains(head, []byte(strconv.Quote(key)))
	})
}

// isJaeger reports whether head begins with a trace or span of Jaeger's or an answer of its
// API.
func isJaeger(head []byte) bool {
	return anyDocument(head, func(keys map[string]bool) bool {
		return keys["spans"] || keys["traceID"] && keys["spanID"] && keys["operationName"] || keys["data"] && (keys["errors"] || bytes.Contains(head, []byte(`"spans"`)))
	})
}

// isZipkin reports whether head begins with a span of Zipkin's, or is an answer of its API without
// spans.
func isZipkin(head []byte) bool {
	list := bytes.Trim(head, jsontext.Blanks)
	none := bytes.HasPrefix(list, []byte("[")) && bytes.HasSuffix(list, []byte("]")) && len(bytes.Trim(list, "[],"+jsontext.Blanks)) == 0
	return none || anyDocument(head, func(keys map[string]bool) bool { return keys["traceId"] && keys["id"] })
}

// anyDocument reports whether one of the first JSON documents in head, each at the beginning
// of a line, has keys that match.
func anyDocument(head []byte, match func(keys map[string]bool) bool) bool {
	const documents = 4 // the first may be malformed; each costs at most one pass over head
	tried := 0
	for line := bytes.TrimLeft(head, jsontext.Blanks); len(line) > 0 && tried < documents; {
		if bytes.HasPrefix(line, []byte("{")) || bytes.HasPrefix(line, []byte("[")) {
			tried++
			if match(outerKeys(line)) {
				return true
			}
		}
		_, line, _ = bytes.Cut(line, []byte("\n"))
	}
	return false
}

// outerKeys returns the keys of the JSON object that head begins with, or of the first
// object in the list that it begins with, up to the end of head.
func outerKeys(head []byte) map[string]bool {
	keys := make(map[string]bool)
	c := jsontext.Cursor{Text: head}
	for c.Peek() == '[' {
		c.Expect('[')
	}
	for c.Expect('{'); c.Next('}'); {
		key, escapes := c.String()
		if escapes {
			key = c.Unescape(key)
		}
		if c.Failed {
			break
		}
		keys[string(key)] = true
		c.Expect(':')
		c.SkipDeep(deepReferences)
	}
	return keys
}
