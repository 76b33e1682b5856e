package source

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/console"
)

// TestLinkedDirectories: a symbolic link to a directory that is an argument is read like the
// directory, whatever the name of the link is. A link to a directory below a directory is not
// followed.
func TestLinkedDirectories(t *testing.T) {
	dir := t.TempDir()
	real := filepath.Join(dir, "real")
	if err := os.Mkdir(real, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(real, "a.json"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	for link, to := range map[string]string{"link": "real", "x.json": "real", "real/loop.json": ".", "real/up.json": ".."} {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Skipf("this system has no symbolic links: %v", err)
		}
	}
	for _, arg := range []string{"real", "link", "link/", "x.json"} {
		var stderr bytes.Buffer
		f := Files{Stderr: &console.Console{Out: &stderr}}
		found, err := f.inputs(filepath.Join(dir, arg))
		if err != nil || len(found) != 1 || filepath.Base(found[0].name) != "a.json" {
			t.Errorf("%s: %d files, error %v", arg, len(found), err)
		}
		if !strings.Contains(stderr.String(), "2 files skipped") {
			t.Errorf("%s: the links are not counted: %q", arg, stderr.String())
		}
	}
}
