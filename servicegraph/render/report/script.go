package report

import (
	"embed"
	"strings"
)

//go:embed page/*.js
var scripts embed.FS

// script is the script of the report. Its files are parts of one function, so they share their
// names and define no global names.
var script = assemble("graph", "viewport", "diagram", "table", "details", "address", "controls", "live", "main")

// assemble joins the files of the script in the order in which they run.
func assemble(names ...string) string {
	var b strings.Builder
	b.WriteString("(() => {\n\"use strict\";\n")
	for _, name := range names {
		part, err := scripts.ReadFile("page/" + name + ".js")
		if err != nil {
			panic("report: " + err.Error()) // the files are embedded
		}
		b.Write(part)
	}
	b.WriteString("})();\n")
	return b.String()
}
