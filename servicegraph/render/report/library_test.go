package report

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"testing"
)

// The layout library is the one that page/library/fetch.sh fetched, after its licenses.
func TestLibrary(t *testing.T) {
	const want = "ce1f88f19a144d726945e40161dbffbb0ea8a8558704158c62cbb41eefec2b6e"
	r, err := gzip.NewReader(bytes.NewReader(graphviz))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(text)
	if got := hex.EncodeToString(sum[:]); got != want {
		t.Errorf("the library has the hash %s, want %s", got, want)
	}
	if !bytes.HasPrefix(text, []byte("/*\nViz.js 3.31.0, ")) || !bytes.Contains(text, []byte("Eclipse Public License")) {
		t.Errorf("the library begins with %.100q, not with its licenses", text)
	}
}
