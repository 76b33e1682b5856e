package console

import (
	"bytes"
	"slices"
	"testing"
)

// TestOneLine: no character of a message breaks the line or changes the state of a terminal.
func TestOneLine(t *testing.T) {
	got := OneLine("a\n\u009b31m\x1b[1m\u202eb\u2066c\ufeff é→ d\u00a0e")
	if want := "a \uFFFD31m\uFFFD[1m\uFFFDb\uFFFDc\uFFFD é→ d\u00a0e"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestSafeTerminal: no character of the text changes the state of a terminal, however the text is
// divided between calls of Write.
func TestSafeTerminal(t *testing.T) {
	text := "{\"a\u202e→é\u2066\": \"\u009b31m\ufeff\u00a0\U000e0001\u3000\x9b\x7f\"}\n\x1b[K"
	want := `{"a\u202e→é\u2066": "\u009b31m\ufeff` + "\u00a0" + `\udb40\udc01` + "\u3000\ufffd" + `\u007f"}` + "\n\x1b[K"
	for size := 1; size <= len(text); size++ {
		var out bytes.Buffer
		s := &safeTerminal{to: &out}
		for part := range slices.Chunk([]byte(text), size) {
			if n, err := s.Write(part); n != len(part) || err != nil {
				t.Fatal(n, err)
			}
		}
		if out.String() != want {
			t.Fatalf("in parts of %d bytes: %q, want %q", size, out.String(), want)
		}
	}
}
