package sequence

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/render"
	"github.com/tempograph/tempograph/servicegraph/render/internal/mermaidtext"
)

// mermaidSize is the largest number of characters that Mermaid draws: its setting maxTextSize.
const mermaidSize = 50_000

// WriteMermaid writes the diagram as a Mermaid sequence diagram, which GitHub, GitLab and many
// wikis draw. Mermaid draws at most 50,000 characters: a diagram with long names has fewer calls
// than [Config].Calls, and a note says so.
func (d *Diagram) WriteMermaid(w io.Writer) error {
	n := d.limit
	text := d.mermaid(n)
	for len(text) > mermaidSize {
		n = n * 9 / 10
		text = d.mermaid(n)
	}
	if _, err := w.Write(text); err != nil {
		return fmt.Errorf("writing Mermaid: %w", err)
	}
	return nil
}

func (d *Diagram) mermaid(n int) []byte {
	s, out := d.script(n), new(bytes.Buffer)
	title, _ := json.Marshal(d.title()) // a string has no error
	fmt.Fprintf(out, "---\ntitle: %s\n---\nsequenceDiagram\n  accDescr: %s\n", title, d.description(s.shown))
	for i, id := range s.lifelines {
		if id == (servicegraph.NodeID{}) {
			fmt.Fprintf(out, "  actor n%d as user\n", i)
		} else {
			fmt.Fprintf(out, "  participant n%d as %s\n", i, mermaidtext.Quote(lifelineText(id)))
		}
	}
	indent := "  "
	for _, step := range s.steps {
		text := mermaidtext.Quote(render.NameText(step.text, longestText))
		switch step.kind {
		case request:
			fmt.Fprintf(out, "%sn%d->>+n%d: %s\n", indent, step.from, step.to, text)
		case message:
			fmt.Fprintf(out, "%sn%d-)+n%d: %s\n", indent, step.from, step.to, text)
		case dropped:
			fmt.Fprintf(out, "%sn%d-)n%d: %s\n", indent, step.from, step.to, text)
		case reply:
			fmt.Fprintf(out, "%sn%d-->>-n%d: %s\n", indent, step.from, step.to, latencyText(step.text, text))
		case failure:
			fmt.Fprintf(out, "%sn%d--x-n%d: %s\n", indent, step.from, step.to, text)
		case begin:
			fmt.Fprintf(out, "%sactivate n%d\n", indent, step.to)
		case end:
			fmt.Fprintf(out, "%sdeactivate n%d\n", indent, step.to)
		case note:
			fmt.Fprintf(out, "%sNote over n%d", indent, step.from)
			if step.to != step.from {
				fmt.Fprintf(out, ",n%d", step.to)
			}
			fmt.Fprintf(out, ": %s\n", text)
		case par:
			fmt.Fprintf(out, "%spar %s\n", indent, text)
			indent += "  "
		case and:
			fmt.Fprintf(out, "%sand\n", indent[2:])
		case endPar:
			indent = indent[2:]
			fmt.Fprintf(out, "%send\n", indent)
		}
	}
	return out.Bytes()
}

// longestText is the largest width of a text of a diagram, in columns, and longestName that of the
// name of a lifeline.
const (
	longestText = 120
	longestName = 40
)

// lifelineText returns the name of a lifeline, with the type unless it is a service.
func lifelineText(id servicegraph.NodeID) string {
	text := render.NameText(id.Name, longestName)
	if id.Namespace != "" {
		text = render.NameText(id.Namespace, longestName) + "/" + text
	}
	if id.Type != servicegraph.TypeService {
		text += " (" + string(id.Type) + ")"
	}
	return text
}

// latencyText returns the text of a reply: its latency, or a dash if that is unknown.
func latencyText(raw, written string) string {
	if raw == "" {
		return "–"
	}
	return written
}
