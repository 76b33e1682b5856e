package quote

import (
	"strings"
	"testing"
)

func TestExcerpt(t *testing.T) {
	for _, test := range []struct {
		input, want string
		complete    bool // HasExcerpt
	}{
		{"a line\nand another", `"a line"`, true},
		{"\r\n \t\xef\xbb\xbftext\r\n", `"text"`, true},
		{`{"a":"b"}`, "`{\"a\":\"b\"}`", false},
		{"{\n  \"a\": 1\n}", "`{ \"a\": 1 }`", false},
		{"[\r\n7", `"[ 7"`, false},
		{strings.Repeat("x", 41), `"` + strings.Repeat("x", 40) + `…"`, false},
		{"control \x01 and \"quote\"\n", `"control \x01 and \"quote\""`, true},
		{"", `""`, false},
	} {
		if got := Excerpt([]byte(test.input)); got != test.want {
			t.Errorf("%q: got %s, want %s", test.input, got, test.want)
		}
		if got := HasExcerpt([]byte(test.input)); got != test.complete {
			t.Errorf("%q: complete %v, want %v", test.input, got, test.complete)
		}
		if test.complete {
			if got := Excerpt([]byte(test.input + "more\n")); got != test.want {
				t.Errorf("%q: more input changes a complete excerpt to %s", test.input, got)
			}
		}
	}
}
