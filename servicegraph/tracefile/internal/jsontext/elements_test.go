package jsontext

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"
)

// TestReadObject compares with encoding/json, for objects with bytes that are missing, repeated or
// replaced.
func TestReadObject(t *testing.T) {
	object := ` {"a" : [1,-2.5e+7 , 0,true,false,null,{}] ,` + "\n" + `"b\u0041":{"":"\"x\\"} , "c":[[]],"a":""} `
	special := "{}[],:\"\\0123456789-+.eEtfnul \x00\xff"
	ignore := func(key, value []byte) {}
	rng := rand.New(rand.NewPCG(10, 11))
	valid := 0
	for i := range 100_000 {
		text := []byte(object)
		for range min(i%3, len(text)) {
			at := rng.IntN(len(text))
			switch rng.IntN(4) {
			case 0:
				text = append(text[:at:at], text[at+1:]...)
			case 1:
				text = append(text[:at+1:at+1], text[at:]...)
			case 2:
				text[at] = special[rng.IntN(len(special))]
			case 3:
				text = text[:at+1]
			}
		}
		want := json.Valid(text) && bytes.TrimLeft(text, " \n")[0] == '{'
		if want {
			valid++
		}
		if got := ReadObject(text, ignore); got != want {
			t.Fatalf("%q: %v, want %v", text, got, want)
		}
	}
	if valid < 1000 {
		t.Errorf("only %d texts are objects", valid)
	}
	for depth, want := range map[int]bool{maxElementDepth + 1: true, maxElementDepth + 2: false} {
		lists := bytes.Repeat([]byte("["), depth-1)
		text := append([]byte(`{"a":`), lists...)
		text = append(append(text, bytes.Repeat([]byte("]"), depth-1)...), '}')
		if got := ReadObject(text, ignore); got != want || got != json.Valid(text) {
			t.Errorf("%d deep: %v, want %v", depth, got, want)
		}
	}
	for _, text := range []string{``, ` `, `null`, `[]`, `{}{}`, `{} x`, `"{}"`} {
		if ReadObject([]byte(text), ignore) {
			t.Errorf("%q is taken for an object", text)
		}
	}
}

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
