package servicegraph_test

import (
	"errors"
	"strings"
	"testing"

	sg "github.com/tempograph/tempograph/servicegraph"
)

func TestParseIDs(t *testing.T) {
	for _, c := range []struct{ in, trace, span string }{
		{"1", "00000000000000000000000000000001", "0000000000000001"},
		{"abc", "00000000000000000000000000000abc", "0000000000000abc"},
		{"ABCDEF0123456789", "0000000000000000abcdef0123456789", "abcdef0123456789"},
		{"4bf92f3577b34da6a3ce929d0e0e4736", "4bf92f3577b34da6a3ce929d0e0e4736", ""},
		{"", "", ""}, {"xyz", "", ""}, {"12 ", "", ""}, {strings.Repeat("0", 33), "", ""},
	} {
		trace, err := sg.ParseTraceID(c.in)
		if got := trace.String(); (err == nil) != (c.trace != "") || err == nil && got != c.trace || err != nil && !trace.IsZero() {
			t.Errorf("trace id %q: %s, %v", c.in, got, err)
		}
		span, err := sg.ParseSpanID(c.in)
		if got := span.String(); (err == nil) != (c.span != "") || err == nil && got != c.span || err != nil && !span.IsZero() {
			t.Errorf("span id %q: %s, %v", c.in, got, err)
		}
	}
}

func TestSkipError(t *testing.T) {
	reason := errors.New("bad")
	for want, e := range map[string]*sg.SkipError{
		"f: bad":                       {Source: "f", Offset: -1, Err: reason},
		"f: record 3 at byte 17: bad":  {Source: "f", Record: 3, Offset: 17, Err: reason},
		"f at byte 0: bad":             {Source: "f", Err: reason},
		"http://t/api: record 12: bad": {Source: "http://t/api", Record: 12, Offset: -1, Err: reason},
	} {
		if e.Error() != want || !errors.Is(e, reason) {
			t.Errorf("%q, want %q", e.Error(), want)
		}
	}
}
