package main

import (
	"fmt"
	"io"
	"sync"
	"time"

	"golang.org/x/term"
)

// A console is standard error as the user sees it: lines, and on a terminal one
// more below them that shows how far the work has come. Its methods may be called
// from several goroutines.
type console struct {
	out     io.Writer
	quiet   bool          // no summary, no progress
	verbose bool          // also what helps to find out why
	delay   time.Duration // after which work is worth a line of progress

	mu    sync.Mutex
	shown bool // the line of progress is on the screen

	said, saidBefore map[string]bool // lines of this round and the one before; nil: not in a round
}

// progressDelay is how long work may take without a sign of life.
const progressDelay = 500 * time.Millisecond

// Control sequences that every terminal knows: to the first column, and erase
// what is right of the cursor.
const (
	carriageReturn = "\r"
	eraseLine      = "\r\x1b[K"
)

// warnf writes a line that the user should see even with --quiet.
func (c *console) warnf(format string, args ...any) {
	c.line("graphviz-export: " + oneLine(fmt.Sprintf(format, args...)))
}

// infof writes a line unless --quiet was given.
func (c *console) infof(format string, args ...any) {
	if !c.quiet {
		c.line(oneLine(fmt.Sprintf(format, args...)))
	}
}

// detailf writes a line if --verbose was given.
func (c *console) detailf(format string, args ...any) {
	if c.verbose {
		c.line(oneLine(fmt.Sprintf(format, args...)))
	}
}

func (c *console) line(text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.said != nil {
		again := c.said[text] || c.saidBefore[text]
		c.said[text] = true
		if again {
			return
		}
	}
	c.erase()
	fmt.Fprintln(c.out, text)
}

// round begins a round of work that is done again and again, until end is called. Lines
// that were written in it, or in the round before, are not written again.
func (c *console) round() (end func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.said = make(map[string]bool)
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.said, c.saidBefore = nil, c.said
	}
}

// erase takes the line of progress off the screen. The caller holds c.mu.
func (c *console) erase() {
	if c.shown {
		io.WriteString(c.out, eraseLine)
		c.shown = false
	}
}

// working shows what status returns, several times a second, until stop is
// called: on a terminal, and once the work has taken longer than the delay. It
// calls status from another goroutine.
func (c *console) working(status func() string) (stop func()) {
	if c.quiet || !isTerminal(c.out) {
		return func() {}
	}
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		next := time.NewTimer(c.delay)
		defer next.Stop()
		for {
			select {
			case <-quit:
				return
			case <-next.C:
			}
			next.Reset(100 * time.Millisecond)
			c.mu.Lock()
			fmt.Fprint(c.out, eraseLine, c.fit(oneLine(status())), carriageReturn)
			c.shown = true
			c.mu.Unlock()
		}
	}()
	return func() {
		close(quit)
		<-done
		c.mu.Lock()
		defer c.mu.Unlock()
		c.erase()
	}
}

// fit cuts a text to the width of the terminal: a line that wraps could not be
// erased. The columns are those of letters that take one.
func (c *console) fit(text string) string {
	columns, _, err := term.GetSize(int(c.out.(interface{ Fd() uintptr }).Fd()))
	if r := []rune(text); err == nil && columns > 0 && len(r) >= columns {
		return string(r[:columns-1])
	}
	return text
}

// isTerminal reports whether a stream of the program is a terminal.
func isTerminal(stream any) bool {
	f, ok := stream.(interface{ Fd() uintptr })
	return ok && term.IsTerminal(int(f.Fd()))
}
