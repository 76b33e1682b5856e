package rulereport

import (
	"encoding/xml"
	"fmt"
	"io"

	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/graphtext"
)

// A report in the JUnit format of CI systems: a suite with one test case per rule.
type (
	junitSuites struct {
		XMLName xml.Name   `xml:"testsuites"`
		Suite   junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name     string      `xml:"name,attr"`
		Tests    int         `xml:"tests,attr"`
		Failures int         `xml:"failures,attr"`
		Cases    []junitCase `xml:"testcase"`
		Output   string      `xml:"system-out"`
	}
	junitCase struct {
		Name    string        `xml:"name,attr"`
		Class   string        `xml:"classname,attr"`
		File    string        `xml:"file,attr,omitempty"`
		Line    int           `xml:"line,attr,omitempty"`
		Failure *junitFailure `xml:"failure"`
	}
	junitFailure struct {
		Message string `xml:"message,attr"`
		Text    string `xml:",chardata"`
	}
)

// WriteJUnit writes a report for CI systems.
func WriteJUnit(w io.Writer, r Report) error {
	suite := junitSuite{Name: "service graph", Tests: len(r.Rules), Failures: r.Broken(), Output: "observed in " + graphtext.Summary(r.Graph)}
	for _, rule := range r.Rules {
		c := junitCase{Name: rule.Text, Class: "graphviz-export.check", File: rule.File, Line: rule.Line}
		if len(rule.Violations) > 0 {
			c.Failure = &junitFailure{Message: rule.summary(), Text: rule.details()}
		}
		suite.Cases = append(suite.Cases, c)
	}
	doc, err := xml.MarshalIndent(junitSuites{Suite: suite}, "", "  ")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s%s\n", xml.Header, doc)
	return err
}
