package main

import (
	"bytes"
	"fmt"
	"go/doc/comment"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// The manual page and docs/command.md are the doc comment of this package and the
// flags of its commands in other forms, and the pictures of the latter are what its
// commands draw. The test fails when a file in docs is not what it would be; with
// GRAPHTEST_UPDATE=1 it writes the files.
func TestGeneratedDocs(t *testing.T) {
	const docs = "../../docs"
	files := map[string][]byte{
		"graphviz-export.1": manPage(),
		"command.md":        markdownPage(),
	}
	for _, p := range pictures {
		out := filepath.Join(t.TempDir(), filepath.Base(p.file))
		args := append(slices.Clone(p.args), "-o", out, hotrod)
		if message, err := exec.Command("graphviz-export", args...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", args, err, message)
		}
		picture, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		files[p.file] = picture
	}
	for name, want := range files {
		path := filepath.Join(docs, name)
		got, err := os.ReadFile(path)
		if err == nil && bytes.Equal(got, want) {
			continue
		}
		if os.Getenv("GRAPHTEST_UPDATE") == "" {
			t.Errorf("%s is stale: GRAPHTEST_UPDATE=1 go test -run TestGeneratedDocs ./cmd/graphviz-export writes it", path)
			continue
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, want, 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

// pictures are drawn for docs/command.md, of HotROD's traces.
var pictures = []struct {
	file, text string
	args       []string
}{
	{"hotrod.svg", "The whole graph.", nil},
	{"command/near.svg", "One service and its neighbours.", []string{"--near", "customer"}},
	{"command/hide.svg", "Without driver: a dotted edge stands for the calls through it, shared out by its requests.", []string{"--hide", "driver"}},
	{"command/ignore.svg", "Without driver, and without the calls from and to it.", []string{"--ignore", "driver"}},
	{"command/errors-only.svg", "What fails.", []string{"--errors-only"}},
}

// manualBlocks returns the doc comment of the package without the comment marks.
func manualBlocks() *comment.Doc {
	text, _, _ := strings.Cut(strings.TrimPrefix(manual, "/*\n"), "\n*/")
	return new(comment.Parser).Parse(text)
}

// commandsWithFlags returns the command and those below it that have flags of their
// own.
func commandsWithFlags() []*cobra.Command {
	root := newCommand(strings.NewReader(""), io.Discard, io.Discard)
	list := []*cobra.Command{root}
	for _, sub := range root.Commands() {
		if sub.Flags().Lookup("tempo") != nil {
			list = append(list, sub)
		}
	}
	return list
}

// flagGroups calls visit for each flag, group by group; first is set for the first
// of a group.
func flagGroups(cmd *cobra.Command, visit func(group string, first bool, f *pflag.Flag)) {
	for _, name := range groups {
		first := true
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			if slices.Contains(f.Annotations[groupOf], name) {
				visit(name, first, f)
				first = false
			}
		})
	}
}

// flagText returns how a flag is written, and what it does.
func flagText(f *pflag.Flag) (written, does string) {
	value, does := pflag.UnquoteUsage(f)
	written = "--" + f.Name
	if f.Shorthand != "" {
		written = "-" + f.Shorthand + ", " + written
	}
	if value != "" {
		written += " " + value
	}
	if f.DefValue != "" && f.DefValue != "0" && f.DefValue != "false" && f.DefValue != "[]" && f.DefValue != "0s" {
		does += " (default " + f.DefValue + ")"
	}
	return written, does
}

func markdownPage() []byte {
	var b bytes.Buffer
	fmt.Fprint(&b, "# graphviz-export\n\n*Made from `cmd/graphviz-export/doc.go` and the flags of the command by `go test ./cmd/graphviz-export`; change those.*\n\n")
	printer := &comment.Printer{HeadingLevel: 2, HeadingID: func(*comment.Heading) string { return "" }}
	b.Write(printer.Markdown(manualBlocks()))
	for _, cmd := range commandsWithFlags() {
		fmt.Fprintf(&b, "\n## Flags of %s\n", cmd.CommandPath())
		flagGroups(cmd, func(group string, first bool, f *pflag.Flag) {
			if first {
				fmt.Fprintf(&b, "\n### %s\n\n| flag | what it does |\n| --- | --- |\n", group)
			}
			written, does := flagText(f)
			fmt.Fprintf(&b, "| `%s` | %s |\n", written, strings.NewReplacer("|", `\|`, "<", "&lt;").Replace(does))
		})
	}
	fmt.Fprint(&b, "\n## Pictures\n\nAll of them are of [HotROD's traces](../examples/traces/README.md).\n")
	for _, p := range pictures {
		args := strings.Join(append(slices.Clone(p.args), "-o", filepath.Base(p.file), "examples/traces/hotrod.jsonl.gz"), " ")
		fmt.Fprintf(&b, "\n%s\n\n\tgraphviz-export %s\n\n![%s](%s)\n", p.text, args, p.text, p.file)
	}
	return b.Bytes()
}

func manPage() []byte {
	var b bytes.Buffer
	fmt.Fprint(&b, ".\\\" Made from doc.go and the flags of the command by its tests; change those.\n.TH GRAPHVIZ\\-EXPORT 1\n")
	fmt.Fprint(&b, ".SH NAME\ngraphviz\\-export \\- draw the service graph of distributed traces\n.SH DESCRIPTION\n")
	written := false
	for _, block := range manualBlocks().Content {
		switch block := block.(type) {
		case *comment.Heading:
			if !written {
				written = true
				manFlags(&b)
			}
			fmt.Fprintf(&b, ".SH %s\n", strings.ToUpper(roff(plain(block.Text))))
		case *comment.Paragraph:
			fmt.Fprintf(&b, ".PP\n%s\n", roff(plain(block.Text)))
		case *comment.Code:
			fmt.Fprintf(&b, ".PP\n.nf\n.RS 4\n%s.RE\n.fi\n", roff(block.Text))
		}
	}
	return b.Bytes()
}

func manFlags(b *bytes.Buffer) {
	for _, cmd := range commandsWithFlags() {
		fmt.Fprintf(b, ".SH OPTIONS OF %s\n", strings.ToUpper(roff(cmd.CommandPath())))
		flagGroups(cmd, func(group string, first bool, f *pflag.Flag) {
			if first {
				fmt.Fprintf(b, ".SS %s\n", group)
			}
			written, does := flagText(f)
			fmt.Fprintf(b, ".TP\n\\fB%s\\fR\n%s\n", roff(written), roff(does))
		})
	}
}

// plain returns the text of a part of a doc comment. The manual has no links.
func plain(text []comment.Text) string {
	var b strings.Builder
	for _, t := range text {
		switch t := t.(type) {
		case comment.Plain:
			b.WriteString(string(t))
		case comment.Italic:
			b.WriteString(string(t))
		case *comment.Link:
			b.WriteString(plain(t.Text))
		}
	}
	return b.String()
}

// roff escapes what the formatter of manual pages would take for a command.
func roff(s string) string {
	s = strings.NewReplacer(`\`, `\e`, "-", `\-`, "→", `\(->`, "–", `\(en`).Replace(s)
	lines := strings.Split(s, "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, ".") || strings.HasPrefix(line, "'") {
			lines[i] = `\&` + line
		}
	}
	return strings.Join(lines, "\n")
}

// A formatter of manual pages takes the page without a complaint, and shows each flag.
func TestManPage(t *testing.T) {
	if _, err := exec.LookPath("groff"); err != nil {
		t.Skip("groff is not installed")
	}
	cmd := exec.Command("groff", "-man", "-ww", "-Kutf8", "-Tascii", "-P-cbou", "-rLL=200n")
	var stderr bytes.Buffer
	cmd.Stdin, cmd.Stderr = bytes.NewReader(manPage()), &stderr
	out, err := cmd.Output()
	if err != nil || stderr.Len() > 0 {
		t.Fatalf("groff: %v\n%s", err, &stderr)
	}
	for _, c := range commandsWithFlags() {
		c.Flags().VisitAll(func(f *pflag.Flag) {
			if !bytes.Contains(out, []byte("--"+f.Name)) {
				t.Errorf("the page does not show --%s", f.Name)
			}
		})
	}
}
