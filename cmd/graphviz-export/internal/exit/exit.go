// Package exit defines the exit statuses of graphviz-export and the errors that carry one.
package exit

import (
	"errors"
	"fmt"
)

// Exit statuses of the process. The manual of the command explains them.
const (
	Done        = 0
	Failed      = 1
	Usage       = 2
	Nothing     = 3
	Partial     = 4
	Interrupted = 130 // as shells report a command ended by Ctrl-C
)

// statusError is an error with its own exit status.
type statusError struct {
	status int
	error
}

func (e *statusError) Unwrap() error { return e.error }

// With returns the error with an exit status.
func With(status int, err error) error { return &statusError{status, err} }

// Usagef returns an error for a mistake on the command line.
func Usagef(format string, args ...any) error { return With(Usage, fmt.Errorf(format, args...)) }

// Status returns the exit status for an error. An error without a status means Failed.
func Status(err error) int {
	if err == nil {
		return Done
	}
	if e, ok := errors.AsType[*statusError](err); ok {
		return e.status
	}
	return Failed
}

// A NothingToDraw error gives the reason why a graph has no nodes. Commands that draw no graph
// show the reason alone.
type NothingToDraw struct{ Reason string }

func (e *NothingToDraw) Error() string { return "nothing to draw: " + e.Reason }

// NothingToDrawf returns a [NothingToDraw] error with the status [Nothing].
func NothingToDrawf(format string, args ...any) error {
	return With(Nothing, &NothingToDraw{fmt.Sprintf(format, args...)})
}

// Reason returns the error with the same status, but without the prefix of a [NothingToDraw] error.
func Reason(err error) error {
	if e, ok := errors.AsType[*NothingToDraw](err); ok {
		return With(Status(err), errors.New(e.Reason))
	}
	return err
}
