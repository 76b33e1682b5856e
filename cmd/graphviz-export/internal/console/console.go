// Package console writes messages and progress of graphviz-export to standard error, and makes text
// from files and servers safe for a terminal.
package console

import (
	"fmt"
	"io"
	"sync"
	"time"

	"golang.org/x/term"
)

// A Console writes lines to standard error. On a terminal, it shows the progress of the work in a
// line below them. Its methods are safe for concurrent use.
type Console struct {
	Out     io.Writer
	Quiet   bool          // neither summary nor progress
	Verbose bool          // also details for diagnosis
	Delay   time.Duration // the time after which progress is shown

	mu    sync.Mutex
	shown bool // the progress line is on the screen

	written, writtenBefore map[string]bool // lines of this round and of the previous round; nil: not in a round
}

// ProgressDelay is how long the program may work before it shows progress.
const ProgressDelay = 500 * time.Millisecond

// Control sequences that all terminals understand: return to the first column, and erase
// the rest of the line.
const (
	carriageReturn = "\r"
	eraseLine      = "\r\x1b[K"
)

// Warnf writes a line even with --quiet.
func (c *Console) Warnf(format string, args ...any) {
	c.line("graphviz-export: " + OneLine(fmt.Sprintf(format, args...)))
}

// Infof writes a line unless --quiet is set.
func (c *Console) Infof(format string, args ...any) {
	if !c.Quiet {
		c.line(OneLine(fmt.Sprintf(format, args...)))
	}
}

// Detailf writes a line if --verbose is set.
func (c *Console) Detailf(format string, args ...any) {
	if c.Verbose {
		c.line(OneLine(fmt.Sprintf(format, args...)))
	}
}

func (c *Console) line(text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.written != nil {
		repeated := c.written[text] || c.writtenBefore[text]
		c.written[text] = true
		if repeated {
			return
		}
	}
	c.erase()
	fmt.Fprintln(c.Out, text)
}

// Round begins one round of work that repeats; the returned function ends it. A line that was
// written in this round or in the previous round is not written again.
func (c *Console) Round() (end func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.written = make(map[string]bool)
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.written, c.writtenBefore = nil, c.written
	}
}

// erase removes the progress line from the screen. The caller holds c.mu.
func (c *Console) erase() {
	if c.shown {
		io.WriteString(c.Out, eraseLine)
		c.shown = false
	}
}

// Working shows the result of status as the progress line, ten times a second, until stop
// is called. It does so only on a terminal, and only after the delay. It calls status from
// another goroutine.
func (c *Console) Working(status func() string) (stop func()) {
	if c.Quiet || !IsTerminal(c.Out) {
		return func() {}
	}
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		next := time.NewTimer(c.Delay)
		defer next.Stop()
		for {
			select {
			case <-quit:
				return
			case <-next.C:
			}
			next.Reset(100 * time.Millisecond)
			c.mu.Lock()
			fmt.Fprint(c.Out, eraseLine, c.fit(OneLine(status())), carriageReturn)
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

// fit cuts a text to the width of the terminal, because a wrapped line could not be erased.
// It counts each letter as one column.
func (c *Console) fit(text string) string {
	columns, _, err := term.GetSize(int(c.Out.(interface{ Fd() uintptr }).Fd()))
	if r := []rune(text); err == nil && columns > 0 && len(r) >= columns {
		return string(r[:columns-1])
	}
	return text
}

// IsTerminal reports whether a stream of the program is a terminal.
func IsTerminal(stream any) bool {
	if safe, ok := stream.(*safeTerminal); ok {
		stream = safe.to
	}
	f, ok := stream.(interface{ Fd() uintptr })
	return ok && term.IsTerminal(int(f.Fd()))
}
