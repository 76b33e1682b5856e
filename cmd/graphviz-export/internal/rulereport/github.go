package rulereport

import (
	"fmt"
	"io"
	"strings"

	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/graphtext"
	"github.com/tempograph/tempograph/internal/quantity"
)

// WriteGitHub writes workflow commands: GitHub shows an error at the line of each broken
// rule, among the changes of a pull request.
func WriteGitHub(w io.Writer, r Report) error {
	var b strings.Builder
	for _, rule := range r.Rules {
		if len(rule.Violations) == 0 {
			continue
		}
		b.WriteString("::error ")
		if rule.File != "" {
			fmt.Fprintf(&b, "file=%s,line=%d,", githubProperty(rule.File), rule.Line)
		}
		fmt.Fprintf(&b, "title=%s::%s\n", githubProperty(rule.Text), githubData(rule.details()))
	}
	switch {
	case r.Broken() == 0:
		fmt.Fprintf(&b, "::notice title=service graph::%s\n", githubData(quantity.Of(len(r.Rules), "rule")+": all hold in "+graphtext.Summary(r.Graph)))
	case r.Graph.Report().LeftOutTraces > 0:
		fmt.Fprintf(&b, "::warning title=service graph::%s\n", githubData("observed in "+graphtext.Summary(r.Graph)))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// githubData and githubProperty escape characters that would end a workflow command or one of
// its properties.
func githubData(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(s)
}

func githubProperty(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C").Replace(s)
}
