// Package viewer shows a graph that changes to browsers on the same machine: the live
// page of package report, what it asks for, and the graph in every other format.
//
//	/              the page
//	/events        when there is news for it, as server-sent events
//	/fragment      the news
//	/graph.FORMAT  the graph that the page shows, by extension or name: /graph.json
//
// What is behind these is on nobody else's page: the viewer answers only under names
// that another site's cannot be ([Viewer.Handler]), and lets nobody read across sites.
package viewer

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"sync"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/render"
	"github.com/tempograph/tempograph/servicegraph/render/report"
)

// A View is one state of the graph, and how it is shown.
type View struct {
	Graph *servicegraph.Graph

	// Page is how the graph is shown. The viewer makes it a live page.
	Page report.HTML

	// Formats are how else the graph can be had. In those named svg and html it is what
	// the page shows.
	Formats []render.Format
}

// A Viewer shows the latest [View] to everybody who looks. Its methods may be called from
// several goroutines. It renders one document at a time, because drawing takes much of a
// machine.
type Viewer struct {
	rendering sync.Mutex

	mu     sync.Mutex
	view   shown
	notice notice
	news   chan struct{} // closed and replaced when there are any
}

// A shown is a view with its documents.
type shown struct {
	View
	input    [sha256.Size]byte // of what the documents are made
	version  string            // of the fragment
	page     []byte            // HTML
	fragment []byte            // JSON
}

// New returns a viewer that shows nothing yet: it has to be told to [Viewer.Show] a first
// view before it is asked for one.
func New() *Viewer { return &Viewer{news: make(chan struct{})} }

// Show puts a view in the place of the one before, also in the pages that are open. It
// returns when it is drawn. Where that does not work, the page has no picture, and the
// error says why.
func (v *Viewer) Show(view View) error {
	v.rendering.Lock()
	defer v.rendering.Unlock()
	next, err := made(view)
	if err != nil {
		return err
	}
	if now, _, _ := v.now(); now.input == next.input {
		return nil
	}
	view.Page.Live = true
	undrawn := error(nil)
	if view.Page.SVG != nil {
		picture := &once{renderer: view.Page.SVG}
		view.Page.SVG = picture
		next.Formats = withPage(view.Formats, view.Page)
		if err := next.write(view.Page); err != nil {
			if picture.err == nil {
				return err
			}
			undrawn, view.Page.SVG = picture.err, nil
		}
	}
	if view.Page.SVG == nil {
		if err := next.write(view.Page); err != nil {
			return err
		}
	}
	v.change(func() { v.view = next })
	return undrawn
}

// made returns a view that has no documents yet.
func made(view View) (shown, error) {
	data, err := view.Graph.MarshalJSON()
	if err != nil {
		return shown{}, err
	}
	return shown{View: view, input: sha256.Sum256(fmt.Appendf(data, "%+v", view.Page.Style))}, nil
}

// write makes the documents of the page.
func (s *shown) write(page report.HTML) error {
	var doc, fragment bytes.Buffer
	if err := page.Render(&doc, s.Graph); err != nil {
		return err
	}
	if err := page.Fragment(&fragment, s.Graph); err != nil {
		return err
	}
	sum := sha256.Sum256(fragment.Bytes())
	s.page, s.fragment, s.version = doc.Bytes(), fragment.Bytes(), hex.EncodeToString(sum[:8])
	return nil
}

// withPage returns the formats with the page as a file, and with its picture.
func withPage(formats []render.Format, page report.HTML) []render.Format {
	page.Live = false
	formats = slices.Clone(formats)
	for i, f := range formats {
		switch f.Name {
		case "svg":
			formats[i].Renderer = page.SVG
		case "html":
			formats[i].Renderer = page
		}
	}
	return formats
}

// A notice is a line above the graph.
type notice struct {
	event string // the name of the event that brings it to the page
	text  string // empty for none
}

// Notice shows a line above the graph until the next call of it or of Wait; an empty one
// takes it away. It is for what keeps the graph from being what it should be.
func (v *Viewer) Notice(text string) { v.setNotice(notice{"problem", text}) }

// Wait shows a line in the same place that is no problem: what is waited for.
func (v *Viewer) Wait(text string) { v.setNotice(notice{"waiting", text}) }

func (v *Viewer) setNotice(n notice) {
	if _, now, _ := v.now(); now != n {
		v.change(func() { v.notice = n })
	}
}

func (v *Viewer) change(f func()) {
	v.mu.Lock()
	defer v.mu.Unlock()
	f()
	close(v.news)
	v.news = make(chan struct{})
}

// now returns what is shown now, and a channel that is closed when that is over.
func (v *Viewer) now() (view shown, n notice, news <-chan struct{}) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.view, v.notice, v.news
}

// A once draws the one picture of a view for the first who wants it, and has it for all
// others. The viewer sees to it that they come one after the other.
type once struct {
	renderer render.Renderer
	drawn    bool
	picture  []byte
	err      error
}

func (o *once) Render(w io.Writer, g *servicegraph.Graph) error {
	if !o.drawn {
		var b bytes.Buffer
		o.err = o.renderer.Render(&b, g)
		o.picture, o.drawn = b.Bytes(), true
	}
	if o.err != nil {
		return o.err
	}
	_, err := w.Write(o.picture)
	return err
}
