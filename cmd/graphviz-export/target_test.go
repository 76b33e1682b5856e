package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A file that cannot take its place leaves nothing behind, and is found out
// before that.
func TestTargetUnwritable(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, strings.Repeat("long", 100)+".svg")
	long := target{path: path, file: path}
	if err := long.check(); err == nil {
		t.Error("check has nothing against a name of 400 letters")
	}
	if err := long.write([]byte("graph")); err == nil {
		t.Error("a name of 400 letters was written")
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}
