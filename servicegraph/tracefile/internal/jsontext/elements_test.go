package jsontext

import (
	"fmt"
	"testing"
)

// TestMembers: every value is found under its key, without the blanks around it, and a text that
// ends early, or is not an object, has the members before the fault.
func TestMembers(t *testing.T) {
	for text, want := range map[string]string{
		`{}`:                                     "",
		" { \"a\" : 1 ,\n\"b\":\t[ {} , 2 ]\n} ": `a=1 b=[ {} , 2 ] `,
		`{"\u0061":"x\"y","a":null}`:             `a="x\"y" a=null `,
		`[1,2]`:                                  "",
		`null`:                                   "",
		``:                                       "",
		`{"a":1,"b`:                              "a=1 ",
		`{"a":{"b":{"c":[[[]]]}}}`:               `a={"b":{"c":[[[]]]}} `,
	} {
		got := ""
		for key, value := range Members([]byte(text)) {
			got += fmt.Sprintf("%s=%s ", key, value)
		}
		if got != want {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
	}
}

// TestElements is TestMembers for lists.
func TestElements(t *testing.T) {
	for text, want := range map[string]string{
		`[]`:                "",
		` [ 1 ,{"a":[]} ] `: `1;{"a":[]};`,
		`[null,"]",true]`:   `null;"]";true;`,
		`{"a":1}`:           "",
		`[1,[2`:             "1;",
		``:                  "",
	} {
		got := ""
		for element := range Elements([]byte(text)) {
			got += string(element) + ";"
		}
		if got != want {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
	}
	for range Elements([]byte(`[1,2,3]`)) {
		break // must not go on
	}
}
