package main

import (
	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/console"
	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/exit"
	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/outfile"
	"github.com/tempograph/tempograph/servicegraph/render"
)

// A target is a file or standard output, and the format to write.
type target struct {
	outfile.Target
	format render.Format
	totals bool // the document itself shows the user the totals of the graph
}

// targets returns the targets that the command line names. It checks that all of them can be
// written.
func (e *export) targets(formats []render.Format) ([]target, error) {
	if len(e.outputs) == 0 {
		t, err := e.target(formats, "")
		return []target{t}, err
	}
	if e.format != "" && len(e.outputs) > 1 {
		return nil, exit.Usagef("--format cannot be combined with %d outputs: leave it out and choose formats by extension", len(e.outputs))
	}
	var targets []target
	for _, output := range e.outputs {
		t, err := e.target(formats, output)
		if err != nil {
			return nil, err
		}
		for _, other := range targets {
			if other.Same(t.Target) {
				return nil, exit.Usagef("--output %s is given twice", output)
			}
		}
		targets = append(targets, t)
	}
	return targets, nil
}

func (e *export) target(formats []render.Format, output string) (target, error) {
	t := target{Target: outfile.At(output, e.stdout)}
	screen := t.Path == "" && console.IsTerminal(e.stdout)
	var err error
	if t.format, err = e.chooseFormat(formats, t.Path); err != nil {
		return t, err
	}
	if screen && t.format.Binary {
		return t, exit.Usagef("%s cannot be shown on a terminal: write it to a file with -o FILE, or pipe it to a program", t.format.Name)
	}
	t.totals = screen && t.format.Name == "txt"
	return t, t.Check()
}

// chooseFormat returns the format that --format names. Without --format, it returns the format of
// the file's extension, and without a file a table.
func (e *export) chooseFormat(formats []render.Format, path string) (render.Format, error) {
	switch {
	case e.format != "":
		f, err := render.ByName(formats, e.format)
		if err == nil {
			return f, nil
		}
		if f, err := render.ByFileName(formats, "."+e.format); err == nil { // md, mmd, gv
			return f, nil
		}
		return f, exit.Usagef("--format: %w", err)
	case path != "":
		f, err := render.ByFileName(formats, path)
		if err != nil {
			return f, exit.Usagef("--output: %w, or choose a format with --format", err)
		}
		return f, nil
	}
	return render.ByName(formats, "txt")
}

// writeAll writes the documents of all targets, or of none.
func writeAll(targets []target, docs [][]byte) error {
	files := make([]outfile.Target, len(targets))
	for i, t := range targets {
		files[i] = t.Target
	}
	return outfile.WriteAll(files, docs)
}
