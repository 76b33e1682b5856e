package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/entryreach"
	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/exit"
	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/livegraph"
	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/source"
	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/timerange"
	"github.com/tempograph/tempograph/servicegraph"
)

// A feed returns the current graph each time it is asked.
type feed struct {
	source  *source.Source // for its names
	waiting string         // the notice shown while the graph is empty
	reading string         // the notice shown before the first graph
	every   time.Duration  // how long to wait between two graphs

	// next returns the current graph, or nil if the graph has not changed, and the counts from its
	// traces.
	next func(context.Context) (*servicegraph.Graph, entryreach.Held, error)

	// final reports whether an error for the first graph is permanent.
	final func(error) bool

	windows   []string           // the time ranges that the viewer offers; empty: none
	window    func() string      // the current time range; nil: no time ranges
	setWindow func(string) error // selects another time range
	clear     func()             // forgets all spans; nil: not supported

	close func() // releases resources; nil: nothing to release
}

// The default times between two graphs of serve.
const (
	everyTempo = 30 * time.Second
	everyOther = time.Second
)

// newFeed returns the feed that the command line names. It reports all mistakes that it can
// find without reading.
func (s *serve) newFeed(ctx context.Context) (feed, error) {
	if s.every < 0 || s.every == 0 && s.given("every") {
		return feed{}, exit.Usagef("--every %v: want a duration above zero", s.every)
	}
	var f feed
	var err error
	if s.otlp.on {
		f, err = s.otlpFeed(ctx)
	} else {
		f, err = s.sourceFeed()
	}
	if s.every > 0 {
		f.every = s.every
	}
	return f, err
}

// sourceFeed returns a feed of files or of Tempo, the sources that graphviz-export also reads
// without serve. It makes a new source for each graph, so that the time range stays relative
// to now and new files in a directory are found.
func (s *serve) sourceFeed() (feed, error) {
	for _, flag := range otlpAddresses {
		if s.given(flag) {
			return feed{}, exit.Usagef("--%s sets an address of the OTLP receiver: it needs --otlp", flag)
		}
	}
	if len(s.files) > 1 && slices.Contains(s.files, "-") {
		return feed{}, exit.Usagef("- can be read only once, and files are read repeatedly: use only one of them")
	}
	src, err := s.source()
	if err != nil {
		return feed{}, err
	}
	if err := src.Close(); err != nil {
		return feed{}, err
	}
	if s.given("window") {
		return feed{}, exit.Usagef("--window limits what --otlp shows; for Tempo, use --since")
	}
	f := feed{source: &src, waiting: src.Empty().Error(), reading: "reading " + src.Name, every: everyTempo}
	f.final = func(err error) bool { return exit.Status(err) == exit.Usage }
	if src.State != "" { // files
		f.every = everyOther
		f.final = func(error) bool { return true }
	}
	if src.State == "" && !s.given("from") && !s.given("to") {
		since := cmp.Or(s.tempo.time.Since, "1h")
		if _, err := timerange.ParseDuration(since); err == nil {
			f.windows = livegraph.Offered(livegraph.TempoWindows, since)
			f.window = func() string { return cmp.Or(s.tempo.time.Since, "1h") }
			f.setWindow = func(w string) error {
				if !slices.Contains(f.windows, w) {
					return fmt.Errorf("%q is not one of the time ranges of this report", w)
				}
				s.tempo.time.Since = w
				return nil
			}
		}
	}
	seen := ""
	f.next = func(ctx context.Context) (*servicegraph.Graph, entryreach.Held, error) {
		src, err := s.source()
		if err != nil || src.State != "" && src.State == seen {
			return nil, entryreach.Held{}, err
		}
		*f.source = src
		defer src.Close()
		defer func() { s.builder = nil }() // its spans are not needed until the next graph
		g, err := s.read(ctx, src, nil)
		if err != nil {
			return nil, entryreach.Held{}, err
		}
		for _, note := range src.WithNotes(nil) {
			s.stderr.Infof("%s", note)
		}
		seen = src.State
		s.warnLimit(src, g)
		return g, entryreach.Held{Reach: s.reach(src, g, nil), All: true}, nil
	}
	return f, nil
}
