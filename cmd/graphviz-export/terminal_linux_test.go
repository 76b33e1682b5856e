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

	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/console"
	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/exit"
	"github.com/tempograph/tempograph/servicegraph/render"
)

// TestTerminalTable: on a terminal, the output is a table, and there is no summary because the
// table has totals.
func TestTerminalTable(t *testing.T) {
	term := newTerminal(t)
	if err := term.command(absolute(t, hotrod)).Run(); err != nil {
		t.Fatalf("%v\n%s", err, term.screen())
	}
	_, got, _ := cutLast(term.await("2,060 spans"), "\r\x1b[K") // a slow machine may have shown progress
	for _, want := range []string{"SRC ", "frontend → route "} {
		if !strings.Contains(got, want) {
			t.Errorf("the terminal does not show %q:\n%s", want, got)
		}
	}
	for _, unwanted := range []string{"standard output", "digraph"} {
		if strings.Contains(got, unwanted) {
			t.Errorf("the terminal shows %q:\n%q", unwanted, got)
		}
	}
}

// TestTerminalColors: failing nodes and edges are colored on a terminal, unless the user turns
// colors off.
func TestTerminalColors(t *testing.T) {
	for _, test := range []struct {
		env    string
		colors bool
	}{{"NO_COLOR=", true}, {"NO_COLOR=1", false}, {"TERM=dumb", false}} {
		term := newTerminal(t)
		cmd := term.command("--quiet", absolute(t, hotrod))
		cmd.Env = append(os.Environ(), "TERM=xterm", "NO_COLOR=", test.env)
		if err := cmd.Run(); err != nil {
			t.Fatalf("%v\n%s", err, term.screen())
		}
		if got := term.written(); strings.Contains(got, "\x1b[33m○ 19%\x1b[0m") != test.colors || strings.Contains(got, "\x1b") != test.colors {
			t.Errorf("with %s the terminal shows\n%q", test.env, got)
		}
	}
}

// TestTerminalProgress: long work shows progress, and erases the progress line at the end.
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
	term.await("reading standard input: ")
	if _, err := in.Write(data[len(data)/2:]); err != nil {
		t.Fatal(err)
	}
	in.Close()
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%v\n%s", err, term.screen())
	}
	got := term.await("→ graph.dot\n")
	_, last, _ := cutLast(got, "\r\x1b[K")
	if want := "6 services, 5 edges, 55 traces → graph.dot\n"; last != want {
		t.Errorf("the last line on the terminal is %q, want %q", last, want)
	}
	if strings.Count(got, "\n") != 1 {
		t.Errorf("progress takes more than one line: %q", got)
	}
}

// TestTerminalQuiet: progress is shown neither without a terminal nor with --quiet.
func TestTerminalQuiet(t *testing.T) {
	term := newTerminal(t)
	c := console.Console{Out: term.tty, Quiet: true}
	c.Working(func() string { t.Error("progress with --quiet"); return "" })()

	var pipe bytes.Buffer
	c = console.Console{Out: &pipe}
	c.Working(func() string { t.Error("progress in a pipe"); return "" })()
}

// TestTerminalBinary: binary formats are not written to a terminal.
func TestTerminalBinary(t *testing.T) {
	formats := []render.Format{{Name: "png", Extensions: []string{".png"}, Binary: true}}
	term := newTerminal(t)
	given := func(string) bool { return false }

	e := export{stdout: term.tty, format: "png", given: given}
	_, err := e.targets(formats)
	if exit.Status(err) != exit.Usage || !strings.Contains(err.Error(), "png cannot be shown on a terminal: write it to a file with -o FILE") {
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

// TestTerminalInterrupt: Ctrl-C ends the program within a second, whatever the program waits for,
// and leaves no file. The same is true for a signal that only the main process receives and not its
// worker. The test allows three seconds, because the machine may be busy.
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
		shows string // the text on the screen when the test interrupts
	}{
		{"a server that does not answer", []string{"--tempo", s.URL}, "reading tempo " + s.URL},
		{"a terminal without input", []string{"-"}, "reading standard input"},
		{"a pipe without a writer", []string{fifo}, "reading " + fifo},
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
				if got := cmd.ProcessState.ExitCode(); got != exit.Interrupted {
					t.Errorf("exit status %d (%v), want %d", got, err, exit.Interrupted)
				}
				term.await("graphviz-export: interrupted; nothing was written\n")
				if left, _ := os.ReadDir(cmd.Dir); len(left) > 0 {
					t.Errorf("files left: %v", left)
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

// cutLast cuts s around the last sep. Without a sep, after is all of s.
func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return "", s, false
}

// TestTerminalJSON: JSON on a terminal is valid JSON, and changes neither the writing direction nor
// the state of the terminal.
func TestTerminalJSON(t *testing.T) {
	term := newTerminal(t)
	file := filepath.Join(t.TempDir(), "hostile.json")
	span := `{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"x\u202ey\u009bz"}}]},` +
		`"scopeSpans":[{"spans":[{"traceId":"01020304050607080102030405060708","spanId":"0102030405060708","kind":2,"startTimeUnixNano":"1","endTimeUnixNano":"2"}]}]}]}`
	if err := os.WriteFile(file, []byte(span), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := term.command("-f", "json", file).Run(); err != nil {
		t.Fatalf("%v\n%s", err, term.screen())
	}
	if got := term.await(`"x\u202ey\u009bz"`); strings.ContainsAny(got, "\u202e\u009b") {
		t.Errorf("the terminal shows %q", got)
	}
}
