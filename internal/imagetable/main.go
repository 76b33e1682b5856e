// The program imagetable draws images of generated systems and prints a table about them, in
// Markdown: whether they were drawn, the faults of their labels, crossings, shape, size, time
// and memory.
//
//	go run ./internal/imagetable [-dir DIR] [-seeds N] [-sizes 12,60,200] [-engines DIR]
//
// With -dir, the images are kept in a directory. With -engines, the table also has the layouts
// of the failing systems by other engines: programs of Graphviz, with and without boxes around
// namespaces and labels, ELK and dagre. They need node and npm, and their packages are installed
// in the directory.
//
// # Columns
//
// "nodes" and "edges" are the numbers of nodes and edges in the image and in the graph. "labels" is
// the number of texts on edges, and how many of them are numbers that refer to the list. "faults"
// is the number of labels that a foreign edge crosses, that are nearer to a foreign edge than to
// their own, or that overlap a node or another label. "crossings" are pairs of edges without a
// common node, "through" pairs of an edge and a foreign node. "area" is in millions of pixels.
// "memory" is the memory that the drawing process took from the operating system for one image.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/tempograph/tempograph/internal/imagecheck"
	"github.com/tempograph/tempograph/internal/systems"
	"github.com/tempograph/tempograph/servicegraph"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "imagetable:", err)
		os.Exit(1)
	}
}

func run(args []string, stdout io.Writer) error {
	flags := flag.NewFlagSet("imagetable", flag.ContinueOnError)
	dir := flags.String("dir", "", "keep the images in this `directory`")
	seeds := flags.Int("seeds", 1, "draw `N` systems of each size")
	sizes := flags.String("sizes", "12,40,60,100,200,1000", "numbers of services")
	engines := flags.String("engines", "", "also lay out with other engines, installed in this `directory`")
	one := flags.String(drawArg, "", "draw the graph in this JSON file and print the measurements")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *one != "" {
		return drawOne(*one, stdout)
	}
	keep := *dir
	if keep == "" {
		temp, err := os.MkdirTemp("", "imagetable")
		if err != nil {
			return err
		}
		defer os.RemoveAll(temp)
		keep = temp
	}
	drawers := []drawer{ours{}}
	if *engines != "" {
		others, err := install(*engines)
		if err != nil {
			return err
		}
		drawers = append(drawers, others...)
	}
	fmt.Fprintln(stdout, "| system | engine | nodes | edges | labels (numbered) | faults | crossings | through | size | ratio | area | time | memory |")
	fmt.Fprintln(stdout, "|---|---|---|---|---|---|---|---|---|---|---|---|---|")
	for size := range strings.SplitSeq(*sizes, ",") {
		n, err := strconv.Atoi(size)
		if err != nil {
			return fmt.Errorf("-sizes %s: want numbers with commas between them", *sizes)
		}
		for seed := range *seeds {
			for _, failing := range []bool{false, true} {
				if err := rows(stdout, drawers, keep, systems.Config{Services: n, Failing: failing, Seed: uint64(seed + 1)}); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// A drawer draws a graph in one way.
type drawer interface {
	name() string
	// draw draws the graph in the file base.json into base.svg.
	draw(base string, g *servicegraph.Graph) (measurement, error)
}

// A measurement is the time and the memory that drawing an image took.
type measurement struct {
	Took   time.Duration
	Memory uint64 // bytes
}

// rows draws a system and writes its rows of the table.
func rows(table io.Writer, drawers []drawer, dir string, c systems.Config) error {
	g, err := systems.New(c).Graph()
	if err != nil {
		return err
	}
	data, err := g.MarshalJSON()
	if err != nil {
		return err
	}
	system := fmt.Sprintf("%d, healthy", c.Services)
	if c.Failing {
		system = fmt.Sprintf("%d, failing", c.Services)
	}
	if c.Seed > 1 {
		system += fmt.Sprintf(", seed %d", c.Seed)
	}
	if !c.Failing {
		drawers = drawers[:1]
	}
	for _, d := range drawers {
		name := strings.NewReplacer(", ", "-", " ", "-").Replace(system + ", " + d.name())
		base := filepath.Join(dir, name)
		if err := os.WriteFile(base+".json", data, 0o600); err != nil {
			return err
		}
		if err := row(table, d, base, system, g); err != nil {
			fmt.Fprintf(table, "| %s | %s | not drawn: %v |\n", system, d.name(), err)
		}
	}
	return nil
}

// row draws a graph and writes a row of the table.
func row(table io.Writer, d drawer, base, system string, g *servicegraph.Graph) error {
	m, err := d.draw(base, g)
	if err != nil {
		return err
	}
	svg, err := os.ReadFile(base + ".svg")
	if err != nil {
		return err
	}
	r, err := imagecheck.Measure(bytes.NewReader(svg))
	if err != nil {
		return err
	}
	labels, faults := "none", "–"
	if r.Labels > 0 {
		labels, faults = fmt.Sprintf("%d (%d)", r.Labels, r.Numbered), strconv.Itoa(r.Faults())
	}
	fmt.Fprintf(table, "| %s | %s | %d of %d | %d of %d | %s | %s | %d | %d | %.0f × %.0f | %.2f | %.1f | %v | %d MB |\n",
		system, d.name(), r.Nodes, g.NumNodes(), r.Edges, lines(g), labels, faults, r.Crossings, r.Through,
		r.Width, r.Height, r.Width/r.Height, r.Width*r.Height/1e6, duration(m.Took), m.Memory>>20)
	return nil
}

// duration returns a time in milliseconds, or from one second on in seconds.
func duration(d time.Duration) string {
	if d < time.Second {
		return fmt.Sprintf("%d ms", d.Milliseconds())
	}
	return fmt.Sprintf("%.1f s", d.Seconds())
}

// lines returns the number of edges that images show: self edges are not among them.
func lines(g *servicegraph.Graph) int {
	n := 0
	for e := range g.Edges() {
		if e.ID.From != e.ID.To {
			n++
		}
	}
	return n
}
