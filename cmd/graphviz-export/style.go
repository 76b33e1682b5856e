package main

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/exit"
	"github.com/tempograph/tempograph/internal/suggest"
	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/render"
	"github.com/tempograph/tempograph/servicegraph/render/draw"
	htmlreport "github.com/tempograph/tempograph/servicegraph/render/report"
)

// styleFlags set how the output looks.
type styleFlags struct {
	title       string
	edgeLabel   choice
	direction   choice
	theme       choice
	scale       float64
	warn, error fraction
	slow        time.Duration
	selfEdges   bool
	traceURL    string
	pageLayout  bool
	expand      []string
	table       tableFlags

	reach     map[servicegraph.NodeID]string // the blast radius of each node as text, for reports; not a flag
	edgeReach map[servicegraph.EdgeID]string
}

// addTo adds the flags to a command.
func (s *styleFlags) addTo(cmd *cobra.Command) {
	s.warn, s.error = 0.01, 0.05
	group(cmd, "Style", func(f *pflag.FlagSet) {
		f.StringVar(&s.title, "title", "", "use `TEXT` as the heading (default: the query and the time range)")
		addChoice(f, &s.edgeLabel, "edge-label", "LABEL", "edge labels: full, p95, rate or none", "full", "p95", "rate", "none")
		addChoice(f, &s.direction, "dir", "DIR", "layout direction: lr (left to right) or tb (top to bottom)", "lr", "tb")
		addChoice(f, &s.theme, "theme", "THEME", "colors of SVG and PNG: auto, light or dark; an auto SVG follows the browser", "auto", "light", "dark")
		f.Float64Var(&s.scale, "scale", 2, "scale PNG images by factor `N`")
		f.Var(&s.warn, "warn", "mark a warning where at least `FRACTION` of the calls fail")
		f.Var(&s.error, "error", "mark an error where at least `FRACTION` of the calls fail")
		f.DurationVar(&s.slow, "slow", 0, "mark a warning where the p95 of the latency is at least `DURATION`: 500ms, 2s")
		f.BoolVar(&s.selfEdges, "self-edges", false, "draw calls of a node to itself")
		f.StringArrayVar(&s.expand, "expand", nil, "in a large image, where each namespace is one card, show the services of namespace `NS`; repeatable")
		f.BoolVar(&s.pageLayout, "layout-in-page", true, "lay out filtered graphs in the HTML report; adds 0.6 MB to the file")
		f.StringVar(&s.traceURL, "trace-url", "", "link traces in HTML to `URL`, which contains {traceID}")
	})
	s.table.addTo(cmd)
	completeChoice(cmd, "edge-label", &s.edgeLabel)
	completeChoice(cmd, "dir", &s.direction)
	completeChoice(cmd, "theme", &s.theme)
}

// check refuses invalid values before any input is read.
func (s *styleFlags) check() error {
	if !(s.scale >= 0.1 && s.scale <= 20) {
		return exit.Usagef("--scale %v: want a number from 0.1 to 20", s.scale)
	}
	if s.slow < 0 {
		return exit.Usagef("--slow %v: want a duration above zero", s.slow)
	}
	if err := s.table.check(); err != nil {
		return err
	}
	if s.warn > s.error {
		return exit.Usagef("--warn %v is more than --error %v: lower --warn or raise --error", &s.warn, &s.error)
	}
	if err := htmlreport.CheckTraceURL(s.traceURL); err != nil {
		return exit.Usagef("--trace-url: %w", err)
	}
	return nil
}

// formats returns all output formats, with the options for those that draw an image.
func (s *styleFlags) formats(d draw.Options) []render.Format {
	return slices.Concat(draw.Formats(d, s.scale), htmlreport.Formats(s.html(d)), render.Formats(d.Style))
}

// html returns the writer of HTML reports. Their image has both color themes, because the
// reader switches between them. With --force there is no limit on the size of the image.
func (s *styleFlags) html(d draw.Options) htmlreport.HTML {
	html := htmlreport.HTML{Style: d.Style, TraceURL: s.traceURL, Reach: s.reach, EdgeReach: s.edgeReach}
	if d.Force {
		html.MaxNodes, html.MaxEdges = math.MaxInt, math.MaxInt
	}
	d.Theme = draw.ThemeAuto
	html.SVG = draw.SVG{Options: d}
	if s.pageLayout {
		html.Parts = draw.Parts{Options: d}
	}
	return html
}

// style returns the part of the style that all formats share.
func (s *styleFlags) style() render.Style {
	r := render.Style{
		Title:     s.title,
		Warn:      max(float64(s.warn), math.SmallestNonzeroFloat64), // zero would mean the default
		Error:     max(float64(s.error), math.SmallestNonzeroFloat64),
		EdgeText:  render.EdgeText(s.edgeLabel.value),
		TopDown:   s.direction.value == "tb",
		SelfEdges: s.selfEdges,
		Slow:      s.slow,
		Sort:      s.table.sortKey(),
		Columns:   s.table.parsed,
		Expand:    s.expand,
	}
	if s.edgeLabel.value == "full" {
		r.EdgeText = render.EdgeFull
	}
	return r
}

// checkExpand refuses names in --expand that are not namespaces of g.
func (s *styleFlags) checkExpand(g *servicegraph.Graph) error {
	var namespaces []string // sorted
	for n := range g.Nodes() {
		if n.ID.Namespace != "" {
			namespaces = append(namespaces, n.ID.Namespace)
		}
	}
	for _, name := range s.expand {
		if !slices.Contains(namespaces, name) {
			return fmt.Errorf("--expand %q: no service has this namespace%s", name, suggest.DidYouMean(name, slices.Compact(namespaces)))
		}
	}
	return nil
}

// colors returns the color theme of images.
func (s *styleFlags) colors() draw.Theme {
	if s.theme.value == "auto" {
		return draw.ThemeAuto
	}
	return draw.Theme(s.theme.value)
}
