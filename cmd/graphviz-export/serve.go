package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"syscall"
	"time"

	"github.com/cli/browser"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/viewer"
	"github.com/tempograph/tempograph/servicegraph"
)

// A serve is one run of graphviz-export serve: it shows the graph to browsers until it is
// interrupted, and reads it again and again.
type serve struct {
	*export
	listen string
	every  time.Duration
	open   bool
	otlp   otlpFlags
}

// defaultListen is where the page is, unless told otherwise: beside the ports of OTLP,
// which people know who read this.
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
		f.StringVar(&s.listen, "listen", defaultListen, "serve the page at `HOST:PORT`; with port 0, at any that is free")
		f.DurationVar(&s.every, "every", 0, "look for something new after `DURATION` (default 30s of a Tempo, 1s otherwise)")
		f.BoolVar(&s.open, "open", false, "open the page in the browser")
	})
	s.otlp.addTo(cmd)
	s.tempo.addTo(cmd)
	s.shape.addTo(cmd)
	s.look.addTo(cmd)
	group(cmd, "Output", func(f *pflag.FlagSet) {
		f.BoolVarP(&s.stderr.verbose, "verbose", "v", false, "say more on standard error")
	})
	s.completeNodes(cmd)
	return cmd
}

// run serves until ctx is done, which is how a viewer ends well.
func (s *serve) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	steps, err := s.shape.steps()
	if err != nil {
		return err
	}
	if err := s.look.check(); err != nil {
		return err
	}
	f, err := s.newFeed(ctx)
	if err != nil {
		return err
	}
	if f.close != nil {
		defer f.close()
	}
	listener, err := listen("listen", s.listen)
	if err != nil {
		return err
	}
	w := &watch{serve: s, feed: f, steps: steps, viewer: viewer.New(), empty: true}
	w.say(w.show(ctx, servicegraph.Merge(), nil))
	w.viewer.Wait(f.reading)
	served := make(chan error, 1)
	go func() {
		err := serveHTTP(ctx, listener, w.viewer.Handler(hostsOf(s.listen)...))
		cancel()
		served <- err
	}()
	url := "http://" + dialable(listener.Addr())
	s.stderr.infof("the graph is at %s until Ctrl-C", url)
	if s.open {
		go s.openPage(url)
	}
	err = w.run(ctx)
	cancel()
	if broken := <-served; broken != nil {
		return fmt.Errorf("--listen %s: %w", s.listen, broken)
	}
	return err
}

// openPage opens a page in the user's browser.
func (s *serve) openPage(url string) {
	browser.Stdout = io.Discard // what the command writes is data
	if err := browser.OpenURL(url); err != nil {
		s.stderr.warnf("--open: %v: open %s yourself", err, url)
	}
}

// listen listens at an address that a flag names.
func listen(flag, addr string) (net.Listener, error) {
	l, err := net.Listen("tcp", addr)
	if err == nil {
		return l, nil
	}
	if e, ok := errors.AsType[*net.OpError](err); ok {
		err = e.Err
	}
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("--%s %s: the port is in use: end what listens there, or choose another with --%s", flag, addr, flag)
	}
	return nil, usagef("--%s %s: %w", flag, addr, err)
}

// dialable returns where to reach what listens at an address: one that stands for all of
// this machine's is none to go to.
func dialable(addr net.Addr) string {
	if a, ok := addr.(*net.TCPAddr); ok && a.IP.IsUnspecified() {
		return fmt.Sprintf("localhost:%d", a.Port)
	}
	return addr.String()
}

// hostsOf returns the names of this machine that a browser may ask for, if the page is at
// an address: the one in it; and where it is open to others, the one that they know.
func hostsOf(addr string) []string {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil
	}
	hosts := []string{host}
	if ip := net.ParseIP(host); host == "" || ip != nil && !ip.IsLoopback() {
		if name, err := os.Hostname(); err == nil {
			hosts = append(hosts, name)
		}
	}
	return hosts
}

// grace is how long requests may take that are under way when the server ends.
const grace = 300 * time.Millisecond

// serveHTTP serves until ctx is done.
func serveHTTP(ctx context.Context, l net.Listener, h http.Handler) error {
	server := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 10 * time.Second,
		BaseContext:       func(net.Listener) context.Context { return ctx }, // ends the streams of events
	}
	context.AfterFunc(ctx, func() {
		// Not of ctx, which is done.
		short, cancel := context.WithTimeout(context.Background(), grace)
		defer cancel()
		if server.Shutdown(short) != nil {
			server.Close()
		}
	})
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// A watch keeps a viewer up to date.
type watch struct {
	*serve
	feed   feed
	steps  []viewStep
	viewer *viewer.Viewer

	outcome error  // of showing the last graph that there was
	empty   bool   // it has no nodes
	trouble string // what was said last
}

// run reads and shows until ctx is done. The error is of the first reading, if waiting
// makes it no better. Between two rounds it rests for as long as a round took, at least:
// a graph that takes seconds to draw does not take all of a processor.
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
		w.say(err)
		select {
		case <-time.After(max(w.feed.every, time.Since(began))):
		case <-ctx.Done():
			return nil
		}
	}
}

// round shows the graph if there is a new one.
func (w *watch) round(ctx context.Context) error {
	defer w.stderr.round()()
	g, err := w.feed.next(ctx)
	if err != nil {
		return err
	}
	if g != nil {
		w.empty = g.NumNodes() == 0
		part, notes, err := shaped(g, w.steps, false, w.stderr.warnf)
		if err == nil {
			err = w.show(ctx, part, notes)
		}
		w.outcome = err
	}
	return w.outcome
}

// say tells those who look, and those who read standard error, what went wrong, or that
// nothing does any more.
func (w *watch) say(err error) {
	trouble := ""
	switch {
	case err != nil && w.empty && statusOf(err) == statusNothing: // --focus matches none of 0 nodes
	case err != nil:
		trouble = oneLine(err.Error())
	}
	if trouble != w.trouble {
		if trouble != "" {
			w.stderr.warnf("%s", trouble)
		} else {
			w.stderr.infof("all is well again; it was: %s", w.trouble)
		}
		w.trouble = trouble
	}
	if trouble == "" && w.empty {
		w.viewer.Wait(w.feed.waiting)
		return
	}
	w.viewer.Notice(trouble)
}

// show gives a graph to the viewer. The notes say what it leaves out.
func (w *watch) show(ctx context.Context, g *servicegraph.Graph, notes []string) error {
	began := time.Now()
	drawing := w.drawing(ctx, w.feed.source, notes)
	err := w.viewer.Show(viewer.View{Graph: g, Page: w.look.page(drawing), Formats: w.look.formats(drawing)})
	w.stderr.detailf("showed %s in %v", summary(g), time.Since(began).Round(time.Millisecond))
	return err
}
