package semconv

import "unicode/utf8"

// ValidText returns a text in which U+FFFD replaces every byte that is not UTF-8, as
// encoding/json does. Names and values from every source become valid by this rule, so that one
// name is one node.
func ValidText(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return string([]rune(s))
}
