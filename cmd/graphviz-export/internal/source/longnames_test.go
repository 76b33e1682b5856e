package source

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/tracefile"
)

// TestLongNames: a list of dependencies is recognized although its first two names have 10,000
// bytes each.
func TestLongNames(t *testing.T) {
	from, to := strings.Repeat("shop-", 2000), strings.Repeat("stock", 2000)
	list := fmt.Sprintf(`[{"parent":%q,"child":%q,"callCount":5}]`, from, to)
	var compressed bytes.Buffer
	z := gzip.NewWriter(&compressed)
	io.WriteString(z, list)
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{"list": list, "gzip": compressed.String()} {
		in := input{name: name, open: func(context.Context) (io.ReadCloser, error) {
			return io.NopCloser(strings.NewReader(content)), nil
		}}
		var got *servicegraph.Graph
		for _, err := range in.read(t.Context(), tracefile.Config{}, func(g *servicegraph.Graph) { got = g }) {
			t.Errorf("%s: %v", name, err)
		}
		if got == nil {
			t.Errorf("%s: not read as a graph", name)
			continue
		}
		for e := range got.Edges() {
			if e.ID.From.Name != from || e.ID.To.Name != to || e.Calls != 5 {
				t.Errorf("%s: %d and %d bytes of names, %v calls", name, len(e.ID.From.Name), len(e.ID.To.Name), e.Calls)
			}
		}
	}
}
