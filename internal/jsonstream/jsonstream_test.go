package jsonstream

import (
	"errors"
	"io"
	"strings"
	"testing"
)

// numbers reads the list n of an object, and skips the other fields.
func numbers(text string, limits Limits) (list []int, err error) {
	r := New(strings.NewReader(text), limits)
	err = r.Object(func(key string) error {
		if key != "n" {
			return r.Skip()
		}
		return r.List(func() error {
			list = append(list, 0)
			return r.Value(&list[len(list)-1])
		})
	})
	return list, err
}

func TestReader(t *testing.T) {
	ample := Limits{Value: 1 << 20, Total: 1 << 20}
	for _, test := range []struct {
		text string
		want int // numbers
		err  string
	}{
		{` {"a":{"n":[1]},"n":[1,2,3],"b":null} and more`, 3, ""},
		{`{"n":[]}`, 0, ""},
		{`{"n":null}`, 0, ""},
		{`null`, 0, ""},
		{`{"n":[1],"n":[2]}`, 2, ""},
		{``, 0, "EOF"},
		{`{"n":[1,2`, 2, "unexpected EOF"},
		{`{"n":[1`, 1, "unexpected EOF"},
		{`{"n"`, 0, "unexpected EOF"},
		{`[1]`, 0, "want an object, got [ before byte 1"},
		{`{"n":7}`, 0, "want a list, got 7 before byte 6"},
		{`{"n":["x"]}`, 1, "a value: want a whole number, got string, after byte 6"},
		{`{"n":[1 2]}`, 2, "expected comma after array element, after byte 8"},
	} {
		list, err := numbers(test.text, ample)
		text := ""
		if err != nil {
			text = err.Error()
		}
		if len(list) != test.want || text != test.err {
			t.Errorf("%s: %d numbers, error %q, want %d, %q", test.text, len(list), text, test.want, test.err)
		}
	}
}

// endless is a reader that repeats a text without end.
type endless struct{ text string }

func (e endless) Read(p []byte) (int, error) {
	n := 0
	for len(p)-n >= len(e.text) {
		n += copy(p[n:], e.text)
	}
	return n, nil
}

// TestLimits: reading a text without end stops at the limits, whichever part of the text is
// endless. An object of many small values may be larger than the limit on one value.
func TestLimits(t *testing.T) {
	limits := Limits{Value: 1 << 16, Total: 1 << 20}
	for name, text := range map[string]struct{ begin, more string }{
		"blanks first":         {"", " "},
		"blanks before a key":  {"{", "\n"},
		"blanks after a comma": {`{"n":[1,`, " "},
		"a string":             {`{"n":["`, "x"},
		"a key":                {`{"`, "x"},
		"a skipped value":      {`{"a":[`, "[],"},
		"a number":             {`{"n":[1`, "1"},
	} {
		r := New(io.MultiReader(strings.NewReader(text.begin), endless{text.more}), limits)
		err := r.Object(func(key string) error {
			if key == "a" {
				return r.Skip()
			}
			return r.List(func() error { return r.Value(new(int)) })
		})
		if !errors.Is(err, ErrTooLarge) || r.text.read > 2*limits.Value {
			t.Errorf("%s: error %v after %d bytes", name, err, r.text.read)
		}
	}
	many := `{"n":[1` + strings.Repeat(",1", 1<<18) + `]}`
	if list, err := numbers(many, limits); err != nil || len(list) != 1+1<<18 {
		t.Errorf("%d numbers, error %v", len(list), err)
	}
	if _, err := numbers(many+strings.Repeat(" ", 1<<20), Limits{Value: 1 << 16, Total: 1 << 18}); !errors.Is(err, ErrTooLarge) {
		t.Errorf("a text beyond the limit: %v", err)
	}
}
