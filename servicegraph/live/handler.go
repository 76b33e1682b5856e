package live

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/tempograph/tempograph/internal/ownhost"
	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/render"
)

// Handler returns the HTTP handler. It accepts requests whose host is localhost, an IP address
// or one of the given names, and refuses all others: another site can make its own name resolve
// to this machine, and its scripts would then be of the same origin.
//
// A request for /events ends only with its context. To shut down, a server should cancel the
// contexts of its requests, for example through [http.Server.BaseContext].
func (v *Viewer) Handler(hosts ...string) http.Handler { return guard(hosts, v.mux()) }

// mux returns the handler without the guard.
func (v *Viewer) mux() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		view := v.latest()
		answer(w, htmlType, page, view.page)
	})
	mux.HandleFunc("GET /fragment", func(w http.ResponseWriter, r *http.Request) {
		view := v.latest()
		answer(w, "application/json", inert, view.fragment)
	})
	mux.HandleFunc("GET /events", v.events)
	mux.HandleFunc("POST /control", v.control)
	mux.HandleFunc("GET /{file}", v.file)
	return mux
}

// latest returns the view, after refreshing it.
func (v *Viewer) latest() shown {
	if v.refresh != nil {
		v.refresh()
	}
	view, _, _ := v.now()
	return view
}

// Content security policies. A report has its own policy in a meta element, which cannot
// restrict frames. Images have style sheets.
const (
	page  = "frame-ancestors 'none'"
	inert = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
)

const htmlType = "text/html; charset=utf-8"

// control executes a command. Browsers let only pages of this server send the header.
func (v *Viewer) control(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Tempograph-Control") == "" || v.Control == nil {
		http.Error(w, "commands come only from the report", http.StatusForbidden)
		return
	}
	var c Command
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxCommand)).Decode(&c); err != nil {
		http.Error(w, "this is not a command: "+err.Error(), http.StatusBadRequest)
		return
	}
	if err := v.Control(r.Context(), c); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

const maxCommand = 1000 // bytes

// guard refuses requests for a foreign host.
func guard(hosts []string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		if !ownhost.Is(r.Host, hosts...) {
			http.Error(w, fmt.Sprintf("this server is not %q: use localhost or an IP address", r.Host), http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// answer writes a document that must not be cached.
func answer(w http.ResponseWriter, contentType, policy string, doc []byte) {
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Content-Security-Policy", policy)
	h.Set("Cache-Control", "no-store")
	w.Write(doc)
}

// file writes the graph in the format that the file name selects.
func (v *Viewer) file(w http.ResponseWriter, r *http.Request) {
	file := r.PathValue("file")
	name, ok := strings.CutPrefix(file, "graph.")
	if !ok {
		http.NotFound(w, r)
		return
	}
	view := v.latest()
	format, err := render.ByFileName(view.Formats, file)
	if err != nil {
		format, err = render.ByName(view.Formats, name)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusNotFound)
		return
	}
	doc, err := v.render(r.Context(), format, view.Graph)
	switch {
	case r.Context().Err() != nil: // the client has given up waiting
		return
	case err != nil:
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	policy := inert
	if contentType(format) == htmlType {
		policy = page
	}
	answer(w, contentType(format), policy, doc)
}

// render returns a document. The lock is free again before the document is written, because a
// client may read slowly or not at all.
func (v *Viewer) render(ctx context.Context, format render.Format, g *servicegraph.Graph) ([]byte, error) {
	v.rendering.Lock()
	defer v.rendering.Unlock()
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	var doc bytes.Buffer
	err := format.Renderer.Render(&doc, g)
	return doc.Bytes(), err
}

// contentType returns the content type with which browsers show a format. A browser would download
// text with a more specific content type.
func contentType(f render.Format) string {
	switch {
	case f.MediaType == "" && f.Binary:
		return "application/octet-stream"
	case f.MediaType == "text/html":
		return htmlType
	case f.MediaType == "" || strings.HasPrefix(f.MediaType, "text/"), f.MediaType == "application/graphml+xml":
		return "text/plain; charset=utf-8"
	}
	return f.MediaType
}

// heartbeat is the interval of comments on an event stream without events. Writing one detects
// a client that is gone.
const heartbeat = 15 * time.Second

// events streams the events that package report documents.
func (v *Viewer) events(w http.ResponseWriter, r *http.Request) {
	answer(w, "text/event-stream", inert, []byte("retry: 1000\n\n"))
	control := http.NewResponseController(w)
	told := ""
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	var poll <-chan time.Time
	if v.refresh != nil {
		ticker := time.NewTicker(v.every)
		defer ticker.Stop()
		poll = ticker.C
		v.refresh()
	}
	for {
		view, notice, news := v.now()
		message := "data: " + view.version + "\n\n"
		if notice.text != "" {
			message += "event: " + notice.event + "\ndata: " + strings.Join(strings.Fields(notice.text), " ") + "\n\n"
		}
		if message != told {
			told = message
		} else {
			message = ":\n\n"
		}
		control.SetWriteDeadline(time.Now().Add(heartbeat))
		if _, err := w.Write([]byte(message)); err != nil || control.Flush() != nil {
			return
		}
		select {
		case <-news:
		case <-beat.C:
		case <-poll:
			v.refresh()
		case <-r.Context().Done():
			return
		}
	}
}
