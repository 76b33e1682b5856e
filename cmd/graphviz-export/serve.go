package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"time"

	"github.com/cli/browser"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/console"
	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/entryreach"
	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/exit"
	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/graphtext"
	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/livegraph"
	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/views"
	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/webserver"
	"github.com/tempograph/tempograph/servicegraph"
	viewer "github.com/tempograph/tempograph/servicegraph/live"
	"github.com/tempograph/tempograph/servicegraph/topology"
)

// A serve is one run of graphviz-export serve: it shows the graph in browsers and keeps it up
// to date until it is interrupted.
type serve struct {
	*export
	listen string
	every  time.Duration
	open   bool
	window string
	otlp   otlpFlags
}

// defaultListen is the default address of the viewer. The port is next to the standard ports of
// OTLP, 4317 and 4318.
const defaultListen = "127.0.0.1:4316"

func newServeCommand(stdin io.Reader, stdout, stderr io.Writer) *cobra.Command {
	s := &serve{export: newExport(stdin, stdout, stderr)}
	cmd := &cobra.Command{
		Use:               "serve [flags] [FILE|-]...",
		Short:             "Show the graph in a browser, and keep it up to date",
		Long:              section("Viewer"),
		Args:              cobra.ArbitraryArgs,
		ValidArgsFunction: completeFiles,
		RunE: func(cmd *cobra.Command, args []string) error {
			s.begin(cmd, args)
			return s.run(cmd.Context())
		},
	}
	group(cmd, "Viewer", func(f *pflag.FlagSet) {
		f.StringVar(&s.listen, "listen", defaultListen, "serve the graph at `HOST:PORT`; port 0 means any free port")
		f.DurationVar(&s.every, "every", 0, "update the graph every `DURATION` (default: 30s for Tempo, 1s otherwise)")
		f.BoolVar(&s.open, "open", false, "open the graph in the browser")
		f.StringVar(&s.window, "window", livegraph.AllTime, "with --otlp, show the traces of the last `DURATION`, or all; readers can change this in the report")
	})
	s.otlp.addTo(cmd)
	s.addInputTo(cmd)
	group(cmd, "Output", func(f *pflag.FlagSet) {
		f.BoolVarP(&s.stderr.Verbose, "verbose", "v", false, "verbose output")
	})
	return cmd
}

// run serves until ctx is done. The end of ctx is not an error.
func (s *serve) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	steps, err := s.steps()
	if err != nil {
		return err
	}
	if err := s.style.check(); err != nil {
		return err
	}
	f, err := s.newFeed(ctx)
	if err != nil {
		return err
	}
	if f.close != nil {
		defer f.close()
	}
	listener, err := webserver.Listen("listen", s.listen)
	if err != nil {
		return err
	}
	w := &watch{serve: s, feed: f, steps: steps, viewer: viewer.New(), empty: true, commands: make(chan request)}
	w.viewer.Control = w.control
	w.report(w.show(ctx, servicegraph.Merge(), nil))
	w.viewer.Wait(f.reading)
	s.warnIfOpen("listen", listener, "see the graph")
	served := make(chan error, 1)
	go func() {
		err := webserver.Serve(ctx, listener, webserver.New(w.viewer.Handler(webserver.HostsOf(s.listen)...)))
		cancel()
		served <- err
	}()
	url := "http://" + webserver.Dialable(listener.Addr())
	s.stderr.Infof("serving the graph at %s; stop with Ctrl-C", url)
	if s.open {
		go s.openBrowser(url)
	}
	err = w.run(ctx)
	cancel()
	if broken := <-served; broken != nil {
		return fmt.Errorf("--listen %s: %w", s.listen, broken)
	}
	return err
}

// openBrowser opens a URL in the user's browser.
func (s *serve) openBrowser(url string) {
	browser.Stdout = io.Discard // standard output is for data
	if err := browser.OpenURL(url); err != nil {
		s.stderr.Warnf("--open: %v: open %s in a browser", err, url)
	}
}

// warnIfOpen warns if other machines can reach a listener.
func (s *serve) warnIfOpen(flag string, l net.Listener, allows string) {
	if a, ok := l.Addr().(*net.TCPAddr); ok && !a.IP.IsLoopback() {
		s.stderr.Warnf("--%s %s: everybody who can reach this port of this machine can %s, without a password", flag, l.Addr(), allows)
	}
}

