package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"
)

// Exit statuses of the process. The manual in doc.go explains them.
const (
	statusDone        = 0
	statusFailed      = 1
	statusUsage       = 2
	statusNothing     = 3
	statusPartial     = 4
	statusInterrupted = 130 // as shells report a command ended by Ctrl-C
)

// A statusError is an error with its own exit status.
type statusError struct {
	status int
	err    error
}

func (e *statusError) Error() string { return e.err.Error() }
func (e *statusError) Unwrap() error { return e.err }

// usagef returns an error for a mistake on the command line.
func usagef(format string, args ...any) error {
	return &statusError{statusUsage, fmt.Errorf(format, args...)}
}

// statusOf returns the exit status for an error of [run].
func statusOf(err error) int {
	if err == nil {
		return statusDone
	}
	if e, ok := errors.AsType[*statusError](err); ok {
		return e.status
	}
	return statusFailed
}

// report writes an error as one line and returns the exit status.
func report(stderr io.Writer, err error) int {
	status := statusOf(err)
	switch status {
	case statusDone:
	case statusInterrupted:
		fmt.Fprintln(stderr, "graphviz-export: interrupted; nothing was written")
	default:
		fmt.Fprintf(stderr, "graphviz-export: %s\n", oneLine(err.Error()))
	}
	return status
}

// oneLine makes the text of an error safe for a terminal: text from a server or a file name
// cannot break the line, send control sequences, or change the direction in which the line is
// shown.
func oneLine(s string) string {
	s = strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r == '\n' || r == '\r' }), " ")
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) || unicode.Is(unicode.Zs, r) {
			return r
		}
		return unicode.ReplacementChar
	}, s)
}
