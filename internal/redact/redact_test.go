package redact

import (
	"net/http"
	"testing"
)

func TestURL(t *testing.T) {
	for _, c := range []struct{ raw, want, reason string }{
		{"http://tempo:3200/path?q=1", "http://tempo:3200/path?q=1", "no credentials"},
		{"", "", "empty"},
		{"tempo:3200", "tempo:3200", "no scheme, no credentials"},
		{"https://user:secret@tempo:3200/path", "https://tempo:3200/path", "user and password"},
		{"https://user@tempo", "https://tempo", "user alone"},
		{"https://user:@tempo", "https://tempo", "empty password"},
		{"https://:secret@tempo", "https://tempo", "password alone"},
		{"https://user:se@cret@tempo", "https://tempo", "an unescaped @ in the password"},
		{"https://user:se/cret@tempo", "https://tempo", "an unescaped slash in the password"},
		{"https://user:12/34@tempo", "https://tempo", "the password looks like a port and a path"},
		{"https://user:s%ecret@tempo", "https://tempo", "an invalid escape"},
		{"https://user:a://secret@tempo", "https://tempo", ":// in the password"},
		{"user:secret@tempo:3200", "tempo:3200", "no scheme"},
		{"user:s3://cret@tempo", "tempo", "no scheme, and :// in the password"},
		{"://user:secret@tempo", "tempo", "an empty scheme"},
		{"https://user:secret@", "https://", "no host"},
		{"http://tempo/a@b", "http://b", "an @ in the path may be one of a password"},
	} {
		if got := URL(c.raw); got != c.want {
			t.Errorf("URL(%q) = %q, want %q (%s)", c.raw, got, c.want, c.reason)
		}
	}
}

// TestParseURL: no error repeats a part of the credentials, or the whole URL.
func TestParseURL(t *testing.T) {
	for _, c := range []struct{ raw, want string }{
		{"http://localhost:port", `invalid port ":port" after host`},
		{"http://local host/x", `invalid character " " in host name`},
		{"127.0.0.1:3200", "it has no scheme"},
		{"http://user:sec/ret@localhost", "it is malformed (in a password, characters like / and % are written %2F and %25)"},
		{"http://user:sec%ret@localhost", "it is malformed (in a password, characters like / and % are written %2F and %25)"},
		{"http://user:sec ret@localhost", "it is malformed (in a password, characters like / and % are written %2F and %25)"},
		{"http://user:secret@localhost:port", `invalid port ":port" after host`},
		{"http://user:sec/ret@localhost:port", `invalid port ":port" after host`},
		{"user:sec://ret@localhost", ""},
	} {
		_, err := ParseURL(c.raw)
		if c.want == "" && err != nil || c.want != "" && (err == nil || err.Error() != c.want) {
			t.Errorf("ParseURL(%q): %v, want %q", c.raw, err, c.want)
		}
	}
	if u, err := ParseURL("http://user:sec%2Fret@localhost:1/x"); err != nil || u.Host != "localhost:1" || u.User.String() != "user:sec%2Fret" {
		t.Errorf("got %v and the error %v, want the URL", u, err)
	}
}

func TestSecrets(t *testing.T) {
	header := http.Header{
		"Authorization": {"Bearer t0ken"},
		"X-Api-Key":     {"k3y"},
		"X-Scope-Orgid": {"team"},
	}
	if got, want := Secrets("team: t0ken and k3y are not allowed", header), "team: REDACTED and REDACTED are not allowed"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	header.Set("Authorization", "Bearer t0/k n==")
	if got, want := Secrets("/login?back=t0%2Fk+n%3D%3D and /t0%2Fk%20n==/x", header), "/login?back=REDACTED and /REDACTED/x"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	req := http.Request{Header: make(http.Header)}
	req.SetBasicAuth("user", "pa55")
	if got, want := Secrets("the password of user is pa55", req.Header), "the password of user is REDACTED"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestLine(t *testing.T) {
	for _, c := range []struct{ text, want, reason string }{
		{" not \n\tfound ", "not found", "white space"},
		{"\x1b[31mred\x07", `\x1b[31mred\a`, "a terminal would obey"},
		{"left\u202eright", `left\u202eright`, "the text would run backward"},
		{"bad \xff byte", "bad byte", "not UTF-8"},
		{"größer", "größer", "letters"},
		{"0123456789abcdef", "0123456789…", "too long"},
	} {
		if got := Line(c.text, 10); c.reason == "too long" && got != c.want {
			t.Errorf("Line(%q, 10) = %q, want %q", c.text, got, c.want)
		}
		if got := Line(c.text, 100); c.reason != "too long" && got != c.want {
			t.Errorf("Line(%q, 100) = %q, want %q (%s)", c.text, got, c.want, c.reason)
		}
	}
}
