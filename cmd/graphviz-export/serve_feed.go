package main

import (
	"context"
	"iter"
	"slices"
	"time"

	"github.com/tempograph/tempograph/servicegraph"
)

// A feed is where the graph that is shown comes from, again and again.
type feed struct {
	source  source        // in words
	waiting string        // what the page says as long as the graph is empty
	reading string        // what it says before the first graph is there
	every   time.Duration // how long to wait before looking again

	// next returns the graph as it is now, nil if it is what it was the last time.
	next func(context.Context) (*servicegraph.Graph, error)

	// final reports whether the first graph will never come, after this error.
	final func(error) bool

	close func() // frees what is held; nil: nothing
}

// How often there is something new to look for.
const (
	everyTempo = 30 * time.Second
	everyOther = time.Second
)

// newFeed returns the feed that the command line names. What can be known to fail fails
// here.
func (s *serve) newFeed(ctx context.Context) (feed, error) {
	if s.every < 0 {
		return feed{}, usagef("--every %v: want a duration above zero", s.every)
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

// sourceFeed returns the feed of what the command reads without serving as well: files,
// or a Tempo. Each time it is a new source, so that a time range moves on, and new files
// in a directory are found.
func (s *serve) sourceFeed() (feed, error) {
	for _, flag := range otlpAddresses {
		if s.given(flag) {
			return feed{}, usagef("--%s says where spans are sent to: it needs --otlp", flag)
		}
	}
	if len(s.files) > 1 && slices.Contains(s.files, "-") {
		return feed{}, usagef("- can be read once, and files again and again: give one or the other")
	}
	src, err := s.source()
	if err != nil {
		return feed{}, err
	}
	if err := src.close(); err != nil {
		return feed{}, err
	}
	f := feed{source: src, waiting: src.nothing, reading: "reading " + src.name, every: everyTempo}
	f.final = func(err error) bool { return statusOf(err) == statusUsage }
	if src.state != "" { // files
		f.every = everyOther
		f.final = func(error) bool { return true }
	}
	seen := ""
	f.next = func(ctx context.Context) (*servicegraph.Graph, error) {
		src, err := s.source()
		if err != nil || src.state != "" && src.state == seen {
			return nil, err
		}
		defer src.close()
		g, err := s.read(ctx, src, func(spans iter.Seq2[servicegraph.Span, error]) (*servicegraph.Graph, error) {
			return servicegraph.Build(spans, s.shape.config())
		})
		if err != nil {
			return nil, err
		}
		seen = src.state
		if limit := src.limit; limit > 0 && g.Report().Traces >= uint64(limit) {
			s.stderr.warnf("%s", limitReached(limit))
		}
		return g, nil
	}
	return f, nil
}
