package tracefile

import "bytes"

// isJaeger reports whether head begins with a trace or span of Jaeger's or an answer of
// its API.
func isJaeger(head []byte) bool {
	return beginsWith(head, func(keys map[string]bool) bool {
		return keys["spans"] || keys["traceID"] && keys["spanID"] && keys["operationName"] || keys["data"] && (keys["errors"] || bytes.Contains(head, []byte(`"spans"`)))
	})
}

// isZipkin reports whether head begins with a span of Zipkin's, or is an answer of
// its API without any.
func isZipkin(head []byte) bool {
	list := bytes.Trim(head, blanks)
	none := bytes.HasPrefix(list, []byte("[")) && bytes.HasSuffix(list, []byte("]")) && len(bytes.Trim(list, "[],"+blanks)) == 0
	return none || beginsWith(head, func(keys map[string]bool) bool { return keys["traceId"] && keys["id"] })
}

// beginsWith reports whether one of the first JSON documents in head, each at the
// beginning of a line, has keys that match.
func beginsWith(head []byte, match func(keys map[string]bool) bool) bool {
	const documents = 4 // the first may be broken; each costs a pass over head at most
	tried := 0
	for line := bytes.TrimLeft(head, blanks); len(line) > 0 && tried < documents; {
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

// outerKeys returns the keys of the JSON object that head begins with, or of the
// first in the list that it begins with, as far as head goes.
func outerKeys(head []byte) map[string]bool {
	keys := make(map[string]bool)
	c := jsonCursor{b: head}
	for c.peek() == '[' {
		c.take('[')
	}
	for c.take('{'); c.more('}'); {
		key, escapes := c.text()
		if escapes {
			key = c.unescape(key)
		}
		if c.failed {
			break
		}
		keys[string(key)] = true
		c.take(':')
		c.skipDeep(deepReferences)
	}
	return keys
}
