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

// The worker reads DOT up to a zero byte, which DOT cannot contain, writes the layout and exits.
// The parent keeps the standard input of the worker open until it has read the layout. If the input
// ends earlier, the parent has died, and the layout is no longer needed.

// RunWorker lays out a graph for the process that started this process with
// [Options.Worker]: it reads DOT from stdin and writes the layout to stdout, which are the
// standard streams of this process.
//
// RunWorker returns early when ctx is done, or when the parent process has died. The
// layout continues in the background, because only the end of the process stops it.
// Therefore the program must exit after RunWorker, and write an error to standard error.
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
			cancel(errors.New("the parent process has ended"))
		}()
	case err != io.EOF: // an end without a zero byte is input from a shell
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

// layoutInWorker starts this program with the given arguments, which lays out the DOT.
// The process is killed when ctx is done.
func layoutInWorker(ctx context.Context, args []string, dot []byte) ([]byte, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("starting a worker: %w", err)
	}
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.WaitDelay = time.Second // how long to wait for the pipes of a killed worker
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("starting a worker: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting a worker: %w", err)
	}
	_, writeErr := stdin.Write(append(dot, 0))
	err = cmd.Wait() // Wait also closes stdin
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

// lastLine returns the last line of a program's standard error.
func lastLine(s string) string {
	s = strings.TrimSpace(s)
	return s[strings.LastIndexByte(s, '\n')+1:]
}
