package report

import (
	"embed"
	"fmt"
	"regexp"
	"strings"
)

//go:embed page/*.js
var scripts embed.FS

// script is the script of the report. Its files are modules, which tests import one by one. In the
// report, the modules are parts of one script, because a policy can allow an inline script by its
// hash only if the script imports nothing.
var script = assemble("main")

// The lines of a module that assemble replaces. Imports are on one line.
var (
	importLine = regexp.MustCompile(`(?m)^import (\{.*\}) from "\./(\w+)\.js";$`)
	exportLine = regexp.MustCompile(`(?m)^export ((?:async )?(?:const|function|class) (\w+))`)
)

// assemble joins a module and all that it imports. Each module is a function that returns its
// exports.
func assemble(main string) string {
	var b strings.Builder
	b.WriteString("(() => {\n\"use strict\";\n")
	added := make(map[string]bool)
	var add func(name string)
	add = func(name string) {
		if added[name] {
			return
		}
		added[name] = true
		text, err := scripts.ReadFile("page/" + name + ".js")
		if err != nil {
			panic("report: " + err.Error()) // the files are embedded
		}
		for _, found := range importLine.FindAllSubmatch(text, -1) {
			add(string(found[2]))
		}
		var exports []string
		for _, found := range exportLine.FindAllSubmatch(text, -1) {
			exports = append(exports, string(found[2]))
		}
		text = importLine.ReplaceAll(text, []byte("const $1 = module_$2;"))
		text = exportLine.ReplaceAll(text, []byte("$1"))
		fmt.Fprintf(&b, "const module_%s = (() => {\n%sreturn { %s };\n})();\n", name, text, strings.Join(exports, ", "))
	}
	add(main)
	b.WriteString("})();\n")
	return b.String()
}
