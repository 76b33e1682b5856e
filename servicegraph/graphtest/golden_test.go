package graphtest_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/graphtest"
)

// goldenShop is the topology of shop, with bounds and comments as people write them.
const goldenShop = `# The shop.

shop/cart -> carts[database]
shop/web -> mail: async # nobody waits
# One call for each request.
shop/web -> shop/cart: per-trace at most 1, errors at most 50%
# The end.
`

func writeFile(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "shop.graph")
	if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestGolden(t *testing.T) {
	t.Setenv("GRAPHTEST_UPDATE", "")
	if !graphtest.Golden(t, graphOf(t, shop), writeFile(t, goldenShop)) {
		t.Error("not the same")
	}
	if !graphtest.Golden(t, graphOf(t, "S web a"), writeFile(t, "web\n")) {
		t.Error("a service without calls")
	}
}

// TestGoldenDiffers: the message has the difference, with examples and reasons.
func TestGoldenDiffers(t *testing.T) {
	t.Setenv("GRAPHTEST_UPDATE", "")
	file := writeFile(t, `
shop/cart -> carts[database]: latency caller p95 at most 10ms, calls 2
shop/cart -> stock
shop/web -> mail
shop/web -> shop/cart: errors at most 0%
alone
`)
	ft := &fakeT{}
	if graphtest.Golden(ft, graphOf(t, shop), file) {
		t.Fatal("no difference")
	}
	got := strings.ReplaceAll(ft.text(), file, "FILE")
	want := `service graph: 1 of 1 rule broken

  ✗ golden FILE
      the calls differ (- is in the file, + was observed):
        - alone
        - shop/cart -> stock
        - shop/web -> mail
        + shop/web -> mail: async
      if the change is intended, GRAPHTEST_UPDATE=1 go test writes the file
`
	if !strings.HasPrefix(got, want) {
		t.Errorf("message (-want +got):\n%s", cmp.Diff(want, got))
	}
	for _, part := range []string{
		"no span of stock was received",
		"shop/cart -> carts[database] took 20ms in percentile 95, measured by the caller: 10ms too long, want latency caller p95 at most 10ms",
		"shop/web -> shop/cart failed in 1 of 2 calls: 50%, want errors at most 0%",
	} {
		if !strings.Contains(got, part) {
			t.Errorf("no %q in\n%s", part, got)
		}
	}
}

// TestGoldenErrors: missing files, mistakes in files and an empty graph are errors.
func TestGoldenErrors(t *testing.T) {
	t.Setenv("GRAPHTEST_UPDATE", "")
	for name, c := range map[string]struct{ text, graph, want string }{
		"empty graph": {"web -> cart\n", "", "the graph is empty"},
		"empty file":  {"", shop, "+ shop/web -> shop/cart"},
		"pattern":     {"web -> *\n", shop, `:1:8: * is a pattern`},
		"word":        {"\n# x\n  web -> cart: asnyc\n", shop, `:3:16: unknown bound "asnyc": did you mean async?`},
		"twice":       {"web -> cart\nweb -> cart: calls 1\n", shop, ":2:1: web -> cart is listed twice"},
		"more":        {"web -> cart cart\n", shop, `:1:13: want the end of the line here, not "cart"`},
		"bound":       {"web -> cart: latency p95 at most 1s\n", shop, `:1:22: want caller or callee`},
	} {
		ft := &fakeT{}
		if graphtest.Golden(ft, graphOf(t, c.graph), writeFile(t, c.text)) || !strings.Contains(ft.text(), c.want) {
			t.Errorf("%s: %s", name, ft.text())
		}
	}
	ft := &fakeT{}
	if graphtest.Golden(ft, graphOf(t, shop), filepath.Join(t.TempDir(), "none")) ||
		!strings.Contains(ft.text(), "GRAPHTEST_UPDATE=1 go test writes it") || !strings.Contains(ft.text(), "shop/web -> mail: async") {
		t.Errorf("no file: %s", ft.text())
	}
}

// TestGoldenDoesNotUpdate: a value that means false does not write the file.
func TestGoldenDoesNotUpdate(t *testing.T) {
	for _, value := range []string{"0", "false", "F"} {
		t.Setenv("GRAPHTEST_UPDATE", value)
		const other = "web -> other\n"
		file := writeFile(t, other)
		if graphtest.Golden(&fakeT{}, graphOf(t, shop), file) {
			t.Errorf("GRAPHTEST_UPDATE=%s: no difference", value)
		}
		if got, err := os.ReadFile(file); err != nil || string(got) != other {
			t.Errorf("GRAPHTEST_UPDATE=%s: the file is now %q, %v", value, got, err)
		}
	}
}

// TestGoldenRefusesToUpdate: a value that is not a boolean, and an update in a CI run, fail the
// test and leave the file as it is.
func TestGoldenRefusesToUpdate(t *testing.T) {
	for _, c := range []struct{ update, ci, want string }{
		{"yes please", "", "GRAPHTEST_UPDATE=yes please: want 1 or 0"},
		{"1", "true", "GRAPHTEST_UPDATE=1 in a CI run"},
		{"1", "woodpecker", "GRAPHTEST_UPDATE=1 in a CI run"},
	} {
		t.Setenv("GRAPHTEST_UPDATE", c.update)
		t.Setenv("CI", c.ci)
		file := writeFile(t, goldenShop)
		ft := &fakeT{}
		if graphtest.Golden(ft, graphOf(t, "S web a"), file) || !strings.Contains(ft.text(), c.want) {
			t.Errorf("GRAPHTEST_UPDATE=%s CI=%s: %s", c.update, c.ci, ft.text())
		}
		if got, err := os.ReadFile(file); err != nil || string(got) != goldenShop {
			t.Errorf("GRAPHTEST_UPDATE=%s CI=%s: the file is now %q, %v", c.update, c.ci, got, err)
		}
	}
}

