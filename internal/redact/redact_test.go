package redact

import "testing"

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
