package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tempograph/tempograph/servicegraph/render"
)

// On a terminal the graph is a table, which has the totals already.
func TestTerminalTable(t *testing.T) {
	term := newTerminal(t)
	if err := term.command(absolute(t, hotrod)).Run(); err != nil {
		t.Fatalf("%v\n%s", err, term.screen())
	}
	_, got, _ := cutLast(term.await("2,060 spans"), eraseLine) // of progress, on a slow machine
	for _, want := range []string{"SRC ", "frontend → route "} {
		if !strings.Contains(got, want) {
			t.Errorf("the terminal does not show %q:\n%s", want, got)
		}
	}
	for _, unwanted := range []string{"standard output", "digraph", "\x1b"} {
		if strings.Contains(got, unwanted) {
			t.Errorf("the terminal shows %q:\n%q", unwanted, got)
		}
	}
}

// Long work shows that it is alive, and leaves no trace of that.
func TestTerminalProgress(t *testing.T) {
	data, err := os.ReadFile(hotrod)
	if err != nil {
		t.Fatal(err)
	}
	term := newTerminal(t)
	cmd := term.command("-o", "graph.dot", "-")
	cmd.Stdin = nil
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := in.Write(data[:len(data)/2]); err != nil {
		t.Fatal(err)
	}
	term.await("reading: ")
	if _, err := in.Write(data[len(data)/2:]); err != nil {
		t.Fatal(err)
	}
	in.Close()
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%v\n%s", err, term.screen())
	}
	got := term.await("→ graph.dot\n")
	_, last, _ := cutLast(got, eraseLine)
	if want := "6 services, 5 edges, 55 traces → graph.dot\n"; last != want {
		t.Errorf("the last line on the terminal is %q, want %q", last, want)
	}
	if strings.Count(got, "\n") != 1 {
		t.Errorf("progress takes more than one line: %q", got)
	}
}

// There is no progress without a terminal, nor with --quiet.
func TestTerminalQuiet(t *testing.T) {
	term := newTerminal(t)
	c := console{out: term.tty, quiet: true}
	c.working(func() string { t.Error("progress with --quiet"); return "" })()

	var pipe bytes.Buffer
	c = console{out: &pipe}
	c.working(func() string { t.Error("progress in a pipe"); return "" })()
}

// A terminal would beep and garble.
func TestTerminalBinary(t *testing.T) {
	formats := []render.Format{{Name: "png", Extensions: []string{".png"}, Binary: true}}
	term := newTerminal(t)
	given := func(string) bool { return false }

	e := export{stdout: term.tty, format: "png", given: given}
	_, err := e.targets(formats)
	if statusOf(err) != statusUsage || !strings.Contains(err.Error(), "png is not for a terminal: write it to a file with -o FILE") {
		t.Errorf("png to a terminal: %v", err)
	}
	e = export{stdout: new(bytes.Buffer), format: "png", given: given}
	if _, err := e.targets(formats); err != nil {
		t.Errorf("png to a pipe: %v", err)
	}
	e = export{stdout: term.tty, outputs: []string{filepath.Join(t.TempDir(), "x.png")}, given: given}
	if _, err := e.targets(formats); err != nil {
		t.Errorf("png to a file: %v", err)
	}
}

// Ctrl-C ends the program within a second, whatever it waits for, and leaves no
// file behind. So does a signal to this process alone, which its worker does not
// get. The machine of a test may have other things to do as well, so it gets three
// seconds.
func TestTerminalInterrupt(t *testing.T) {
	silent := make(chan struct{}) // closed when the test is over
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-r.Context().Done():
		case <-silent:
		}
	}))
	t.Cleanup(s.Close)
	t.Cleanup(func() { close(silent) })

	fifo := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(fifo, 0o666); err != nil {
		t.Fatal(err)
	}
	tangle := filepath.Join(t.TempDir(), "tangle.json")
	writeTangle(t, tangle, 150, 380)

	interrupts := map[string]func(*terminal, *exec.Cmd) error{
		"Ctrl-C": func(term *terminal, cmd *exec.Cmd) error {
			_, err := term.user.WriteString("\x03")
			return err
		},
		"SIGTERM": func(term *terminal, cmd *exec.Cmd) error { return cmd.Process.Signal(syscall.SIGTERM) },
	}
	for _, c := range []struct {
		name  string
		args  []string
		shows string // when it is time to interrupt
	}{
		{"a Tempo that does not answer", []string{"--tempo", s.URL}, ", from tempo " + s.URL},
		{"a terminal that nobody types at", []string{"-"}, ", from standard input"},
		{"a pipe that nobody writes to", []string{fifo}, ", from " + fifo},
		{"a layout that takes long", []string{tangle}, "drawing 150 services"},
	} {
		for how, interrupt := range interrupts {
			t.Run(c.name+"/"+how, func(t *testing.T) {
				term := newTerminal(t)
				cmd := term.command(append(c.args, "-o", "graph.svg")...)
				if err := cmd.Start(); err != nil {
					t.Fatal(err)
				}
				term.await(c.shows)
				began := time.Now()
				if err := interrupt(term, cmd); err != nil {
					t.Fatal(err)
				}
				err := cmd.Wait()
				if took := time.Since(began); took > 3*time.Second {
					t.Errorf("it took %v to end", took)
				}
				if got := cmd.ProcessState.ExitCode(); got != statusInterrupted {
					t.Errorf("exit status %d (%v), want %d", got, err, statusInterrupted)
				}
				term.await("graphviz-export: interrupted, nothing written\n")
				if left, _ := os.ReadDir(cmd.Dir); len(left) > 0 {
					t.Errorf("left behind: %v", left)
				}
			})
		}
	}
}

func absolute(t *testing.T, path string) string {
	abs, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return abs
}

// cutLast cuts s around the last sep. Without one, all of it is after.
func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return "", s, false
}
