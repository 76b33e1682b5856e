package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/console"
	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/exit"
	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/fileerror"
	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/source"
	"github.com/tempograph/tempograph/internal/quantity"
	"github.com/tempograph/tempograph/otelsetup"
	"github.com/tempograph/tempograph/otelsetup/configcheck"
)

// A doctor is one run of graphviz-export doctor.
type doctor struct {
	stdin    io.Reader
	stdout   io.Writer
	stderr   *console.Console
	json     bool
	pipeline pipelineFlags
}

func newDoctorCommand(stdin io.Reader, stdout, stderr io.Writer) *cobra.Command {
	d := &doctor{stdin: stdin, stdout: stdout, stderr: &console.Console{Out: stderr}}
	cmd := &cobra.Command{
		Use:   "doctor [flags] [FILE|DIRECTORY|-]...",
		Short: "Find what is broken in the pipeline or its configuration",
		Long:  section("Doctor"),
		Args:  cobra.ArbitraryArgs,
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return []string{"yaml", "yml"}, cobra.ShellCompDirectiveFilterFileExt
		},
		RunE: func(cmd *cobra.Command, args []string) error { return d.run(cmd.Context(), args) },
	}
	d.pipeline.addTo(cmd)
	group(cmd, "Output", func(f *pflag.FlagSet) {
		f.BoolVar(&d.json, "json", false, "write the findings as JSON")
	})
	return cmd
}

// run checks the files and the hops of the pipeline, and writes the findings. It returns an error
// if a file has a mistake of severity Error or cannot be read, or if a hop fails.
func (d *doctor) run(ctx context.Context, args []string) error {
	hops, connect, err := d.pipeline.options(len(args) > 0)
	if err != nil {
		return err
	}
	if len(args) == 0 && !connect {
		return exit.Usagef("doctor: nothing to check: name configuration files, such as values.yaml, or servers with --otlp, --tempo and --prometheus; see graphviz-export doctor --help")
	}
	if connect {
		for _, warning := range source.MisspeltVariables(os.Environ()) {
			d.stderr.Warnf("%s", warning)
		}
	}
	files, err := configurations(args)
	if err != nil {
		return err
	}
	var results []checked
	for _, file := range files {
		if err := ctx.Err(); err != nil {
			return err
		}
		results = append(results, d.check(file))
	}
	var report otelsetup.Report
	if connect {
		ctx, cancel := context.WithTimeout(ctx, d.pipeline.timeout)
		defer cancel()
		report = otelsetup.Check(ctx, hops...)
	}
	if err := ctx.Err(); err != nil { // the run was interrupted
		return err
	}
	write := writeFindings
	if d.json {
		write = writeFindingsJSON
	}
	if err := write(d.stdout, results, report); err != nil {
		return fmt.Errorf("writing the findings: %w", err)
	}
	mistakes, unread := 0, 0
	for _, r := range results {
		mistakes += r.errors()
		if r.Error != "" {
			unread++
		}
	}
	var found []string
	if failed := len(report.Failed()); failed > 0 {
		found = append(found, quantity.Of(failed, "hop")+" failed")
	}
	if mistakes > 0 {
		found = append(found, quantity.Of(mistakes, "mistake"))
	} else if unread > 0 {
		found = append(found, quantity.Of(unread, "file")+" could not be checked")
	}
	if found != nil {
		return fmt.Errorf("%s, see above", strings.Join(found, " and "))
	}
	return nil
}

// A checked is a file with its findings.
type checked struct {
	configcheck.Result
	Error string `json:"error,omitempty"` // why the file could not be checked to its end
}

// errors returns the number of findings with the severity Error.
func (c checked) errors() (n int) {
	for _, f := range c.Findings {
		if f.Severity == configcheck.Error {
			n++
		}
	}
	return n
}

// kinds returns the kinds of the documents in the file, each kind once.
func (c checked) kinds() []string {
	var kinds []string
	for _, d := range c.Documents {
		if d.Kind != "" && !slices.Contains(kinds, d.Kind) {
			kinds = append(kinds, d.Kind)
		}
	}
	return kinds
}

