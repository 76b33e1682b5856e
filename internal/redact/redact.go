// Package redact removes credentials from text that error messages and logs quote.
package redact

import "strings"

// URL returns a URL without its user and password. The URL may be malformed: messages
// quote addresses that could not be parsed.
//
// Everything between the scheme and the last @ is removed, even if that @ belongs to a path
// or a query. Parsing the URL would not help: in http://user:12/34@host, a password with an
// unescaped slash looks like a port and a path. Removing too much makes a message less
// clear; removing too little would show a password.
func URL(raw string) string {
	at := strings.LastIndexByte(raw, '@')
	if at < 0 {
		return raw
	}
	scheme, _, found := strings.Cut(raw[:at], "://")
	if !found || !isScheme(scheme) {
		return raw[at+1:]
	}
	return scheme + "://" + raw[at+1:]
}

// isScheme reports whether s can be the scheme of a URL. In user:s3://cret@host, the text
// before :// is not a scheme but part of the credentials.
func isScheme(s string) bool {
	return s != "" && strings.IndexFunc(s, func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '+' || r == '-' || r == '.')
	}) < 0
}
