package draw

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"
)

// The worker reads DOT up to a zero byte, which DOT cannot contain, writes
// the layout and exits. The parent keeps the worker's standard input open after the zero
// byte until it has that: if the input ends before that, the parent has died,
// and nobody wants the layout any more.

// RunWorker is the other end of [Options.Worker]: it reads DOT from stdin, the
// standard input of a process that was started for this, lays it out, and writes
// Graphviz's answer to stdout.
//
// It returns early when ctx is done or the process that wants the layout has
// died. The layout goes on in the background then, because nothing stops it
// except the end of the process: the program must exit when RunWorker returns,
// and write the error, if any, to standard error.
func RunWorker(ctx context.Context, stdin io.Reader, stdout io.Writer) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)

	in := bufio.NewReader(stdin)
	dot, err := in.ReadBytes(0)
	switch {
	case err == nil:
		dot = dot[:len(dot)-1]
		go func() {
			io.Copy(io.Discard, in)
			cancel(errors.New("nobody is waiting for it"))
		}()
	case err != io.EOF: // without a zero byte: a person at a shell
		return fmt.Errorf("reading DOT: %w", err)
	}

	done := make(chan error, 1)
	var answer []byte
	go func() {
		done <- layout(ctx, dot, func(b []byte) error {
			answer = b
			return nil
		})
	}()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case err := <-done:
		if err != nil {
			return err
		}
	}
	if _, err := stdout.Write(answer); err != nil {
		return fmt.Errorf("writing the layout: %w", err)
	}
	return nil
}

// layoutInWorker starts this program again with the given arguments, has it lay
// out the DOT, and kills it when ctx is done.
func layoutInWorker(ctx context.Context, args []string, dot []byte) ([]byte, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("starting a worker: %w", err)
	}
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.WaitDelay = time.Second // for the pipes of a worker that was killed
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("starting a worker: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting a worker: %w", err)
	}
	_, writeErr := stdin.Write(append(dot, 0))
	err = cmd.Wait() // closes stdin
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case err != nil && stderr.Len() > 0:
		return nil, fmt.Errorf("worker: %s (%w)", lastLine(stderr.String()), err)
	case err != nil:
		return nil, fmt.Errorf("worker: %w", err)
	case writeErr != nil:
		return nil, fmt.Errorf("worker: %w", writeErr)
	}
	return stdout.Bytes(), nil
}

// lastLine returns what a failed program said at the end.
func lastLine(s string) string {
	s = strings.TrimSpace(s)
	return s[strings.LastIndexByte(s, '\n')+1:]
}
