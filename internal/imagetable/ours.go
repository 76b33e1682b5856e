package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/render"
	"github.com/tempograph/tempograph/servicegraph/render/draw"
)

// ours draws as graphviz-export does, in a process of its own, which measures time and memory:
// see drawOne.
type ours struct{}

const drawArg = "draw-one"

func (ours) name() string { return "tempograph" }

func (ours) draw(base string, _ *servicegraph.Graph) (m measurement, err error) {
	program, err := os.Executable()
	if err != nil {
		return m, err
	}
	var stderr bytes.Buffer
	cmd := exec.Command(program, "-"+drawArg, base+".json")
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return m, fmt.Errorf("%w: %s", err, strings.TrimSpace(stderr.String()))
	}
	return m, json.Unmarshal(out, &m)
}

// drawOne reads a graph from a JSON file, and writes its SVG and PNG images to the same directory.
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
