package configcheck

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// The limits on a file. A file beyond a limit is refused, because its findings would be
// incomplete.
const (
	maxBytes    = 8 << 20
	maxFindings = 200 // of one file; more are counted
)

// A Severity says how bad a mistake is.
type Severity uint8

const (
	Error   Severity = iota // the mistake makes the graph missing or wrong
	Warning                 // the setting breaks most set-ups and is right in some
)

// String returns "error" or "warning".
func (s Severity) String() string {
	if s == Warning {
		return "warning"
	}
	return "error"
}

// MarshalText returns the text of String.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// A Finding is one mistake in a file.
type Finding struct {
	File     string   `json:"file"`
	Line     int      `json:"line"` // counted from 1
	Severity Severity `json:"severity"`
	Problem  string   `json:"problem"`       // what is wrong, and what the consequence is
	Fix      string   `json:"fix,omitempty"` // the corrected lines, or the lines to add
}

// A Document is one YAML document of a file.
type Document struct {
	Line int    `json:"line"` // line of its first node, counted from 1
	Kind string `json:"kind"` // the kind that Check detected, such as "Helm values of tempo-distributed"; empty if unknown
}

// A Result is what Check found in a file.
type Result struct {
	File      string     `json:"file"`
	Documents []Document `json:"documents"`
	Findings  []Finding  `json:"findings"` // in the order of their lines
	Omitted   int        `json:"omitted"`  // how many findings after the first 200 are not in Findings
}

// Check finds the known mistakes in a configuration file. The name of the file is only for
// findings and errors. Check returns an error for a file that is not YAML or larger than 8 MiB;
// the result then has the findings in the documents before the error. Check reads no other file
// and opens no connection, and it is safe for concurrent use.
func Check(file string, data []byte) (Result, error) {
	c := &checker{result: Result{File: file}, lines: strings.Split(string(data), "\n")}
	err := c.check(data)
	slices.SortStableFunc(c.result.Findings, func(a, b Finding) int { return a.Line - b.Line })
	if err != nil {
		return c.result, fmt.Errorf("%s%w", file, err)
	}
	return c.result, nil
}

// A checker collects the findings of one file.
type checker struct {
	result Result
	lines  []string // of the file
	offset int      // lines of the file before the document, for a document in a string of another document

	inContainer   bool // the program runs in a container: other containers cannot reach its localhost
	chartDefaults bool // a chart merges the configuration with its defaults

	targets     map[string]bool // the components of Tempo that the manifests of the file deploy
	processLine int             // the line with the processors of the metrics-generator, or 0
}

func (c *checker) check(data []byte) error {
	if len(data) > maxBytes {
		return fmt.Errorf(": the file has too many bytes, at most %d are read: give only the part that configures the pipeline", maxBytes)
	}
	if bytes.IndexByte(data, 0) >= 0 {
		return errors.New(": this is not a text file: give a configuration in YAML")
	}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	for {
		var doc yaml.Node
		err := dec.Decode(&doc)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return c.explain(err)
		}
		if len(doc.Content) == 1 {
			c.document(doc.Content[0])
		}
	}
	c.deployment()
	if !slices.ContainsFunc(c.result.Documents, func(d Document) bool { return d.Kind != "" }) {
		return c.template() // some templates are valid YAML, but of no known kind
	}
	return nil
}

// document checks one document.
func (c *checker) document(root *yaml.Node) {
	kind := kindOf(root)
	c.result.Documents = append(c.result.Documents, Document{c.offset + root.Line, kind.name})
	if kind.check != nil {
		kind.check(c, root)
	}
}

// embedded checks a document in a string of this document, such as a file in a ConfigMap. It does
// nothing if the string is not a configuration.
func (c *checker) embedded(text *yaml.Node) {
	text = resolve(text)
	if text == nil || text.Kind != yaml.ScalarNode {
		return
	}
	var doc yaml.Node
	if yaml.Unmarshal([]byte(text.Value), &doc) != nil || len(doc.Content) != 1 {
		return
	}
	kind := kindOf(doc.Content[0])
	if kind.check == nil {
		return
	}
	outer := c.offset
	c.offset += text.Line - 1
	if text.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
		c.offset++ // the text begins in the line after the indicator
	}
	c.contained(func() { c.document(doc.Content[0]) })
	c.offset = outer
}

// contained runs check with inContainer set.
func (c *checker) contained(check func()) {
	outer := c.inContainer
	c.inContainer = true
	check()
	c.inContainer = outer
}

// explain returns the error of a YAML parser with its line, and what to do.
func (c *checker) explain(err error) error {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	line := 0
	if n, scanErr := fmt.Sscanf(text, "line %d:", &line); n == 1 && scanErr == nil {
		_, text, _ = strings.Cut(text, ": ")
	}
	if err := c.template(); err != nil {
		return err
	}
	if line > 0 {
		return fmt.Errorf(":%d: this is not YAML: %s", line, text)
	}
	return fmt.Errorf(": this is not YAML: %s", text)
}

// template returns an error for the first line of a template, and nil if there is none.
func (c *checker) template() error {
	for i, l := range c.lines {
		if strings.Contains(l, "{{") && !strings.HasPrefix(strings.TrimSpace(l), "#") {
			return fmt.Errorf(":%d: this line is a template: render the chart first, with helm template, and give its output", i+1)
		}
	}
	return nil
}

// report adds a finding in the line of a node.
func (c *checker) report(severity Severity, at *yaml.Node, problem, fix string) {
	line := c.offset + 1
	if at != nil {
		line = c.offset + at.Line
	}
	if len(c.result.Findings) == maxFindings {
		c.result.Omitted++
		return
	}
	c.result.Findings = append(c.result.Findings, Finding{c.result.File, line, severity, problem, strings.TrimRight(fix, "\n")})
}

// renamed returns the line of a key with another key, as a correction.
func (c *checker) renamed(key *yaml.Node, to string) string {
	i := c.offset + key.Line - 1
	if i < 0 || i >= len(c.lines) {
		return to + ":"
	}
	line := strings.TrimRight(c.lines[i], "\r")
	return strings.Replace(line, key.Value, to, 1)
}
