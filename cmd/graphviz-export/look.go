package main

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/tempograph/tempograph/servicegraph/render"
	"github.com/tempograph/tempograph/servicegraph/render/draw"
	htmlreport "github.com/tempograph/tempograph/servicegraph/render/report"
)

// A look says how what is written looks, as the flags state it.
type look struct {
	title       string
	edgeLabel   string
	direction   string
	theme       string
	scale       float64
	warn, error share
	selfEdges   bool
	traceURL    string
}

// The values of the flags that take one of a few. The first is the usual one.
var (
	edgeLabels = []string{"full", "p95", "rate", "none"}
	directions = []string{"lr", "tb"}
	themes     = []string{"auto", "light", "dark"}
)

// addTo adds the flags of a look to a command.
func (l *look) addTo(cmd *cobra.Command) {
	l.warn, l.error = 0.01, 0.05
	group(cmd, "Look", func(f *pflag.FlagSet) {
		f.StringVar(&l.title, "title", "", "`TEXT` of the heading (default the query and the time range)")
		f.StringVar(&l.edgeLabel, "edge-label", edgeLabels[0], "on the edges of pictures: `WHAT`, one of "+strings.Join(edgeLabels, ", "))
		f.StringVar(&l.direction, "dir", directions[0], "of the calls in pictures: `WHERE`, lr (left to right) or tb (top to bottom)")
		f.StringVar(&l.theme, "theme", themes[0], "`COLOURS` of SVG and PNG: "+strings.Join(themes, ", ")+"; auto is the reader's in SVG")
		f.Float64Var(&l.scale, "scale", 2, "pixels of a PNG for `N` times the size of the SVG")
		f.Var(&l.warn, "warn", "mark what fails from `SHARE` of the calls on, as a warning")
		f.Var(&l.error, "error", "mark what fails from `SHARE` of the calls on, as failing")
		f.BoolVar(&l.selfEdges, "self-edges", false, "draw the calls of a node to itself, too")
		f.StringVar(&l.traceURL, "trace-url", "", "link traces in HTML to `URL`, with {traceID} in it")
	})
	complete(cmd, "edge-label", func() []string { return edgeLabels })
	complete(cmd, "dir", func() []string { return directions })
	complete(cmd, "theme", func() []string { return themes })
}

// check refuses values that make no sense, before anything is read.
func (l *look) check() error {
	for _, f := range []struct {
		flag, value string
		known       []string
	}{{"edge-label", l.edgeLabel, edgeLabels}, {"dir", l.direction, directions}, {"theme", l.theme, themes}} {
		if !slices.Contains(f.known, f.value) {
			last := len(f.known) - 1
			return usagef("--%s %q: want %s or %s", f.flag, f.value, strings.Join(f.known[:last], ", "), f.known[last])
		}
	}
	if !(l.scale >= 0.1 && l.scale <= 20) {
		return usagef("--scale %v: want a number from 0.1 to 20", l.scale)
	}
	if l.warn > l.error {
		return usagef("--warn %v is more than --error %v", &l.warn, &l.error)
	}
	if err := htmlreport.CheckTraceURL(l.traceURL); err != nil {
		return usagef("--trace-url: %w", err)
	}
	return nil
}

// formats returns what the command can write, in the look. The drawing says how
// pictures get laid out.
func (l *look) formats(d draw.Options) []render.Format {
	html := l.page(d)
	return slices.Concat(draw.Formats(d, l.scale), htmlreport.Formats(html), render.Formats(d.Style))
}

// page returns how pages of HTML are written. They draw what is not too large, or all
// that the user insists on, in colours that the reader chooses.
func (l *look) page(d draw.Options) htmlreport.HTML {
	html := htmlreport.HTML{Style: d.Style, TraceURL: l.traceURL}
	if d.Force {
		html.MaxNodes, html.MaxEdges = math.MaxInt, math.MaxInt
	}
	d.Theme = draw.ThemeAuto
	html.SVG = draw.SVG{Options: d}
	return html
}

// look returns the look of documents.
func (l *look) look() render.Style {
	r := render.Style{
		Title:     l.title,
		Warn:      max(float64(l.warn), math.SmallestNonzeroFloat64), // zero is the usual one
		Error:     max(float64(l.error), math.SmallestNonzeroFloat64),
		EdgeText:  render.EdgeText(l.edgeLabel),
		TopDown:   l.direction == "tb",
		SelfEdges: l.selfEdges,
	}
	if l.edgeLabel == edgeLabels[0] {
		r.EdgeText = render.EdgeFull
	}
	return r
}

// colours returns the theme.
func (l *look) colours() draw.Theme {
	if l.theme == themes[0] {
		return draw.ThemeAuto
	}
	return draw.Theme(l.theme)
}

// A share is a part of all calls, which the user writes as 0.05 or 5%.
type share float64

func (s *share) String() string { return strconv.FormatFloat(100*float64(*s), 'g', 4, 64) + "%" }
func (s *share) Type() string   { return "share" }

func (s *share) Set(text string) error {
	digits, percent := strings.CutSuffix(text, "%")
	v, err := strconv.ParseFloat(digits, 64)
	if percent {
		v /= 100
	}
	if err != nil || !(v >= 0 && v <= 1) {
		return fmt.Errorf("want a part of all calls, such as 5%% or 0.05")
	}
	*s = share(v)
	return nil
}
