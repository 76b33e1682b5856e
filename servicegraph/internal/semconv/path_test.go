package semconv

import "testing"

func TestMatchPaths(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"/", "/", true},
		{"/", "/orders", false},
		{"/orders", "/orders/", true},
		{"/orders/3", "/orders/4", false},
		{"/orders/3", "/orders/{id}", true},
		{"/orders/:id/items", "/orders/3/items", true},
		{"/orders/<int:id>", "/users/3", false},
		{"/api/orders/3", "/orders/3", true},
		{"/orders", "/preorders", false},
		{"/static/*", "/static/a.js", true},
	} {
		for _, swapped := range []bool{false, true} {
			a, b := c.a, c.b
			if swapped {
				a, b = b, a
			}
			if got := MatchPaths(a, b); got != c.want {
				t.Errorf("MatchPaths(%q, %q) = %v, want %v", a, b, got, c.want)
			}
		}
	}
}

// TestPaths: the path of a request, without the query, comes from any of the attributes of either
// side.
func TestPaths(t *testing.T) {
	for _, c := range []struct {
		kind       Kind
		key, value string
		want       string
	}{
		{Client, "url.full", "https://h:1/a/b?c=d", "/a/b"},
		{Client, "http.url", "http://h", "/"},
		{Client, "http.target", "/a?b", "/a"},
		{Client, "url.template", "/a/{b}", "/a/{b}"},
		{Server, "url.path", "/a", "/a"},
		{Server, "http.target", "/a?b", "/a"},
		{Server, "http.url", "http://h/a#b", "/a"},
		{Server, "http.route", "/a/:b", "/a/:b"},
	} {
		for _, infer := range []bool{false, true} {
			o := Options{InferCalls: infer}
			var a Attrs
			filter := FilterFor(c.kind, o)
			if key := filter.Key([]byte(c.key)); key != 0 {
				value := []byte(c.value)
				if key.IsURL() {
					value = filter.CutURL(value)
				}
				a.Set(key, string(value))
			}
			want := ""
			if infer {
				want = c.want
			}
			if got := Interpret(c.kind, &a, false, o).Detail.Asked.Path; got != want {
				t.Errorf("%s=%s, InferCalls %v: path %q, want %q", c.key, c.value, infer, got, want)
			}
		}
	}
}
