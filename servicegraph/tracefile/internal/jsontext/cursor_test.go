package jsontext

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Eight digits read at once give the same number as digits read one by one, and other bytes are
// refused.
func TestEightDigits(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for n := range 200_000 {
		text := make([]byte, 8)
		for i := range text {
			text[i] = "0123456789abcdefABCDEF"[rng.IntN(22-n%2*12)] // decimal for every second number
		}
		if n%4 > 1 {
			text[rng.IntN(8)] = byte(n >> 2) // any byte
		}
		digits := binary.LittleEndian.Uint64(text)

		want, err := hex.DecodeString(string(text))
		if got, ok := hexBytes(digits); ok != (err == nil) || ok && got != binary.LittleEndian.Uint32(want) {
			t.Fatalf("%q in hexadecimal: %x, %v", text, got, ok)
		}
		number, err := strconv.ParseUint(string(text), 10, 64)
		if got, ok := decimal(digits); ok != (err == nil) || ok && got != number {
			t.Fatalf("%q: %d, %v", text, got, ok)
		}
	}
}

func TestPlainEnd(t *testing.T) {
	for _, special := range []byte{'"', '\\', 0, '\n', 0x1f} {
		for _, plain := range []byte{' ', '!', '#', '[', ']', 'a', 0x7f, 0x80, 0x9c, 0xa2, 0xdc, 0xff} {
			for n := range 20 {
				for after := range 10 {
					b := slices.Concat([]byte("\""), bytes.Repeat([]byte{plain}, n), []byte{special}, bytes.Repeat([]byte{special, plain}, after))
					if got := plainEnd(b, 1); got != 1+n {
						t.Fatalf("%q: %d", b, got)
					}
					if got := plainEnd(b[:1+n], 1); got != 1+n {
						t.Fatalf("%q: %d", b[:1+n], got)
					}
				}
			}
		}
	}
}

// Each digit of a number of 19 digits counts, and another byte in its place is refused.
func TestCursorUintOf19Digits(t *testing.T) {
	for at := range 19 {
		for c := range 256 {
			if c == '"' { // ends the number
				continue
			}
			text := []byte(`"1700000000123456789",`)
			text[1+at] = byte(c)
			want, err := strconv.ParseUint(string(text[1:20]), 10, 64)
			refused := err != nil || text[1] == '0'
			cursor := Cursor{Text: text}
			if got := cursor.Uint(); cursor.Failed != refused || !refused && (got != want || cursor.Pos != 21) {
				t.Errorf("%q: %d, refused: %v, position %d, want %d, refused: %v", text, got, cursor.Failed, cursor.Pos, want, refused)
			}
		}
	}
}

func TestCursorUint(t *testing.T) {
	for _, test := range []struct {
		text string
		want uint64
		ok   bool
	}{
		{`0`, 0, true}, {`"7"`, 7, true}, {`12345678`, 12345678, true}, {`"123456789"`, 123456789, true},
		{`1700000000123456789`, 1700000000123456789, true}, {`"9999999999999999999"`, 9999999999999999999, true},
		{`00`, 0, false}, {`""`, 0, false}, {`-1`, 0, false}, {`"1`, 0, false}, {`x`, 0, false},
		{`12345678901234567890`, 0, false}, {`"123456789012345678901234567890"`, 0, false}, {`0000000000000000001`, 0, false},
	} {
		c := Cursor{Text: []byte(test.text + strings.Repeat(",", 9))}
		if got := c.Uint(); c.Failed == test.ok || test.ok && (got != test.want || c.Peek() != ',') {
			t.Errorf("%s: %d, failed %v", test.text, got, c.Failed)
		}
	}
}

// FuzzSkip compares skipping a value with the standard library: both accept the same values.
func FuzzSkip(f *testing.F) {
	for _, seed := range []string{
		`{}`, `[{"a":[1,-2.5e+3,0.1E-7,true,false,null,"x\"\\\/\b\u0041"]},{"b":{}}]`, `"a`, `"` + "\x1f" + `"`, `{"a":1,}`, `[1 2]`, `01`, `-`, `1.e5`, `tru`, `"\ud800"`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if bytes.Count(b, []byte("{"))+bytes.Count(b, []byte("[")) > maxSkippedDepth {
			return // may be nested too deep
		}
		list := slices.Concat([]byte("["), b, []byte("]"))
		c := Cursor{Text: list, Pos: 1}
		c.Skip()
		whole := !c.Failed && c.Pos == len(list)-1
		if valid := json.Valid(b); whole != valid {
			t.Errorf("%q: failed %v at %d, but valid is %v", b, c.Failed, c.Pos, valid)
		}
	})
}