// TestGoldenUpdate: an update adds new edges, removes those that no longer exist, and keeps
// bounds and comments.
func TestGoldenUpdate(t *testing.T) {
	t.Setenv("GRAPHTEST_UPDATE", "1")
	t.Setenv("CI", "")
	file := writeFile(t, goldenShop)
	if !graphtest.Golden(t, graphOf(t, shop+"S shop/audit t3:a\nC shop/web t3:b\nS bank t3:c<t3:b"), file) {
		t.Error("not updated")
	}
	want := strings.NewReplacer("shop/cart -> carts", "shop/audit\nshop/cart -> carts", "shop/web -> mail:", "shop/web -> bank\nshop/web -> mail:").Replace(goldenShop)
	got, _ := os.ReadFile(file)
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("file with more (-want +got):\n%s", diff)
	}
	if !graphtest.Golden(t, graphOf(t, shop), file) {
		t.Error("not updated")
	}
	if got, _ := os.ReadFile(file); string(got) != goldenShop {
		t.Errorf("file as before (-want +got):\n%s", cmp.Diff(goldenShop, string(got)))
	}

	// A bound that is broken stays broken: only a person may change it.
	strict := writeFile(t, "shop/web -> shop/cart: errors at most 0%\n")
	if graphtest.Golden(&fakeT{}, graphOf(t, shop), strict) {
		t.Error("the update passes over a bound")
	}
	// An empty graph would erase the file.
	if graphtest.Golden(&fakeT{}, graphOf(t, ""), strict) {
		t.Error("an empty graph passes")
	}
	if got, _ := os.ReadFile(strict); !strings.Contains(string(got), "errors at most 0%") || !strings.Contains(string(got), "mail: async") {
		t.Errorf("file: %s", got)
	}
	fresh := filepath.Join(t.TempDir(), "new", "shop.graph")
	if !graphtest.Golden(t, graphOf(t, shop), fresh) {
		t.Error("not written")
	}
	got, _ = os.ReadFile(fresh)
	if string(got) != "shop/cart -> carts[database]\nshop/web -> mail: async\nshop/web -> shop/cart\n" {
		t.Errorf("a new file: %s", got)
	}
}

// TestContracts: each file is the contract of the services whose calls it has.
func TestContracts(t *testing.T) {
	parse := func(name, text string) graphtest.Topology {
		top, err := graphtest.ParseTopology(name, text)
		if err != nil {
			t.Fatal(err)
		}
		return top
	}
	web := parse("web.graph", "shop/web -> shop/cart\nshop/web -> mail: async\n")
	cart := parse("cart.graph", "shop/cart -> carts[database]: errors at most 10%\nshop/cart -> stock\n")
	mail := parse("mail.graph", "mail\n")
	g := graphOf(t, shop).Graph

	if v := graphtest.Contracts(web, mail).Check(g); len(v) > 0 {
		t.Errorf("kept contracts: %+v", v)
	}
	if ids := graphtest.Unspoken(g, web, mail); len(ids) != 1 || ids[0].Name != "cart" {
		t.Errorf("unspoken for: %v", ids)
	}
	for _, c := range []struct {
		files []graphtest.Topology
		want  []string
	}{
		{[]graphtest.Topology{web, cart}, []string{
			"shop/cart breaks cart.graph: shop/cart -> carts[database] failed in 1 of 2 calls: 50%, want errors at most 10%",
			"shop/cart breaks cart.graph: shop/cart -> stock is in the file and was not observed",
		}},
		{[]graphtest.Topology{parse("web.graph", "shop/web -> shop/cart\n")}, []string{
			"shop/web breaks web.graph: shop/web -> mail: async is not in it",
		}},
		// The calls of a service may be in two files.
		{[]graphtest.Topology{parse("a", "shop/web -> shop/cart\n"), parse("b", "shop/web -> mail: async\n")}, nil},
		{[]graphtest.Topology{parse("alone", "shop/web\n")}, []string{
			"shop/web breaks alone: shop/web -> mail: async is not in it",
			"shop/web breaks alone: shop/web -> shop/cart is not in it",
		}},
		{[]graphtest.Topology{parse("gone", "shop/gone\n")}, []string{"shop/gone breaks gone: it was not observed"}},
		{[]graphtest.Topology{parse("empty", "# nothing\n")}, []string{"empty is empty: it has no node and no edge"}},
	} {
		var got []string
		for _, v := range graphtest.Contracts(c.files...).Check(g) {
			got = append(got, v.Message)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%v (-want +got):\n%s", graphtest.Contracts(c.files...), diff)
		}
	}
	if v := graphtest.Contracts(web).Check(&servicegraph.Graph{}); len(v) != 1 || !strings.Contains(v[0].Message, "the graph is empty") {
		t.Errorf("contracts of nothing: %+v", v)
	}
}
