package main

import (
	"bytes"
	"cmp"
	"context"
	_ "embed"
	"fmt"
	"html/template"
	"io"

	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/source"
	"github.com/tempograph/tempograph/internal/quantity"
	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/graphdiff"
	"github.com/tempograph/tempograph/servicegraph/render/draw"
)

// both returns the merged graph of base and head.
func (s *diffed) both() *servicegraph.Graph { return servicegraph.Merge(s.base, s.head) }

// image returns the options for drawing a diff.
func (d *diff) image(ctx context.Context, shown *diffed) draw.Options {
	o := d.options(ctx, source.Source{Origin: "base and head"}, shown.both(), nil)
	o.Style.Title = cmp.Or(o.Style.Title, quantity.Of(len(shown.Findings()), "change"))
	o.Style.Marks = shown.Marks()
	o.Style.Notes = append([]string{
		"base: " + shown.Base.String(),
		"head: " + shown.Head.String(),
		"green: new or better; dashed: gone; red: worse; thicker lines: larger changes",
	}, shown.Notes...)
	if n := shown.undrawn(); n > 0 {
		o.Style.Notes = append(o.Style.Notes, fmt.Sprintf("%s not drawn: the names of their callees differ in the merged graph", quantity.Of(n, "edge")))
	}
	return o
}

// undrawn returns the number of edges of the diff that the merged graph lacks. The merged graph
// knows the addresses of both sides, so that a call may lead to another node than in one side
// alone.
func (s *diffed) undrawn() (n int) {
	both := s.both()
	for _, e := range s.Edges {
		if _, ok := both.Edge(e.ID); !ok {
			n++
		}
	}
	return n
}

//go:embed diff.html
var diffPage string

// writePage writes the diff as a page that loads nothing: the image and the table of changes.
func (s *diffed) writePage(w io.Writer, image draw.Options) error {
	page, err := template.New("diff").Funcs(template.FuncMap{
		"values": func(c graphdiff.Change) [2]string {
			base, head := c.Values()
			return [2]string{base, head}
		},
	}).Parse(diffPage)
	if err != nil {
		return fmt.Errorf("writing HTML: %w", err)
	}
	var svg bytes.Buffer
	if err := (draw.SVG{Options: image}).Render(&svg, s.both()); err != nil {
		return err
	}
	if err := page.Execute(w, struct {
		*diffed
		Title string
		Image template.HTML // written by package draw, which escapes names
	}{s, image.Style.Title, template.HTML(svg.String())}); err != nil {
		return fmt.Errorf("writing HTML: %w", err)
	}
	return nil
}
