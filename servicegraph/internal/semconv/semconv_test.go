package semconv

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// TestFilterLosesNothing interprets random attributes of every kind of span twice: once all
// attributes, and once those that the filter for the kind selects. Both interpretations must be
// equal.
func TestFilterLosesNothing(t *testing.T) {
	values := []string{"", "a", "0", "true", "500", "receive", "send", "settle", "https://h/p", "h:80", "10.0.0.1", "execute_tool", "client", "server"}
	for seed := range uint64(50_000) {
		rng := rand.New(rand.NewPCG(seed, 1))
		o := Options{HTTPErrors: rng.IntN(2) == 0, IgnoreInternalDatabases: rng.IntN(2) == 0, InferCalls: rng.IntN(2) == 0}
		if rng.IntN(2) == 0 {
			o.NotErrors = NewOutcomes([]string{"500", "receive"})
		}
		kind, hasLinks := Kind(rng.IntN(8)), rng.IntN(2) == 0
		filter, any := FilterFor(kind, o), FilterForAny(o)
		var all, selected Attrs
		var roles Roles
		for range rng.IntN(6) {
			key, value := keys[rng.IntN(len(keys))].name, values[rng.IntN(len(values))]
			all.Add(key, value)
			if k := filter.Key([]byte(key)); k != 0 {
				selected.Set(k, value)
				roles |= k.Roles()
				if any.Key([]byte(key)) != k || !any.Has(k) || !filter.Has(k) {
					t.Fatalf("the filter for %d selects %s, that for any kind does not", kind, key)
				}
			}
		}
		if !roles.OfAny() && !kind.Calls() && !kind.Serves() {
			selected = Attrs{}
		}
		if want, got := Interpret(kind, &all, hasLinks, o), Interpret(kind, &selected, hasLinks, o); want != got {
			t.Fatalf("kind %d, %+v:\n%+v, but of %+v\n%+v", kind, all, want, selected, got)
		}
	}
}

// TestKeys: each attribute is found by name under its number, and by no similar name.
func TestKeys(t *testing.T) {
	for i, k := range keys {
		if got := KeyOf(k.name); got != Key(i+1) || got.Name() != k.name {
			t.Errorf("%s has number %d, want %d", k.name, got, i+1)
		}
		for _, o := range []Options{{}, {HTTPErrors: true}, {NotErrors: NewOutcomes([]string{"404"})}, {InferCalls: true}} {
			want := k.roles&^(ofAnyKind|ofGuesses) != 0 || o.InferCalls && k.roles&ofGuesses != 0 || o.HTTPErrors && k.roles&ofFailures != 0 || o.NotErrors != nil && k.roles&ofOutcomes != 0
			if Reads(k.name, o) != want {
				t.Errorf("%s is read: %v, want %v (%+v)", k.name, !want, want, o)
			}
		}
		for _, other := range []string{k.name[1:], k.name + "x", k.name[:len(k.name)-1] + "_"} {
			if KeyOf(other) != 0 {
				t.Errorf("%s is read", other)
			}
		}
	}
	if name := fmt.Sprintf("%0*d", maxKeyLen+1, 0); KeyOf(name) != 0 {
		t.Errorf("%s is read", name)
	}
	longest := slices.MaxFunc(keys[:], func(a, b keyInfo) int { return len(a.name) - len(b.name) })
	if len(longest.name) != maxKeyLen {
		t.Errorf("the longest key has %d bytes, want %d", len(longest.name), maxKeyLen)
	}
}

// TestMayBe: MayBe excludes no key that a filter selects, and excludes most of the other keys.
func TestMayBe(t *testing.T) {
	mayBe := func(f *Filter, key string) bool { return f.MayBe([]byte(key), 0, len(key)) }
	excluded, others := 0, 0
	for _, f := range filters() {
		for _, k := range keys {
			switch read := f.Key([]byte(k.name)) != 0; {
			case read && !mayBe(f, k.name):
				t.Errorf("%s is excluded and selected", k.name)
			case !read:
				others++
				if !mayBe(f, k.name) {
					excluded++
				}
			}
		}
		for n := 1; n < 300; n++ {
			if n > maxKeyLen && f.MayBe(bytes.Repeat([]byte{'s'}, n), 0, n) {
				t.Errorf("a key of %d bytes is not excluded", n)
			}
		}
	}
	if excluded < others*3/4 {
		t.Errorf("%d of %d keys that are not selected are excluded", excluded, others)
	}
}

// TestOriginLen: a URL ends before its path, however it is written.
func TestOriginLen(t *testing.T) {
	for _, c := range []struct {
		url  string
		want string
	}{
		{"https://host:80/path?q", "https://host:80"},
		{"https://user:pw@host?q=/", "https://user:pw@host"},
		{"//host#f", "//host"},
		{"http://host", "http://host"},
		{"/path", ""},
		{"host/a//b", ""},
		{"a//b", ""},
		{"unix:///run/docker.sock/v1.41/info?all=1", "unix:///run/docker.sock"},
		{"unix:///run/docker.sock", "unix:///run/docker.sock"},
		{"unix:/run/docker.sock:/info", "unix:/run/docker.sock"},
		{"unix:///run/agent:/info", "unix:///run/agent"},
		{"http://unix:/run/agent.socket:/info", "http://unix:/run/agent.socket"},
		{"http+unix://%2Frun%2Fdocker.sock/info", "http+unix://%2Frun%2Fdocker.sock"},
		{"unix:///run/agent/info", "unix://"},
		{"unix:///", "unix://"},
		{"unix:", ""},
		{"http://unix:8080/a.sock/b", "http://unix:8080"},
		{"http://host:/a:/b", "http://host:"},
		{"", ""},
		{":", ""},
	} {
		if got := OriginLen(c.url); got != len(c.want) || OriginLen([]byte(c.url)) != got {
			t.Errorf("%s: %d bytes, want %d", c.url, got, len(c.want))
		}
	}
}

