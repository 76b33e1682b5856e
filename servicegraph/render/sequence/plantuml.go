package sequence

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"unicode"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/render"
)

// WritePlantUML writes the diagram as a sequence diagram in the language of PlantUML. PlantUML
// 1.2020.2 and later read it.
func (d *Diagram) WritePlantUML(w io.Writer) error {
	s, out := d.script(d.limit), new(bytes.Buffer)
	fmt.Fprintf(out, "@startuml\ntitle %s\n", plantText(d.title()))
	for i, id := range s.lifelines {
		kind, name := "participant", lifelineText(id)
		switch id.Type {
		case "":
			kind, name = "actor", "user"
		case servicegraph.TypeDatabase, servicegraph.TypeQueue:
			kind = string(id.Type)
		}
		fmt.Fprintf(out, "%s \"%s\" as n%d\n", kind, plantText(name), i)
	}
	for _, step := range s.steps {
		text := plantText(render.NameText(step.text, longestText))
		switch step.kind {
		case request:
			fmt.Fprintf(out, "n%d -> n%d ++ : %s\n", step.from, step.to, text)
		case message:
			fmt.Fprintf(out, "n%d ->> n%d ++ : %s\n", step.from, step.to, text)
		case dropped:
			fmt.Fprintf(out, "n%d ->> n%d : %s\n", step.from, step.to, text)
		case reply:
			fmt.Fprintf(out, "n%d --> n%d -- : %s\n", step.from, step.to, latencyText(step.text, text))
		case failure:
			fmt.Fprintf(out, "n%d --x n%d -- : %s\n", step.from, step.to, text)
		case begin:
			fmt.Fprintf(out, "activate n%d\n", step.to)
		case end:
			fmt.Fprintf(out, "deactivate n%d\n", step.to)
		case note:
			fmt.Fprintf(out, "note over n%d", step.from)
			if step.to != step.from {
				fmt.Fprintf(out, ", n%d", step.to)
			}
			fmt.Fprintf(out, " : %s\n", text)
		case par:
			fmt.Fprintf(out, "par %s\n", text)
		case and:
			fmt.Fprint(out, "else\n")
		case endPar:
			fmt.Fprint(out, "end\n")
		}
	}
	fmt.Fprint(out, "@enduml\n")
	if _, err := w.Write(out.Bytes()); err != nil {
		return fmt.Errorf("writing PlantUML: %w", err)
	}
	return nil
}

// plantText returns s as a text of PlantUML. Punctuation is written as a code such as <U+0022>,
// because PlantUML interprets markup and functions in every text.
func plantText(s string) string {
	var b strings.Builder
	for _, r := range s {
		if r == ' ' || r == '.' || r == ',' || r == '·' || r == '✗' || unicode.IsLetter(r) || unicode.IsDigit(r) {
			b.WriteRune(r)
		} else {
			fmt.Fprintf(&b, "<U+%04X>", r)
		}
	}
	return b.String()
}
