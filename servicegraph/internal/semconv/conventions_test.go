package semconv

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// A convention is a line of testdata/conventions.txt, which lists the attributes of all versions of
// the semantic conventions.
type convention struct {
	successor string
	read      bool
	isNew     bool // the Go modules of OpenTelemetry do not have the key yet
}

func conventions(t *testing.T) map[string]convention {
	t.Helper()
	text, err := os.ReadFile("testdata/conventions.txt")
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[string]convention)
	section := ""
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if heading, ok := strings.CutPrefix(line, "== "); ok {
			section = heading
			continue
		}
		if line == "" || line[0] == '#' {
			continue
		}
		key, successor, _ := strings.Cut(line, " -> ")
		name := strings.TrimPrefix(key, "+")
		if _, twice := all[name]; twice || section == "" {
			t.Errorf("%s is listed twice, or before the first heading", name)
		}
		all[name] = convention{successor, section == "read", name != key}
	}
	return all
}

// TestConventions: the graph reads exactly those attributes of the conventions that the list marks
// as read. If the graph reads a key that was replaced, it also reads the successor.
func TestConventions(t *testing.T) {
	all := conventions(t)
	for key, c := range all {
		if got := KeyOf(key) != 0; got != c.read {
			t.Errorf("%s: read is %v, and the list says %v", key, got, c.read)
		}
		if c.read && c.successor != "" && !all[c.successor].read {
			t.Errorf("%s is read, but not %s, which replaced it", key, c.successor)
		}
	}
}

// families are the first parts of the keys that describe the sides of a call.
var families = regexp.MustCompile(`^(aws|az|azure|cassandra|client|db|destination|elasticsearch|error|faas|gen_ai|graphql|http|mcp|messaging|net|network|openai|opentracing|peer|rpc|server|service\.peer|source|url)\.`)

// TestConventionsAreComplete reads the keys from the packages of OpenTelemetry for all versions of
// the conventions: the list must have each of them.
func TestConventionsAreComplete(t *testing.T) {
	published := goKeys(t)
	if len(published) < 300 {
		t.Fatalf("only %d keys in the packages", len(published))
	}
	all := conventions(t)
	for key := range published {
		switch c, listed := all[key]; {
		case !listed:
			t.Errorf("%s is in the conventions: add it to testdata/conventions.txt, below the reason why it is not read, or read it", key)
		case c.isNew:
			t.Errorf("%s is in the packages now: remove the + in testdata/conventions.txt", key)
		}
	}
	for key, c := range all {
		if !published[key] && !c.isNew {
			t.Errorf("%s is in no version of the conventions", key)
		}
	}
}
