package child

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// readyTimeout is how long a server may take to become ready. Servers usually take less than a
// second; a minute is enough on a busy machine.
const readyTimeout = time.Minute

// portAttempts is how many sets of ports OnFreePorts tries if another process takes a port before
// the server does.
const portAttempts = 5

// Program calls build and returns the path of the program that a test runs as a server. Program
// skips a test that runs with -short, and ends it as [Unavailable] says if build fails. pkg is the
// name of the package in messages.
func Program(tb testing.TB, pkg string, build func(context.Context) (program string, err error)) string {
	tb.Helper()
	SkipShort(tb, pkg)
	program, err := build(tb.Context())
	if err != nil {
		Unavailable(tb, fmt.Errorf("%s: %w", pkg, err))
	}
	return program
}

// SkipShort skips a test that runs with -short.
func SkipShort(tb testing.TB, pkg string) {
	tb.Helper()
	if testing.Short() {
		tb.Skip(pkg + ": tests with servers do not run with -short")
	}
}

// OnFreePorts calls start with n free ports of 127.0.0.1, and returns its error. If the error, which
// holds the end of the server's log, says that another process took a port, OnFreePorts calls start
// again with other ports, a few times.
func OnFreePorts(n int, start func(ports []int) error) error {
	for attempt := 1; ; attempt++ {
		ports, err := FreePorts(n)
		if err != nil {
			return fmt.Errorf("choosing ports: %w", err)
		}
		err = start(ports)
		if err == nil || attempt == portAttempts || !strings.Contains(err.Error(), "address already in use") {
			return err
		}
	}
}

// AwaitReady is like [Process.Await], for at most a minute. If the program does not become ready,
// AwaitReady kills it, and the error holds the end of its log.
func (p *Process) AwaitReady(ctx context.Context, ready func() bool) error {
	ctx, cancel := context.WithTimeoutCause(ctx, readyTimeout, fmt.Errorf("not ready after %v", readyTimeout))
	defer cancel()
	if err := p.Await(ctx, ready); err != nil {
		p.Kill()
		return fmt.Errorf("%w; its log ends:\n%s", err, p.LogTail())
	}
	return nil
}

// End kills the program and waits until it has ended. If the program had ended before, End returns an
// error with the end of its log.
func (p *Process) End(name string) error {
	if p.Kill() {
		return nil
	}
	return fmt.Errorf("%s died while in use: %s; its log ends:\n%s", name, p.State(), p.LogTail())
}

// Get returns the body of the answer of a server, and whether its status is 200. Each call has a
// connection of its own.
func Get(ctx context.Context, url string) (body string, ok bool) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", false
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		return "", false
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return string(b), err == nil && resp.StatusCode == http.StatusOK
}
