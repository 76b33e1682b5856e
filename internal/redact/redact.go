// Package redact removes credentials from what error messages and logs quote.
package redact

import "strings"

// URL returns a URL without its user and password. The URL may be malformed: messages
// quote addresses that could not be parsed.
//
// Everything from the scheme to the last @ is removed, even where that @ belongs to a
// path or a query. Parsing could not tell: in http://user:12/34@host a password with an
// unescaped slash looks like a port and a path. A wrong cut costs clarity, the other
// mistake would show a password.
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

// isScheme reports whether s can be the scheme of a URL. In user:s3://cret@host what
// stands before :// is not: it is a part of the credentials.
func isScheme(s string) bool {
	return s != "" && strings.IndexFunc(s, func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '+' || r == '-' || r == '.')
	}) < 0
}
