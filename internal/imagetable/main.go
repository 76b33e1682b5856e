// The program imagetable draws images of generated systems and prints a table about them:
// whether they were drawn, the faults of their labels, crossings, shape, size, time and
// memory.
//
//	go run ./internal/imagetable [-dir DIR] [-seeds N] [-sizes 12,60,200]
//
// With -dir, the images are kept in a directory.
//
// # Columns
//
// "services" are those with spans. "nodes" and "edges" are what the image shows of those in
// the graph. "labels" are the texts on edges, of which so many are numbers that refer to the
// list. "faults" are labels with a foreign edge through them, nearer to a foreign edge than
// to their own, over a node, or over another label. "crossings" are pairs of edges without a
// common node, "through" pairs of an edge and a foreign node. "memory" is what the process
// that draws took from the system, for one image.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/tempograph/tempograph/internal/imagecheck"
	"github.com/tempograph/tempograph/internal/systems"
	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/render"
	"github.com/tempograph/tempograph/servicegraph/render/draw"
)

// Each image is drawn in a process of its own, which measures time and memory: see drawOne.
const (
	drawArg = "draw-one"
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
	table := tabwriter.NewWriter(stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "services\tfailing\tseed\tnodes\tedges\tlabels\tfaults\tcrossings\tthrough\tsize\tratio\ttime\tmemory\t")
	for size := range strings.SplitSeq(*sizes, ",") {
		n, err := strconv.Atoi(size)
		if err != nil {
			return fmt.Errorf("-sizes %s: want numbers with commas between them", *sizes)
		}
		for seed := range *seeds {
			for _, failing := range []bool{false, true} {
				if err := row(table, keep, systems.Config{Services: n, Failing: failing, Seed: uint64(seed + 1)}); err != nil {
					return err
				}
			}
		}
	}
	return table.Flush()
}

// row draws a system and writes a row of the table.
func row(table io.Writer, dir string, c systems.Config) error {
	g, err := systems.New(c).Graph()
	if err != nil {
		return err
	}
	data, err := g.MarshalJSON()
	if err != nil {
		return err
	}
	name := filepath.Join(dir, fmt.Sprintf("%d-%d-%v", c.Services, c.Seed, c.Failing))
	if err := os.WriteFile(name+".json", data, 0o600); err != nil {
		return err
	}
	program, err := os.Executable()
	if err != nil {
		return err
	}
	var stderr bytes.Buffer
	cmd := exec.Command(program, "-"+drawArg, name+".json")
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		fmt.Fprintf(table, "%d\t%v\t%d\tnot drawn: %s\t\n", c.Services, c.Failing, c.Seed, strings.TrimSpace(stderr.String()))
		return nil
	}
	var m measurement
	if err := json.Unmarshal(out, &m); err != nil {
		return err
	}
	svg, err := os.ReadFile(name + ".svg")
	if err != nil {
		return err
	}
	r, err := imagecheck.Measure(bytes.NewReader(svg))
	if err != nil {
		return err
	}
	fmt.Fprintf(table, "%d\t%v\t%d\t%d of %d\t%d of %d\t%d (%d)\t%d\t%d\t%d\t%.0f × %.0f\t%.2f\t%v\t%d MB\t\n",
		c.Services, c.Failing, c.Seed, r.Nodes, g.NumNodes(), r.Edges, g.NumEdges(), r.Labels, r.Numbered, r.Faults(), r.Crossings, r.Through,
		r.Width, r.Height, r.Width/r.Height, m.Took.Round(time.Millisecond), m.Memory>>20)
	return nil
}

// A measurement is what drawing an image cost.
type measurement struct {
	Took   time.Duration
	Memory uint64 // bytes
}

// drawOne draws the graph in a JSON file, next to it.
func drawOne(name string, stdout io.Writer) error {
	data, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	g := new(servicegraph.Graph)
	if err := json.Unmarshal(data, g); err != nil {
		return err
	}
	base := strings.TrimSuffix(name, ".json")
	var svg bytes.Buffer
	began := time.Now()
	o := draw.Options{Style: render.Style{Title: filepath.Base(base)}, Theme: draw.ThemeLight}
	if err := (draw.SVG{Options: o}).Render(&svg, g); err != nil {
		return err
	}
	m := measurement{Took: time.Since(began)}
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	m.Memory = stats.Sys
	var bitmap bytes.Buffer
	return errors.Join(
		os.WriteFile(base+".svg", svg.Bytes(), 0o600),
		draw.PNG{Options: o, Scale: 1}.Render(&bitmap, g),
		os.WriteFile(base+".png", bitmap.Bytes(), 0o600),
		json.NewEncoder(stdout).Encode(m),
	)
}
