package servicegraph

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// TestFilterLosesNothing makes sense of random attributes of every kind of span, of all
// of them and of those that the filter of the kind lets through: they say the same.
func TestFilterLosesNothing(t *testing.T) {
	values := []string{"", "a", "0", "true", "500", "receive", "send", "settle", "https://h/p", "h:80", "10.0.0.1", "execute_tool"}
	for seed := range uint64(50_000) {
		rng := rand.New(rand.NewPCG(seed, 1))
		cfg := Config{HTTPErrors: rng.IntN(2) == 0, IgnoreInternalDatabases: rng.IntN(2) == 0}
		s := Span{Kind: Kind(rng.IntN(8)), Links: make([]Link, rng.IntN(2))}
		for range rng.IntN(6) {
			key := factKeys[rng.IntN(len(factKeys))].name
			s.Attrs = append(s.Attrs, Attr{key, values[rng.IntN(len(values))]})
		}
		raw := RawSpan{Kind: s.Kind, Links: s.Links}
		filter := cfg.attrFilter(s.Kind)
		for _, a := range s.Attrs {
			if key := filter.Key([]byte(a.Key)); key != 0 {
				raw.AddAttr(key, []byte(a.Value))
			}
		}
		kept := s
		kept.Attrs = raw.decodeAttrs()
		if raw.meansNothing() {
			kept.Attrs = nil
		}
		if want, got := cfg.say(&s), cfg.say(&kept); want != got {
			t.Fatalf("%v of %+v:\n%+v, but of %v\n%+v", s.Kind, s.Attrs, want, kept.Attrs, got)
		}
	}
}

// TestReadsFacts: what is handed over by number can be kept by name.
func TestReadsFacts(t *testing.T) {
	for i, k := range factKeys {
		if got := keyOf(k.name); got != AttrKey(i+1) {
			t.Errorf("%s has number %d, want %d", k.name, got, i+1)
		}
		for _, httpErrors := range []bool{false, true} {
			if want := httpErrors || k.of != ofFailures; (Config{HTTPErrors: httpErrors}).Reads(k.name) != want {
				t.Errorf("%s is read: %v, want %v (HTTPErrors %v)", k.name, !want, want, httpErrors)
			}
		}
		for _, other := range []string{k.name[1:], k.name + "x", k.name[:len(k.name)-1] + "_"} {
			if keyOf(other) != 0 {
				t.Errorf("%s is read", other)
			}
		}
	}
	if name := fmt.Sprintf("%0*d", maxKeyLen+1, 0); keyOf(name) != 0 {
		t.Errorf("%s is read", name)
	}
}

// TestMayBe: a filter lets no key through of which MayBe says that it cannot be one, and
// rules out most that it does not let through.
func TestMayBe(t *testing.T) {
	mayBe := func(f *AttrFilter, key string) bool { return f.MayBe(len(key), key[0], key[len(key)-1]) }
	ruledOut, others := 0, 0
	for _, f := range attrFilters() {
		for _, k := range factKeys {
			switch read := f.Key([]byte(k.name)) != 0; {
			case read && !mayBe(f, k.name):
				t.Errorf("%s cannot be %s", k.name, k.name)
			case !read:
				others++
				if !mayBe(f, k.name) {
					ruledOut++
				}
			}
		}
		for n := range 300 {
			if n > maxKeyLen && f.MayBe(n, 's', 'e') {
				t.Errorf("a key of %d bytes is read", n)
			}
		}
	}
	if ruledOut < others*3/4 {
		t.Errorf("of %d keys that are not read %d are ruled out", others, ruledOut)
	}
}

// TestIntakeIsBounded gives an intake one large batch in which nothing comes twice: it
// does not remember more than it may, nor what is too long.
func TestIntakeIsBounded(t *testing.T) {
	in := NewIntake(Config{})
	key := in.Filter(KindClient).Key([]byte("server.address"))
	for i := range 3 * maxKnown {
		res := in.Resource(fmt.Append(nil, "r", i), "s", "", nil)
		raw := RawSpan{TraceID: TraceID{1}, SpanID: SpanID{1}, Kind: KindClient}
		raw.AddAttr(key, fmt.Append(nil, "h", i))
		in.Add(res, &raw)
	}
	if r, s := len(in.resources), len(in.sayings.all); r != maxKnown || s != maxKnown {
		t.Errorf("%d resources and %d sayings, want %d of each", r, s, maxKnown)
	}
	in = NewIntake(Config{})
	raw := RawSpan{TraceID: TraceID{1}, SpanID: SpanID{1}, Kind: KindClient}
	raw.AddAttr(key, make([]byte, maxKnownSaying))
	in.Add(in.Resource(make([]byte, maxKnownResource+1), "s", "", nil), &raw)
	if r, s := len(in.resources), len(in.sayings.all); r+s > 0 {
		t.Errorf("%d resources and %d sayings that are too long", r, s)
	}
}
