package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// TestMCP calls each tool of a server that runs as a process, with the client of the SDK.
func TestMCP(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	client := mcp.NewClient(&mcp.Implementation{Name: "test", Version: "1"}, nil)
	process := exec.Command("graphviz-export", "mcp", "--quiet", "--base", "../../examples/ci/before.json.gz", hotrod)
	server, err := client.Connect(ctx, &mcp.CommandTransport{Command: process}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()

	tools, err := server.ListTools(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, tool := range tools.Tools {
		names = append(names, tool.Name)
	}
	slices.Sort(names)
	for _, tool := range tools.Tools {
		schema, err := json.Marshal(tool.OutputSchema)
		if err != nil {
			t.Fatal(err)
		}
		for _, field := range undescribed(schema) {
			t.Errorf("%s: the schema does not describe the field %s", tool.Name, field)
		}
	}
	if got, want := strings.Join(names, " "), "blast_radius check critical_path diff explain graph neighbors"; got != want {
		t.Errorf("tools %s, want %s", got, want)
	}
	for _, c := range []struct {
		tool string
		args map[string]any
		want []string // texts in the answer
		err  bool
	}{
		{"graph", nil, []string{`"calls":702`, `"p95Seconds":`, `"basis":"from 6 services, 5 edges, 55 traces`, `"leftOutItems":0`}, false},
		{"graph", map[string]any{"limit": 2}, []string{`"leftOutItems":7`}, false},
		{"neighbors", map[string]any{"node": "driver"}, []string{`"to":"redis-manual"`, `"from":"frontend"`}, false},
		{"graph", map[string]any{"limit": 1000000}, []string{`"leftOutItems":0`}, false},
		{"graph", map[string]any{"limit": "two"}, []string{"limit"}, true},
		{"neighbors", map[string]any{"node": "drivr"}, []string{"did you mean driver?"}, true},
		{"explain", map[string]any{"from": "frontend", "to": "mysql"}, []string{"no call from frontend to mysql"}, false},
		{"blast_radius", map[string]any{"node": "frontend", "to": "route"}, []string{`"exactRequests":52`, `"entries":["frontend"]`}, false},
		{"blast_radius", map[string]any{"node": "route", "to": "frontend"}, []string{"route does not call frontend"}, true},
		{"blast_radius", map[string]any{"node": "mysql"}, []string{`"requestsAtMost":53`, `"exactRequests":53`, `"ofEntryRequests":55`, "exact, from 55 traces", `"entries":["frontend"]`}, false},
		{"critical_path", nil, []string{`"what":"mysql"`, `"secondsPerRequest":0.3`, `"shareOfRequestTime":0.`}, false},
		{"check", map[string]any{"rules": "never frontend -> mysql\nnever driver -> redis-manual"}, []string{`"holds":false`, `"rules":2`, "driver"}, false},
		{"check", map[string]any{"rules": "nevr a -> b"}, []string{"never"}, true},
		{"diff", nil, []string{"slower: frontend → route", "new edge: customer → mysql", `"explanations":[]`, `"leftOutItems":0`}, false},
		{"diff", map[string]any{"explain": "mysql"}, []string{`"mysql: new"`, `"customer → mysql: new"`, "a slow call of the head: trace "}, false},
		{"diff", map[string]any{"explain": "nobody"}, []string{"no node and no call"}, true},
	} {
		result, err := server.CallTool(ctx, &mcp.CallToolParams{Name: c.tool, Arguments: c.args})
		if err != nil {
			t.Errorf("%s %v: %v", c.tool, c.args, err)
			continue
		}
		text := ""
		for _, content := range result.Content {
			if part, ok := content.(*mcp.TextContent); ok {
				text += part.Text
			}
		}
		if result.IsError != c.err {
			t.Errorf("%s %v: an error: %v\n%s", c.tool, c.args, result.IsError, text)
		}
		for _, want := range c.want {
			if !strings.Contains(text, want) {
				t.Errorf("%s %v: the answer lacks %s:\n%s", c.tool, c.args, want, text)
			}
		}
		if !c.err && !json.Valid([]byte(text)) {
			t.Errorf("%s: the answer is not JSON: %s", c.tool, text)
		}
	}
}

// TestMCPInterrupted checks that Ctrl-C ends a server between two calls, with status 0, although
// its input stays open.
func TestMCPInterrupted(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), "graphviz-export", "mcp", "--quiet", hotrod)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintln(in, `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"test","version":"1"}}}`)
	answers := bufio.NewScanner(out)
	if !answers.Scan() || !strings.Contains(answers.Text(), "serverInfo") {
		t.Fatalf("the first answer is %q", answers.Text())
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if answers.Scan() {
		t.Errorf("a further answer: %s", answers.Text())
	}
	if err := cmd.Wait(); err != nil { // a server that does not end makes the test fail by the test's timeout
		t.Errorf("after Ctrl-C: %v", err)
	}
}

// undescribed returns the names of the numbers and lists in a schema that have no description.
func undescribed(schema []byte) (fields []string) {
	var object struct {
		Properties map[string]json.RawMessage
		Items      json.RawMessage
	}
	json.Unmarshal(schema, &object)
	for name, property := range object.Properties {
		var field struct {
			Type        any
			Description string
		}
		json.Unmarshal(property, &field)
		if field.Description == "" && field.Type != "string" {
			fields = append(fields, name)
		}
		fields = append(fields, undescribed(property)...)
	}
	if object.Items != nil {
		fields = append(fields, undescribed(object.Items)...)
	}
	return fields
}
