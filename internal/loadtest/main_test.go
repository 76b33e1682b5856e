package main

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

// TestRun: a short run keeps all promises and prints a table.
func TestRun(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a minute")
	}
	var table, progress bytes.Buffer
	s := size{load: 2 * time.Second, files: 0.002, atOnce: 2}
	if err := run(t.Context(), s, &table, &progress); err != nil {
		t.Errorf("%v\n%s\n%s", err, table.String(), progress.String())
	}
	for _, want := range []string{"| load: ", "| attacks: ", "| faults: ", "| hostile files: "} {
		if !strings.Contains(table.String(), want) {
			t.Errorf("the table has no line %q:\n%s", want, table.String())
		}
	}
}
