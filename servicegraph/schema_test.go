package servicegraph_test

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	sg "github.com/tempograph/tempograph/servicegraph"
)

// TestJSONKeepsItsSchema checks the graph of every scenario, the graph of all scenarios
// together, and views of it against the published schema.
func TestJSONKeepsItsSchema(t *testing.T) {
	check := readSchema(t)
	files, err := filepath.Glob("testdata/scenarios/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	var all []sg.Span
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		n := len(archive.Files)
		var cfg sg.Config
		if n == 3 {
			cfg = parseConfig(t, string(archive.Files[0].Data))
		}
		spans, err := parseSpans(string(archive.Files[n-2].Data))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, spans...)
		for _, problem := range check(buildWith(cfg, spans)) {
			t.Errorf("%s: %s", file, problem)
		}
	}
	g := build(all)
	for name, g := range map[string]*sg.Graph{
		"all":    g,
		"empty":  new(sg.Graph),
		"top":    g.Top(5),
		"hidden": g.Hide(func(n sg.Node) bool { return n.ID.Name < "c" }),
		"groups": g.Group(func(n sg.Node) sg.NodeID {
			return sg.NodeID{Name: n.ID.Name[:min(1, len(n.ID.Name))], Type: sg.TypeGroup}
		}),
	} {
		for _, problem := range check(g) {
			t.Errorf("%s: %s", name, problem)
		}
	}
}

// TestSchemaFindsFaults checks that the schema finds faults. Without this test,
// TestJSONKeepsItsSchema would prove nothing.
func TestSchemaFindsFaults(t *testing.T) {
	check := readSchema(t)
	spans, err := parseSpans("C web 1 0+10\nS shop 2<1 1+8 !\nC shop 3<2 2+2 db.system=redis")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ from, to, want string }{
		{`"schema":1`, `"schema":2`, "$.schema: 2 is not 1"},
		{`"kind":"request"`, `"kind":7`, "$.edges[0].kind: 7 is not of type string"},
		{`"source":`, `"sauce":`, "$.edges[0]: no source"},
		{`"calls":1`, `"calls":-1`, "-1 is less than 0"},
		{`"observed":1`, `"observed":1.5`, "1.5 is not of type integer"},
		{`"traceId":"`, `"traceId":"x`, "does not match"},
		{`"buckets":[[`, `"buckets":[[1,1,`, "more than 2 items"},
		{`"report":{`, `"report":{"news":1,`, "$.report.news: not in the schema"},
		{`"nodes":[`, `"nodes":[5,`, "$.nodes[0]: 5 is not of type object"},
	} {
		doc := encode(t, build(spans))
		if problems := check(json.RawMessage(strings.Replace(doc, test.from, test.to, 1))); !strings.Contains(strings.Join(problems, "\n"), test.want) {
			t.Errorf("%s for %s: %q, want %q", test.to, test.from, problems, test.want)
		}
	}
}

func encode(t *testing.T, v json.Marshaler) string {
	t.Helper()
	doc, err := v.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	return string(doc)
}

// readSchema returns a function that lists the faults of a document.
func readSchema(t *testing.T) func(json.Marshaler) []string {
	t.Helper()
	data, err := os.ReadFile("graph.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	var root map[string]any
	if err := json.Unmarshal(data, &root); err != nil {
		t.Fatal(err)
	}
	return func(v json.Marshaler) []string {
		var doc any
		if err := json.Unmarshal([]byte(encode(t, v)), &doc); err != nil {
			t.Fatal(err)
		}
		c := &schemaChecker{defs: root["$defs"].(map[string]any)}
		c.check("$", doc, root)
		return c.problems
	}
}

// A schemaChecker checks documents against the keywords of JSON Schema that our schema
// uses. It also reports fields that the schema does not name.
type schemaChecker struct {
	defs     map[string]any
	problems []string
}

func (c *schemaChecker) fault(path, format string, args ...any) {
	c.problems = append(c.problems, path+": "+fmt.Sprintf(format, args...))
}

func (c *schemaChecker) check(path string, v any, schema map[string]any) {
	for word, is := range schema {
		switch word {
		case "$ref":
			c.check(path, v, c.defs[strings.TrimPrefix(is.(string), "#/$defs/")].(map[string]any))
		case "const":
			if v != is {
				c.fault(path, "%v is not %v", v, is)
			}
		case "type":
			if !slices.Contains(jsonTypes(v), is.(string)) {
				c.fault(path, "%v is not of type %s", v, is)
			}
		case "required":
			c.checkRequired(path, v, is.([]any))
		case "properties":
			c.checkProperties(path, v, is.(map[string]any))
		case "items":
			list, _ := v.([]any)
			for i, item := range list {
				c.check(fmt.Sprintf("%s[%d]", path, i), item, is.(map[string]any))
			}
		case "minItems", "maxItems":
			list, _ := v.([]any)
			c.checkLength(path, word, float64(len(list)), is.(float64))
		case "minimum", "maximum":
			if n, ok := v.(float64); ok {
				c.checkBound(path, word, n, is.(float64))
			}
		case "pattern":
			if s, ok := v.(string); ok && !regexp.MustCompile(is.(string)).MatchString(s) {
				c.fault(path, "%q does not match %s", s, is)
			}
		case "$schema", "$id", "$defs", "title", "description":
		default:
			c.fault(path, "the schema has the keyword %s, which this test does not check", word)
		}
	}
}

func (c *schemaChecker) checkRequired(path string, v any, names []any) {
	object, _ := v.(map[string]any)
	for _, name := range names {
		if _, ok := object[name.(string)]; !ok {
			c.fault(path, "no %s", name)
		}
	}
}

func (c *schemaChecker) checkProperties(path string, v any, properties map[string]any) {
	object, _ := v.(map[string]any)
	for name, value := range object {
		if p, ok := properties[name]; ok {
			c.check(path+"."+name, value, p.(map[string]any))
		} else {
			c.fault(path+"."+name, "not in the schema")
		}
	}
}

func (c *schemaChecker) checkLength(path, word string, n, bound float64) {
	switch {
	case word == "minItems" && n < bound:
		c.fault(path, "less than %v items", bound)
	case word == "maxItems" && n > bound:
		c.fault(path, "more than %v items", bound)
	}
}

func (c *schemaChecker) checkBound(path, word string, n, bound float64) {
	switch {
	case word == "minimum" && n < bound:
		c.fault(path, "%v is less than %v", n, bound)
	case word == "maximum" && n > bound:
		c.fault(path, "%v is more than %v", n, bound)
	}
}

func jsonTypes(v any) []string {
	switch v := v.(type) {
	case string:
		return []string{"string"}
	case bool:
		return []string{"boolean"}
	case []any:
		return []string{"array"}
	case map[string]any:
		return []string{"object"}
	case float64:
		if v == math.Trunc(v) {
			return []string{"number", "integer"}
		}
		return []string{"number"}
	}
	return nil
}
