// Package redact removes credentials, and characters that a terminal interprets, from text
// that error messages and logs quote.
package redact

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"unicode"
)

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
// ParseURL parses a URL. Its error says what is wrong, and contains no part of a user name or a
// password: the errors of package url repeat parts of a malformed URL, such as the beginning of a
// password with an unescaped slash, which looks like a port.
func ParseURL(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	if err == nil {
		return u, nil
	}
	if !strings.Contains(raw, "://") {
		return nil, errors.New("it has no scheme")
	}
	if _, err = url.Parse(URL(raw)); err == nil {
		return nil, errors.New("it is malformed (in a password, characters like / and % are written %2F and %25)")
	}
	if cause := errors.Unwrap(err); cause != nil { // without the URL
		err = cause
	}
	return nil, err
}

func isScheme(s string) bool {
	return s != "" && strings.IndexFunc(s, func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '+' || r == '-' || r == '.')
	}) < 0
}

// Secrets returns a text from a server without the credentials in the header of the request.
// Servers and proxies may repeat credentials in their answers, also percent-encoded in the URL of a
// redirect.
func Secrets(text string, h http.Header) string {
	for key, values := range h {
		if !isSecret(key) {
			continue
		}
		for _, v := range values {
			secrets := []string{v}
			if _, credentials, found := strings.Cut(v, " "); found && strings.EqualFold(key, "Authorization") {
				secrets = append(secrets, credentials)
			}
			if _, password, ok := (&http.Request{Header: http.Header{"Authorization": {v}}}).BasicAuth(); ok {
				secrets = append(secrets, password)
			}
			for _, s := range secrets {
				for _, written := range []string{s, url.QueryEscape(s), url.PathEscape(s)} {
					if written != "" {
						text = strings.ReplaceAll(text, written, "REDACTED")
					}
				}
			}
		}
	}
	return text
}

// isSecret reports whether a header with this name probably holds credentials.
func isSecret(header string) bool {
	header = strings.ToLower(header)
	for _, word := range []string{"auth", "cookie", "token", "key", "secret", "password"} {
		if strings.Contains(header, word) {
			return true
		}
	}
	return false
}

// Line returns a text of a server as one line of at most max bytes. Characters that a
// terminal would interpret are escaped as in a string literal of Go.
func Line(text string, max int) string {
	var b strings.Builder
	for _, r := range strings.Join(strings.Fields(strings.ToValidUTF8(text, "")), " ") {
		part := string(r)
		if !unicode.IsPrint(r) {
			part = strings.Trim(strconv.QuoteRune(r), "'")
		}
		if b.Len()+len(part) > max {
			return b.String() + "…"
		}
		b.WriteString(part)
	}
	return b.String()
}
