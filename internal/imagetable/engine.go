package main

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"time"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/render/draw"
)

var (
	//go:embed engines/package.json
	packages []byte
	//go:embed engines/package-lock.json
	packageLock []byte
	//go:embed engines/layout.mjs
	layoutScript []byte
)

// An engine is another layout program. It lays out the whole graph, with cards and labels of the
// same sizes as in the images of package draw.
type engine struct {
	program, title string
	boxes, labels  bool
	dir            string
}

const patience = 2 * time.Minute // the time allowed for one layout

// install installs the packages of the engines in a directory and returns the engines.
func install(dir string) ([]drawer, error) {
	files := map[string][]byte{"package.json": packages, "package-lock.json": packageLock, "layout.mjs": layoutScript}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			return nil, err
		}
	}
	npm := exec.Command("npm", "ci", "--no-audit", "--no-fund", "--silent")
	npm.Dir, npm.Stderr = dir, os.Stderr
	if err := npm.Run(); err != nil {
		return nil, fmt.Errorf("npm ci: %w", err)
	}
	var list []drawer
	for _, e := range []engine{
		{"dot", "Graphviz dot", false, false, dir}, {"dot", "Graphviz dot", false, true, dir},
		{"dot", "Graphviz dot", true, false, dir}, {"dot", "Graphviz dot", true, true, dir},
		{"neato", "Graphviz neato", false, false, dir}, {"sfdp", "Graphviz sfdp", false, false, dir},
		{"elk", "ELK layered", false, false, dir}, {"elk", "ELK layered", false, true, dir},
		{"elk", "ELK layered", true, false, dir}, {"elk", "ELK layered", true, true, dir},
		{"dagre", "dagre", false, false, dir}, {"dagre", "dagre", false, true, dir},
		{"dagre", "dagre", true, true, dir},
	} {
		list = append(list, e)
	}
	return list, nil
}

func (e engine) name() string {
	name := e.title
	if e.boxes {
		name += ", boxes"
	}
	if e.labels {
		name += ", labels"
	}
	return name
}

// A problem is the input of the script, and a solution its output.
type (
	problem struct {
		Engine string `json:"engine"`
		Boxes  bool   `json:"boxes"`
		Labels bool   `json:"labels"`
		Nodes  []item `json:"nodes"`
		Edges  []line `json:"edges"`
	}
	item struct {
		Width  float64 `json:"w"`
		Height float64 `json:"h"`
		Space  string  `json:"ns,omitempty"`
	}
	line struct {
		From  int   `json:"from"`
		To    int   `json:"to"`
		Label *item `json:"label,omitempty"`
	}
	solution struct {
		Took, Width, Height float64
		Memory              uint64
		Nodes, Labels       []struct {
			I    int
			X, Y float64
		}
		Edges []struct {
			I    int
			Path [][2]float64
		}
	}
)

func (e engine) draw(base string, g *servicegraph.Graph) (m measurement, err error) {
	p, err := e.problem(g)
	if err != nil {
		return m, err
	}
	input, err := json.Marshal(p)
	if err != nil {
		return m, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "node", "--max-old-space-size=4096", filepath.Join(e.dir, "layout.mjs"))
	cmd.Stdin = bytes.NewReader(input)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if ctx.Err() != nil {
		return m, fmt.Errorf("stopped after %v", patience)
	}
	if err != nil {
		return m, errors.New(problemLine(stderr.String()))
	}
	var s solution
	if err := json.Unmarshal(out, &s); err != nil {
		return m, err
	}
	m = measurement{time.Duration(s.Took * float64(time.Millisecond)), s.Memory}
	return m, os.WriteFile(base+".svg", p.svg(s), 0o600)
}

// problemLine returns the line of node's output that says what failed. The other lines show code.
func problemLine(stderr string) string {
	if text := errorLine.FindString(stderr); text != "" {
		return text
	}
	return "the engine failed"
}

var errorLine = regexp.MustCompile(`(?m)^\w*Error: .{1,200}`)

// problem returns the graph as input for an engine: with the sizes of cards and labels, and without
// self edges.
func (e engine) problem(g *servicegraph.Graph) (problem, error) {
	var b bytes.Buffer
	if err := (draw.Parts{}).Render(&b, g); err != nil {
		return problem{}, err
	}
	var parts struct {
		Nodes []item
		Edges []*struct{ Labels []item }
	}
	if err := json.Unmarshal(b.Bytes(), &parts); err != nil {
		return problem{}, err
	}
	p := problem{Engine: e.program, Boxes: e.boxes, Labels: e.labels, Nodes: parts.Nodes, Edges: []line{}}
	at := make(map[servicegraph.NodeID]int)
	for n := range g.Nodes() {
		p.Nodes[len(at)].Space = n.ID.Namespace
		at[n.ID] = len(at)
	}
	i := 0
	for edge := range g.Edges() {
		if part := parts.Edges[i]; part != nil {
			l := line{From: at[edge.ID.From], To: at[edge.ID.To]}
			if len(part.Labels) > 0 {
				l.Label = &part.Labels[0]
			}
			p.Edges = append(p.Edges, l)
		}
		i++
	}
	return p, nil
}

// svg returns a plain image of a solution, with the classes of the images of package draw.
func (p problem) svg(s solution) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %.0f %.0f" width="%.0f" height="%.0f">`+"\n", s.Width, s.Height, s.Width, s.Height)
	b.WriteString("<style>.card{fill:#fff;stroke:#7c899b}.line{fill:none;stroke:#7c899b}.plate{fill:#fff7e8}</style>\n")
	for _, e := range s.Edges {
		fmt.Fprintf(&b, `<g class="edge" data-edge="%d" data-from="%d" data-to="%d"><path class="line" d="M%.2f %.2f`, e.I, p.Edges[e.I].From, p.Edges[e.I].To, e.Path[0][0], e.Path[0][1])
		for k, q := range e.Path[1:] {
			separator := " "
			if k%3 == 0 {
				separator = "C"
			}
			fmt.Fprintf(&b, "%s%.2f %.2f", separator, q[0], q[1])
		}
		b.WriteString("\"/></g>\n")
	}
	for _, n := range s.Nodes {
		fmt.Fprintf(&b, `<g class="node" data-node="%d"><rect class="card" x="%.2f" y="%.2f" width="%.2f" height="%.2f"/></g>`+"\n", n.I, n.X, n.Y, p.Nodes[n.I].Width, p.Nodes[n.I].Height)
	}
	for _, l := range s.Labels {
		size := p.Edges[l.I].Label
		fmt.Fprintf(&b, `<g class="label" data-edge="%d"><rect class="plate" x="%.2f" y="%.2f" width="%.2f" height="%.2f"/></g>`+"\n", l.I, l.X, l.Y, size.Width, size.Height)
	}
	b.WriteString("</svg>\n")
	return b.Bytes()
}
