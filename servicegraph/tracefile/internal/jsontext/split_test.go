package jsontext

import (
	"io"
	"strings"
	"testing"
)

// cuts returns all places to cut at.
func cuts(b []byte) (list []int) {
	for end := len(b); end > 0; {
		if end = lastCut(b[:end], 0); end > 0 {
			list = append([]int{end}, list...)
		}
	}
	return list
}

func TestLastCut(t *testing.T) {
	for _, test := range []struct {
		text   string // with a bar at each place
		reason string
	}{
		{"{}\n|{}\n|{}\n", "lines"},
		{"{}\r\n|{}\r\n|{}", "CRLF"},
		{"{}\n\n \t\n|{}", "blank lines"},
		{"{} \n|{}", "blanks at the end of a line"},
		{"{\n}\n|{\n}\n|{\n", "documents of many lines"},
		{"{}\n {}", "it may be inside a list or object"},
		{"{},\n{}", "in a list"},
		{"[\n{},\n{}\n]\n{}", "in a list, and after it"},
		{"{}{}", "no line ends"},
		{"{}\n", "nothing follows"},
		{"}\n|{", "whatever precedes it"},
		{"\n{}", "nothing precedes it"},
		{"\"}\n|{", "no line ends within a string"},
		{"{}x\n{}", "after something else"},
		{"{}\xef\xbb\xbf\n{}", "a byte order mark is not a blank of JSON"},
		{strings.Repeat("{\n\"\":\""+strings.Repeat("x", 10_000)+"\"}\n|", 3) + "{", "long lines"},
	} {
		var got []byte
		text := []byte(strings.ReplaceAll(test.text, "|", ""))
		at := 0
		for _, cut := range cuts(text) {
			got = append(append(got, text[at:cut]...), '|')
			at = cut
			if lastCut(text, cut) < cut || lastCut(text[:cut+1], cut+1) != 0 {
				t.Errorf("%s: cut at %d is not found from there on, or is found after it", test.reason, cut)
			}
		}
		if got = append(got, text[at:]...); string(got) != test.text {
			t.Errorf("%s: got %q, want %q", test.reason, got, test.text)
		}
	}
}

// FuzzCuts reads any input. At every place to cut, a stream of the whole input must find the
// beginning of an object.
func FuzzCuts(f *testing.F) {
	for _, seed := range []string{
		"{\"a\":{}\n{}\n{\"}\n{}", "{}\n{}\r\n{\n}\n{\n\"a\":[{}\n,{}]}\n{}", "{\"a\":\"\\\n{}\n{}", "[{}\n{}]\n{} {}\n\n \n{}x\n{\"}\n{", "{\"a\":[}\n{}\n\xef\xbb\xbf{}\n{}",
	} {
		f.Add([]byte(seed), uint16(2))
		f.Add([]byte(seed), uint16(1000))
	}
	f.Fuzz(func(t *testing.T, b []byte, limit uint16) {
		if len(b) > 1<<12 {
			return // larger inputs are slow and find no more
		}
		begins := make(map[int64]bool)
		v := newTestStream(b, 4096, int(limit))
		for _, err := v.Next(); err != io.EOF; _, err = v.Next() {
			begins[v.start] = true
		}
		for _, cut := range cuts(b) {
			if !begins[int64(cut)] {
				t.Errorf("no object begins at %d of %q", cut, b)
			}
		}
	})
}