// configurations returns the files that the arguments name. A directory means all files in and
// below the directory whose names end in .yaml or .yml.
func configurations(args []string) ([]string, error) {
	var files []string
	for _, arg := range args {
		info, err := os.Stat(arg)
		switch {
		case arg == "-":
			files = append(files, arg)
			continue
		case errors.Is(err, fs.ErrNotExist):
			return nil, exit.Usagef("doctor: reading %s: no such file: name configuration files or a directory of them, or - for standard input", arg)
		case err != nil:
			return nil, exit.Usagef("doctor: reading %s: %w", arg, fileerror.Cause(err))
		case !info.IsDir():
			files = append(files, arg)
			continue
		}
		before := len(files)
		err = filepath.WalkDir(arg, func(path string, entry fs.DirEntry, err error) error {
			if ext := filepath.Ext(path); err == nil && entry.Type().IsRegular() && (ext == ".yaml" || ext == ".yml") {
				files = append(files, path)
			}
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("doctor: %w", err)
		}
		if len(files) == before {
			return nil, exit.Usagef("doctor: no file below %s ends in .yaml or .yml: name the files of the configuration", arg)
		}
	}
	return files, nil
}

// maxConfiguration is the largest number of bytes that are read from a file: one more than
// configcheck accepts, so that configcheck refuses a larger file.
const maxConfiguration = 8<<20 + 1

// check reads and checks a file.
func (d *doctor) check(file string) checked {
	name, in := file, d.stdin
	if file == "-" {
		name = source.StdinName
	} else {
		f, err := os.Open(file)
		if err != nil {
			return checked{configcheck.Result{File: file}, fmt.Sprintf("reading %s: %v", file, fileerror.Cause(err))}
		}
		defer f.Close()
		in = f
	}
	data, err := io.ReadAll(io.LimitReader(in, maxConfiguration))
	if err != nil {
		return checked{configcheck.Result{File: name}, fmt.Sprintf("reading %s: %v", name, fileerror.Cause(err))}
	}
	result, err := configcheck.Check(name, data)
	if err != nil {
		return checked{result, err.Error()}
	}
	return checked{result, ""}
}

// writeFindings writes the findings for people. Each finding has a line with a mark, the place
// and the problem, followed by the corrected lines.
func writeFindings(w io.Writer, results []checked, report otelsetup.Report) error {
	var b strings.Builder
	for _, r := range results {
		for _, f := range r.Findings {
			mark := "✗"
			if f.Severity == configcheck.Warning {
				mark = "!"
			}
			fmt.Fprintf(&b, "%s %s:%d: %s\n", mark, console.OneLine(f.File), f.Line, console.OneLine(f.Problem))
			if f.Fix != "" {
				for line := range strings.SplitSeq(f.Fix, "\n") {
					fmt.Fprintf(&b, "      %s\n", console.OneLine(line))
				}
			}
		}
		if r.Omitted > 0 {
			fmt.Fprintf(&b, "✗ %s: %s not shown\n", console.OneLine(r.File), quantity.Of(r.Omitted, "more finding"))
		}
		switch {
		case r.Error != "":
			fmt.Fprintf(&b, "✗ %s\n", console.OneLine(r.Error))
		case len(r.kinds()) == 0:
			fmt.Fprintf(&b, "? %s: not checked: this is no configuration that doctor knows\n", console.OneLine(r.File))
		case len(r.Findings) == 0:
			fmt.Fprintf(&b, "✓ %s: no known mistake (%s)\n", console.OneLine(r.File), console.OneLine(strings.Join(r.kinds(), ", ")))
		}
	}
	if report.Hops != nil {
		for line := range strings.Lines(report.String()) {
			b.WriteString(console.OneLine(strings.TrimSuffix(line, "\n")) + "\n")
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// writeFindingsJSON writes the findings for programs.
func writeFindingsJSON(w io.Writer, results []checked, report otelsetup.Report) error {
	healthy := len(report.Failed()) == 0
	if results == nil {
		results = []checked{}
	}
	for i := range results {
		r := &results[i]
		healthy = healthy && r.errors() == 0 && r.Error == ""
		if r.Findings == nil {
			r.Findings = []configcheck.Finding{}
		}
		if r.Documents == nil {
			r.Documents = []configcheck.Document{}
		}
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(struct {
		Healthy bool            `json:"healthy"`
		Files   []checked       `json:"files"`
		Hops    []otelsetup.Hop `json:"hops,omitempty"`
	}{healthy, results, report.Hops})
}
