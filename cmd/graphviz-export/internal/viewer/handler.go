package viewer

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/tempograph/tempograph/servicegraph/render"
)

// Handler returns what a server serves. Besides localhost and IP addresses it answers to
// the given names of hosts, and to no other: a page of another site can have its name
// resolve to this machine, and would be of the same origin then.
//
// A request for events ends with its context. A server that is to shut down should end
// those contexts, as with [http.Server.BaseContext].
func (v *Viewer) Handler(hosts ...string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		view, _, _ := v.now()
		answer(w, htmlType, page, view.page)
	})
	mux.HandleFunc("GET /fragment", func(w http.ResponseWriter, r *http.Request) {
		view, _, _ := v.now()
		answer(w, "application/json", inert, view.fragment)
	})
	mux.HandleFunc("GET /events", v.events)
	mux.HandleFunc("GET /{file}", v.file)
	return guard(hosts, mux)
}

// Policies. A page brings its own, which can have no word about frames; pictures have
// style sheets.
const (
	page  = "frame-ancestors 'none'"
	inert = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
)

const htmlType = "text/html; charset=utf-8"

// guard refuses requests under a name that nobody has given to this machine.
func guard(hosts []string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		if !isOurs(r.Host, hosts) {
			http.Error(w, fmt.Sprintf("this is not the host %q: ask for localhost or an IP address", r.Host), http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func isOurs(hostport string, hosts []string) bool {
	host := hostport
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		host = h
	}
	host = strings.ToLower(strings.Trim(host, "[]"))
	return host == "localhost" || net.ParseIP(host) != nil ||
		slices.ContainsFunc(hosts, func(name string) bool { return strings.EqualFold(name, host) })
}

// answer writes a document that is another one the next time.
func answer(w http.ResponseWriter, contentType, policy string, doc []byte) {
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Content-Security-Policy", policy)
	h.Set("Cache-Control", "no-store")
	w.Write(doc)
}

// file answers with the graph in the format that the name of the file has.
func (v *Viewer) file(w http.ResponseWriter, r *http.Request) {
	file := r.PathValue("file")
	name, ok := strings.CutPrefix(file, "graph.")
	if !ok {
		http.NotFound(w, r)
		return
	}
	view, _, _ := v.now()
	format, err := render.ByFileName(view.Formats, file)
	if err != nil {
		format, err = render.ByName(view.Formats, name)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusNotFound)
		return
	}
	v.rendering.Lock()
	defer v.rendering.Unlock()
	if r.Context().Err() != nil {
		return // they have waited for long enough
	}
	var doc bytes.Buffer
	if err := format.Renderer.Render(&doc, view.Graph); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	policy := inert
	if contentType(format) == htmlType {
		policy = page
	}
	answer(w, contentType(format), policy, doc.Bytes())
}

// contentType returns what a browser is told that a format is. Text it shows, where for
// what is said more precisely it would offer a download.
func contentType(f render.Format) string {
	switch f.Name {
	case "svg":
		return "image/svg+xml"
	case "png":
		return "image/png"
	case "pdf":
		return "application/pdf"
	case "html":
		return htmlType
	case "json", "grafana":
		return "application/json"
	}
	if f.Binary {
		return "application/octet-stream"
	}
	return "text/plain; charset=utf-8"
}

// heartbeat is how often something is written to a browser that hears of nothing else: so
// that one which is gone is found out.
const heartbeat = 15 * time.Second

// events tells a browser when there is news, as package report says.
func (v *Viewer) events(w http.ResponseWriter, r *http.Request) {
	answer(w, "text/event-stream", inert, []byte("retry: 1000\n\n"))
	control := http.NewResponseController(w)
	told := ""
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
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
		case <-r.Context().Done():
			return
		}
	}
}
