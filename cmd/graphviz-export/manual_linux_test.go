package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestManual runs every command in the manual and compares its output with the output in the
// manual, if there is any. Standard output is a terminal, except inside a pipeline.
func TestManual(t *testing.T) {
	dir := t.TempDir()
	if err := os.Symlink(absolute(t, "../../examples"), filepath.Join(dir, "examples")); err != nil {
		t.Fatal(err)
	}
	commands := commandsOf(manual)
	if len(commands) < 3 {
		t.Errorf("found %d commands in the manual, want 3 or more", len(commands))
	}
	for _, c := range commands {
		t.Run(c.line, func(t *testing.T) {
			line := c.line
			if strings.Contains(line, "http://localhost:3200") {
				line = strings.ReplaceAll(line, "http://localhost:3200", tempoWith(t, recent(t)).URL)
			}
			term := newTerminal(t)
			var stderr bytes.Buffer // not the terminal, so that there is no progress
			cmd := exec.Command("sh", "-c", line)
			cmd.Env = append(os.Environ(), "NO_COLOR=1") // the manual shows no colors
			cmd.Dir, cmd.Stdout, cmd.Stderr = dir, term.tty, &stderr
			if err := cmd.Run(); err != nil {
				t.Fatalf("%v\n%s", err, &stderr)
			}
			got := term.written() + stderr.String()
			if c.prints != "" && got != c.prints {
				t.Errorf("it prints\n%s\nand the manual says\n%s", got, c.prints)
			}
		})
	}
}

// A manualCommand is a command in the manual and its output.
type manualCommand struct{ line, prints string }

// commandsOf returns the commands in a doc comment with their output. A command is an indented line
// that begins with $; its output is the indented lines after it.
func commandsOf(doc string) []manualCommand {
	var list []manualCommand
	printing := false
	for line := range strings.Lines(doc) {
		code, indented := strings.CutPrefix(line, "\t")
		command, isCommand := strings.CutPrefix(code, "$ ")
		switch {
		case indented && isCommand:
			list = append(list, manualCommand{line: strings.TrimSpace(command)})
			printing = true
		case printing && (indented || line == "\n"):
			list[len(list)-1].prints += code
		default:
			printing = false
		}
	}
	for i := range list {
		if p := strings.TrimRight(list[i].prints, "\n"); p != "" {
			list[i].prints = p + "\n"
		}
	}
	return list
}
