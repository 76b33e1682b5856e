package directory

import "testing"

// TestAging: a minute is near an interval if a part of it is at most 5 minutes away.
func TestAging(t *testing.T) {
	const minute, second = int64(nanosPerMinute), int64(1e9)
	met := Interval{First: 100*minute + 30*second, Last: 200*minute + 30*second}
	for _, c := range []struct {
		time int64
		near bool
	}{
		{150 * minute, true},
		{met.First, true},
		{met.Last, true},
		{met.First - 5*minute, true},
		{met.First - 6*minute, false},
		{met.Last + 5*minute, true},
		{met.Last + 6*minute, false},
		{0, false},
		{-minute, false},
	} {
		if got := MinuteOf(c.time).isNear(met); got != c.near {
			t.Errorf("a call at %d s is near %v: %v", c.time/second, met, got)
		}
	}
	for time, want := range map[int64]Minute{0: 0, 1: 0, minute - 1: 0, minute: 1, -1: -1, -minute: -1, -minute - 1: -2} {
		if got := MinuteOf(time); got != want {
			t.Errorf("%d ns are in minute %d, want %d", time, got, want)
		}
	}
	if !MinuteOf(0).isNear(At(0)) {
		t.Error("two calls without a time are not at the same time")
	}
}

// TestAddressParts: an address has the right parts, and each part has the right properties.
func TestAddressParts(t *testing.T) {
	both := Address{Host: "cart", Port: "80", Name: "basket", RPC: "shop.Cart"}
	if parts := both.Parts(); parts != [...]Address{{Host: "cart", Port: "80", Name: "basket"}, {RPC: "shop.Cart"}, {Name: "basket"}} {
		t.Errorf("the parts of %v are %v", both, parts)
	}
	if parts := (Address{RPC: "shop.Cart"}).Parts(); parts != [...]Address{{}, {RPC: "shop.Cart"}, {}} {
		t.Errorf("the parts of an RPC service are %v", parts)
	}
	for host, want := range map[string]struct{ needsCaller, ages bool }{
		"cart":              {true, false}, // a short name
		"cart.shop":         {false, false},
		"localhost":         {true, false},
		"cart.localhost":    {true, false},
		"/run/cart.sock":    {true, false},
		"10.0.0.1":          {false, true},
		"10.0.0.1,10.0.0.2": {false, true},
		"2001:db8::1":       {false, true},
		"kafka-1,kafka-2":   {false, false},
		"":                  {true, false}, // an RPC service or a name
	} {
		if a := (Address{Host: host}); a.NeedsCaller() != want.needsCaller || a.Ages() != want.ages {
			t.Errorf("%q needs its caller: %v, ages: %v, want %v", host, a.NeedsCaller(), a.Ages(), want)
		}
	}
}

// TestAlike: hosts that differ only in their digits are alike.
func TestAlike(t *testing.T) {
	for _, c := range []struct{ a, b string }{{"redis-1", "redis-12"}, {"pg", "pg2"}, {"kafka-1,kafka-2", "kafka-3"}, {"db.us-east-1.example.com", "db.us-east-2.example.com"}} {
		if alikeOf(c.a) == "" || alikeOf(c.a) != alikeOf(c.b) {
			t.Errorf("%s and %s are not alike", c.a, c.b)
		}
	}
	if alikeOf("pg-shop") == alikeOf("pg-bill") {
		t.Error("pg-shop and pg-bill are alike")
	}
	for _, host := range []string{"", "10.0.0.1", "localhost", "/run/redis.sock"} {
		if got := alikeOf(host); got != "" {
			t.Errorf("%q is alike to %q", host, got)
		}
	}
}
