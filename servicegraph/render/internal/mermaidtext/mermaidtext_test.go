package mermaidtext

import "testing"

func TestQuote(t *testing.T) {
	for in, want := range map[string]string{
		"shop/order-service_v1.2": "shop/order-service_v1.2",
		"1,200 calls · ● 6.2%":    "1,200 calls · ● 6.2%",
		`"quoted"`:                "#34;quoted#34;",
		"#quot; & <br/>":          "#35;quot#59; #38; #60;br#47;#62;",
		"__init__":                "#95;#95;init#95;#95;",
		"- a":                     "#45; a",
		"1. a":                    "1#46; a",
		" a  b ":                  "#32;a #32;b#32;",
		"direction TB":            "direction#32;TB",
		"注文 👩‍💻":                  "注文 👩‍💻",
		"ﬂ°°60¶ß":                 "#64258;°°60#182;ß",
	} {
		if got := Quote(in); got != want {
			t.Errorf("Quote(%q) = %q, want %q", in, got, want)
		}
	}
}
