package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"
)

// What the process exits with. The manual in doc.go says when.
const (
	statusDone        = 0
	statusFailed      = 1
	statusUsage       = 2
	statusNothing     = 3
	statusPartial     = 4
	statusInterrupted = 130 // as a shell reports a command that Ctrl-C ended
)

// A statusError is an error that ends the program with a status of its own.
type statusError struct {
	status int
	err    error
}

func (e *statusError) Error() string { return e.err.Error() }
func (e *statusError) Unwrap() error { return e.err }

// usagef returns an error of what the user typed.
func usagef(format string, args ...any) error {
	return &statusError{statusUsage, fmt.Errorf(format, args...)}
}

// statusOf returns the exit status that an error of [run] stands for.
func statusOf(err error) int {
	if err == nil {
		return statusDone
	}
	if e, ok := errors.AsType[*statusError](err); ok {
		return e.status
	}
	return statusFailed
}

// report writes the one line that says why the program fails, if it does, and
// returns its exit status.
func report(stderr io.Writer, err error) int {
	status := statusOf(err)
	switch status {
	case statusDone:
	case statusInterrupted:
		fmt.Fprintln(stderr, "graphviz-export: interrupted, nothing written")
	default:
		fmt.Fprintf(stderr, "graphviz-export: %s\n", oneLine(err.Error()))
	}
	return status
}

// oneLine makes the text of an error fit for a terminal: what a server or a file
// name puts into it cannot break the line or send control sequences.
func oneLine(s string) string {
	s = strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r == '\n' || r == '\r' }), " ")
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return unicode.ReplacementChar
		}
		return r
	}, s)
}
