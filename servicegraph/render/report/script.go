package report

import (
	"embed"
	"strings"
)

//go:embed page/*.js
var scripts embed.FS

// script is the script of the page. Its files are parts of one function, so that
// they share names, and the page has none.
var script = assemble("graph", "viewport", "picture", "table", "details", "address", "controls", "live", "main")

// assemble joins the files of the script in the order in which they run.
func assemble(names ...string) string {
	var b strings.Builder
	b.WriteString("(() => {\n\"use strict\";\n")
	for _, name := range names {
		part, err := scripts.ReadFile("page/" + name + ".js")
		if err != nil {
			panic("report: " + err.Error()) // embedded, so it is there
		}
		b.Write(part)
	}
	b.WriteString("})();\n")
	return b.String()
}
