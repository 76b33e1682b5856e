// Package live serves a changing graph to browsers. [NewHandler] makes a page for any process
// that has a recorder or a builder, in one line:
//
//	http.Handle("/debug/servicegraph/", http.StripPrefix("/debug/servicegraph", live.NewHandler(recorder.Graph, live.Config{})))
//
// The page then has tables and no diagram: package draw, which draws diagrams, starts a wasm
// runtime in the process. A [Viewer] shows graphs that a program passes to it. The handler has no
// access control: mount it at an address that only operators can reach.
//
// The handlers serve the live report of package report, the data that the report requests, and
// the graph in every format:
//
//	/              the report
//	/events        server-sent events that announce changes
//	/fragment      the changed part of the report
//	/control       takes commands of the report
//	/graph.FORMAT  the graph that the report shows, by extension or name: /graph.json
//
// Other sites cannot read these URLs: requests with a foreign Host header are refused (DNS
// rebinding; see [Viewer.Handler]), and no response allows access across origins.
package live

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/render"
	"github.com/tempograph/tempograph/servicegraph/render/report"
)

// A View is one state of the graph, with the settings for showing it.
type View struct {
	Graph *servicegraph.Graph

	// Page writes the report. The viewer makes it live.
	Page report.HTML

	// Formats are the formats of the graph. The viewer replaces the renderers of those named
	// svg and html, so that they show the same image as the report.
	Formats []render.Format
}

// A Viewer serves the latest [View]. Its methods are safe for concurrent use. It renders one
// document at a time, because drawing is expensive.
type Viewer struct {
	// Control executes the commands of the report. Set it before serving requests. If it is nil,
	// there are no commands.
	Control func(context.Context, Command) error

	rendering sync.Mutex

	mu     sync.Mutex
	view   shown
	notice notice
	news   chan struct{} // closed and replaced at each change

	refresh func()        // before each response; nil if the program calls Show
	every   time.Duration // between calls of refresh while an event stream is open
}

// A shown is a view with its rendered documents.
type shown struct {
	View
	input    [sha256.Size]byte // hash of the graph, the style, the window and the reach
	version  string            // hash of the fragment
	page     []byte            // HTML
	fragment []byte            // JSON
}

// A Command is a request of a user of the report: to show another range of time, or to forget the
// graph.
type Command struct {
	Window string `json:"window"` // one of report.HTML.Windows; empty: as before
	Clear  bool   `json:"clear"`
}

// New returns a viewer without a view. Call [Viewer.Show] before serving requests.
func New() *Viewer { return &Viewer{news: make(chan struct{})} }

// Show replaces the view, also in open browsers. It returns after the view is drawn. If drawing
// fails, the report has no image, and Show returns the error.
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
		image := &once{renderer: view.Page.SVG}
		view.Page.SVG = image
		next.Formats = withPage(view.Formats, view.Page)
		if err := next.write(view.Page); err != nil {
			if image.err == nil {
				return err
			}
			undrawn, view.Page.SVG = image.err, nil
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

// made returns a view without its documents.
func made(view View) (shown, error) {
	data, err := view.Graph.MarshalJSON()
	if err != nil {
		return shown{}, err
	}
	return shown{View: view, input: sha256.Sum256(fmt.Appendf(data, "%+v %s %v %v", view.Page.Style, view.Page.Window, view.Page.Reach, view.Page.EdgeReach))}, nil
}

// write renders the report and its fragment.
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

// withPage returns the formats, with those named svg and html showing the image of the report.
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
	event string // the name of the server-sent event
	text  string // empty for none
}

// Notice shows a problem in a line above the graph until the next call of Notice or Wait. An
// empty text removes the line.
func (v *Viewer) Notice(text string) { v.setNotice(notice{"problem", text}) }

// Wait shows what the viewer waits for, which is not a problem, in the line of [Viewer.Notice].
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

// now returns the current view and notice, and a channel that is closed at the next change.
func (v *Viewer) now() (view shown, n notice, news <-chan struct{}) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.view, v.notice, v.news
}

// A once draws the image of a view on the first request, and returns the same image for all later
// requests. It is not safe for concurrent use; Viewer.rendering guards it.
type once struct {
	renderer render.Renderer
	drawn    bool
	image    []byte
	err      error
}

func (o *once) Render(w io.Writer, g *servicegraph.Graph) error {
	if !o.drawn {
		var b bytes.Buffer
		o.err = o.renderer.Render(&b, g)
		o.image, o.drawn = b.Bytes(), true
	}
	if o.err != nil {
		return o.err
	}
	_, err := w.Write(o.image)
	return err
}
