package outfile

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestTargetUnwritable: Check detects a file that cannot be written, and leaves no temporary file.
func TestTargetUnwritable(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, strings.Repeat("long", 100)+".svg")
	long := Target{Path: path, file: path}
	if err := long.Check(); err == nil {
		t.Error("check accepts a name of 400 letters")
	}
	if err := WriteAll([]Target{long}, [][]byte{[]byte("graph")}); err == nil {
		t.Error("write accepts a name of 400 letters")
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("files left: %v", left)
	}
}
