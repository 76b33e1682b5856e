package servicegraph_test

import (
	"fmt"
	"math"
	"testing"

	sg "github.com/tempograph/tempograph/servicegraph"
)

func ExampleAttrText() {
	for _, value := range []any{"orders", true, int64(5432), 1e6, 0.25, []string{"a", "b"}} {
		fmt.Println(sg.AttrText(value))
	}
	// Output:
	// orders true
	// true true
	// 5432 true
	// 1000000 true
	// 0.25 true
	//  false
}

func TestAttrText(t *testing.T) {
	for _, c := range []struct {
		value any
		want  string
	}{
		{1e20, "100000000000000000000"}, {1e21, "1e+21"}, {-1e21, "-1e+21"}, {1e-6, "0.000001"}, {1e-7, "1e-07"},
		{0.1, "0.1"}, {0.0, "0"}, {math.Copysign(0, -1), "-0"}, {math.NaN(), "NaN"}, {math.Inf(1), "+Inf"}, {math.Inf(-1), "-Inf"},
		{math.MaxFloat64, "1.7976931348623157e+308"}, {int64(math.MinInt64), "-9223372036854775808"}, {false, "false"},
		{"a\xff\xfeb", "a\uFFFD\uFFFDb"}, {"", ""},
	} {
		if got, ok := sg.AttrText(c.value); got != c.want || !ok {
			t.Errorf("%v: %q, %v, want %q", c.value, got, ok, c.want)
		}
	}
	for _, value := range []any{nil, []byte("a"), []int64{1}, map[string]any{}, struct{}{}} {
		if got, ok := sg.AttrText(value); ok || got != "" {
			t.Errorf("%v has the text %q", value, got)
		}
	}
}

// TestKindsAndStatuses: kinds and statuses can be parsed from their numbers and names. Other
// numbers give an unset kind or status.
func TestKindsAndStatuses(t *testing.T) {
	for n := range int64(10) {
		k, s := sg.KindOf(n), sg.StatusOf(n)
		if want := n <= int64(sg.KindConsumer); want != (int64(k) == n) || !want && k != sg.KindUnset {
			t.Errorf("the kind with number %d is %v", n, k)
		}
		if want := n <= int64(sg.StatusError); want != (int64(s) == n) || !want && s != sg.StatusUnset {
			t.Errorf("the status with number %d is %v", n, s)
		}
		if got, ok := sg.ParseKind(k.String()); got != k || !ok {
			t.Errorf("%q is the kind %v, %v", k, got, ok)
		}
		if got, ok := sg.ParseStatus(s.String()); got != s || !ok {
			t.Errorf("%q is the status %v, %v", s, got, ok)
		}
	}
	if sg.KindOf(-1) != sg.KindUnset || sg.StatusOf(-1) != sg.StatusUnset {
		t.Error("negative numbers are not unset")
	}
	if k, ok := sg.ParseKind("Server"); k != sg.KindServer || !ok {
		t.Errorf("Server is the kind %v, %v", k, ok)
	}
	for _, name := range []string{"", "SPAN_KIND_SERVER", "kind(9)", "ok "} {
		if k, ok := sg.ParseKind(name); ok || k != sg.KindUnset {
			t.Errorf("%q is the kind %v", name, k)
		}
		if s, ok := sg.ParseStatus(name); ok || s != sg.StatusUnset {
			t.Errorf("%q is the status %v", name, s)
		}
	}
	if got := fmt.Sprint(sg.StatusError, sg.StatusOK, sg.StatusUnset, sg.Status(9)); got != "error ok unset status(9)" {
		t.Errorf("got %s", got)
	}
}