// A watch keeps a viewer up to date.
type watch struct {
	*serve
	feed   feed
	steps  []views.Step
	viewer *viewer.Viewer

	outcome error  // the result of showing the last graph
	empty   bool   // the last graph has no nodes
	problem string // the last problem reported; empty: none
	read    bool   // a graph was read

	commands chan request // commands of the report's user
}

// A request is a command from the report in a browser. The result is nil, or an error if the
// command is unknown or invalid.
type request struct {
	viewer.Command
	result chan error
}

// control passes a command to the loop that reads, and waits for the result.
func (w *watch) control(ctx context.Context, c viewer.Command) error {
	r := request{c, make(chan error, 1)}
	select {
	case w.commands <- r:
		return <-r.result
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// execute executes a command.
func (w *watch) execute(c viewer.Command) error {
	if c.Clear {
		if w.feed.clear == nil {
			return errors.New("this graph cannot be cleared: the next update reads the same input again")
		}
		w.feed.clear()
	}
	if c.Window != "" {
		if w.feed.setWindow == nil {
			return errors.New("this graph has no time range to choose")
		}
		return w.feed.setWindow(c.Window)
	}
	return nil
}

// run reads and shows the graph until ctx is done. It returns an error only if the first reading
// fails with a permanent error. The pause between two rounds is at least as long as the last round
// took, so that a graph which is slow to draw does not occupy a whole processor.
func (w *watch) run(ctx context.Context) error {
	for first := true; ; first = false {
		began := time.Now()
		err := w.round(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if first && err != nil && w.feed.final(err) {
			return err
		}
		w.report(err)
		select {
		case <-time.After(max(w.feed.every, time.Since(began))):
		case r := <-w.commands:
			r.result <- w.execute(r.Command)
		case <-ctx.Done():
			return nil
		}
	}
}

// round reads the graph and shows it if it is new.
func (w *watch) round(ctx context.Context) error {
	defer w.stderr.Round()()
	g, held, err := w.feed.next(ctx)
	if err != nil {
		return err
	}
	if g != nil {
		w.read = true
		w.empty = g.NumNodes() == 0
		part, notes, err := views.Apply(g, w.steps, false, w.stderr.Warnf)
		if err == nil {
			if changesNodes(w.steps) {
				held = entryreach.Held{}
			}
			w.style.reach, w.style.edgeReach = topology.Describe(part, held.Reach, held.All)
			err = w.show(ctx, part, notes)
		}
		w.outcome = err
	}
	return w.outcome
}

// report shows a problem in the viewer and on standard error. A nil error means that the last
// problem is solved.
func (w *watch) report(err error) {
	problem := ""
	switch {
	case err != nil && w.empty && exit.Status(err) == exit.Nothing: // in an empty graph, --focus cannot match a node
	case err != nil:
		problem = console.OneLine(err.Error())
	}
	if problem != w.problem {
		if problem != "" {
			w.stderr.Warnf("%s", problem)
		} else {
			w.stderr.Infof("solved: %s", w.problem)
		}
		w.problem = problem
	}
	switch {
	case problem == "" && w.empty:
		w.viewer.Wait(w.feed.waiting)
		return
	case problem != "" && !w.read:
		w.viewer.Wait(fmt.Sprintf("waiting for %s, trying again every %v: %s", w.feed.source.Name, w.feed.every, problem))
		return
	}
	w.viewer.Notice(problem)
}

// show passes a graph to the viewer. The notes say what filters left out.
func (w *watch) show(ctx context.Context, g *servicegraph.Graph, notes []string) error {
	began := time.Now()
	if w.feed.clear != nil && w.feed.window() != livegraph.AllTime {
		notes = append(slices.Clone(notes), "traces that were complete in the last "+w.feed.window())
	}
	options := w.options(ctx, *w.feed.source, g, notes)
	page := w.style.html(options)
	if w.feed.window != nil {
		page.Windows, page.Window, page.CanClear = w.feed.windows, w.feed.window(), w.feed.clear != nil
	}
	err := w.viewer.Show(viewer.View{Graph: g, Page: page, Formats: w.style.formats(options)})
	w.stderr.Detailf("showed %s in %v", graphtext.Summary(g), time.Since(began).Round(time.Millisecond))
	return err
}