// TestSocketURLs: URLs for Unix sockets give the path of the socket, however they are written.
func TestSocketURLs(t *testing.T) {
	for raw, want := range map[string]Address{
		"unix:///run/docker.sock/v1.41/info":         {"/run/docker.sock", ""},
		"unix:/run/docker.sock:/info":                {"/run/docker.sock", ""},
		"http://unix:/run/docker.sock:/info":         {"/run/docker.sock", ""},
		"http+unix://%2Frun%2Fdocker.sock/info":      {"/run/docker.sock", ""},
		"http+unix://%2frun%2fdocker.sock":           {"/run/docker.sock", ""},
		"http://%2Frun%2Fdocker.sock/info":           {"/run/docker.sock", ""},
		"ws+unix:///run/app.sock:/ws":                {"/run/app.sock", ""},
		"unix:///run/agent/info":                     {"localhost", ""},
		"http://unix:":                               {"localhost", ""},
		"npipe:////./pipe/docker_engine/info":        {"localhost", ""},
		"file:///run/docker.sock":                    {},
		"http://unix:8080/run/docker.sock":           {"unix", "8080"},
		"http://unix/run/docker.sock":                {"unix", "80"},
		"http://user%20name@cart:80/run/docker.sock": {"cart", "80"},
	} {
		if got := addressOf(raw, ""); got != want {
			t.Errorf("%s is at %v, want %v", raw, got, want)
		}
	}
}

// TestChosenNames: a chosen name loses the parts of an address that a canonical host does not have.
func TestChosenNames(t *testing.T) {
	for name, want := range map[string]string{
		"cart": "cart", "Cart": "Cart", "cart:8080": "cart", "Cart:8080": "Cart", "cart.": "cart", "http://cart:8080/x": "cart", "dns:///cart:8080": "cart",
		"cart.shop": "cart.shop", "cart.shop.svc": "cart.shop", "Cart.Shop.svc.cluster.local:80": "Cart.Shop", "cart.svc": "cart.svc",
		"jdbc:mysql://db:3306/shop": "db", "Cart: the service": "Cart: the service", "v1.2 Cart": "v1.2 Cart", "arn:aws:lambda:f": "arn:aws:lambda:f", "shop/cart": "shop/cart",
		"10.0.0.5": "", "10.0.0.5:80": "", "[::1]:80": "", "unknown": "", "-": "", "unknown:80": "",
	} {
		if got := chosenName(name); got != want {
			t.Errorf("%q is the name %q, want %q", name, got, want)
		}
	}
}

// TestDetailAll: details come as attributes in the order of their keys, without empty ones.
func TestDetailAll(t *testing.T) {
	d := Detail{Host: "h", Port: "1", DBNamespace: "n", DBSystem: "s", Destination: "q", RPCMethod: "m", Model: "g"}
	var all []string
	for key, value := range d.All() {
		all = append(all, key+"="+value)
	}
	want := []string{"db.namespace=n", "db.system.name=s", "gen_ai.request.model=g", "messaging.destination.name=q", "rpc.method=m", "server.address=h", "server.port=1"}
	if !slices.Equal(all, want) || !slices.IsSorted(all) {
		t.Errorf("got %q, want %q", all, want)
	}
	for key := range (Detail{RPCMethod: "m"}).All() {
		if key != "rpc.method" {
			t.Errorf("%s of a detail without one", key)
		}
	}
}

// TestAliases sets a field with a present key and with an alias of it, in both orders: the present
// key counts.
func TestAliases(t *testing.T) {
	for _, order := range [][2]string{{"db.name", "db.instance"}, {"db.instance", "db.name"}} {
		var a Attrs
		for _, key := range order {
			a.Add(key, "value of "+key)
		}
		if a.dbName != "value of db.name" {
			t.Errorf("set in the order %v, the name of the database is the %s", order, a.dbName)
		}
	}
	for _, k := range keys[firstAlias-1:] {
		var a Attrs
		a.Add(k.name, "x")
		if *k.field(&a) != "x" {
			t.Errorf("%s alone is not read", k.name)
		}
		if text := strings.ReplaceAll(k.name, "_", "."); k.name != text && !strings.Contains(k.name, ".") && KeyOf(text) == 0 {
			t.Errorf("%s stands for %s, which is not read", k.name, text)
		}
	}
}

// TestConnectionHost: the host in texts that tell a database driver where to connect.
func TestConnectionHost(t *testing.T) {
	for text, want := range map[string]string{
		"mysql://db:3306/shop":                            "mysql://db:3306",
		"jdbc:postgresql://db/shop":                       "postgresql://db",
		"jdbc:sqlserver://db:1433;databaseName=shop":      "sqlserver://db:1433",
		"Server=tcp:db.example.com,1433;Database=shop":    "db.example.com:1433",
		"Data Source=db;Initial Catalog=shop":             "db",
		`Server=db\SQLEXPRESS;Database=shop`:              "db",
		"user=me;host=db;port=5432":                       "db",
		`Server=(localdb)\v11.0;Integrated Security=true`: "",
		"shop.db": "",
		"":        "",
	} {
		if got := connectionHost(text); got != want {
			t.Errorf("%q: host %q, want %q", text, got, want)
		}
	}
}

// TestDotted: an IPv4 address can be a number, which Java makes negative.
func TestDotted(t *testing.T) {
	for text, want := range map[string]string{
		"10.0.0.7": "10.0.0.7", "167772167": "10.0.0.7", "-1062731519": "192.168.1.1", "3232235777": "192.168.1.1", "": "", "99999999999": "99999999999", "db": "db",
	} {
		if got := dotted(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
