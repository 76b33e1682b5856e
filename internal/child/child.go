// Package child runs servers as child processes, for tests and examples.
package child

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"
)

// A Process is a running program whose output goes to a file. On Linux the program
// ends with this process at the latest. Its methods are safe for concurrent use.
type Process struct {
	cmd  *exec.Cmd
	log  string        // path of the file with both output streams
	done chan struct{} // closed when the program has ended
}

// Start runs the program with the given arguments, writing its output to the file log,
// which Start creates or truncates.
func Start(log, name string, args ...string) (*Process, error) {
	out, err := os.Create(log)
	if err != nil {
		return nil, err
	}
	defer out.Close() // the child has its own copy of the file
	p := &Process{cmd: exec.Command(name, args...), log: log, done: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = out, out
	p.cmd.Env = withoutTelemetry(os.Environ())
	endWithParent(p.cmd)

	started := make(chan error)
	go func() {
		// endWithParent ties the child to the thread that starts the child, so that thread must
		// live as long as the child.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := p.cmd.Start()
		started <- err
		if err == nil {
			p.cmd.Wait() // ProcessState has the result
			close(p.done)
		}
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	return p, nil
}

// Kill ends the program at once and waits until it has ended. It reports whether
// the program was still running.
func (p *Process) Kill() (running bool) {
	err := p.cmd.Process.Kill()
	<-p.done
	return err == nil
}

// Done returns a channel that is closed when the program has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// State returns how the program ended. Call it after Done is closed.
func (p *Process) State() string { return p.cmd.ProcessState.String() }

// Await calls ready repeatedly and returns nil when ready returns true. It returns an error if the
// program ends before that, and the cause of ctx if ctx ends before that.
func (p *Process) Await(ctx context.Context, ready func() bool) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-p.done:
			return fmt.Errorf("ended before it was ready: %s", p.State())
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
		if ready() {
			return nil
		}
	}
}

// LogTail returns the last whole lines of the output, at most 8 KiB, or a line with
// the reason why the output cannot be read.
func (p *Process) LogTail() string {
	const limit = 8 << 10
	f, err := os.Open(p.log)
	if err != nil {
		return fmt.Sprintf("(no log: %v)", err)
	}
	defer f.Close()
	cut := false
	if info, err := f.Stat(); err == nil && info.Size() > limit {
		_, err := f.Seek(-limit, io.SeekEnd)
		cut = err == nil
	}
	tail, err := io.ReadAll(f)
	if err != nil {
		return fmt.Sprintf("(reading the log: %v)", err)
	}
	if _, rest, found := bytes.Cut(tail, []byte("\n")); cut && found {
		tail = rest
	}
	return strings.TrimSpace(string(tail))
}

// Unavailable ends a test whose server cannot run, and err is the reason. It fails the test if the
// environment has TEMPOGRAPH_REQUIRE_SERVERS=1, and skips it otherwise.
func Unavailable(tb testing.TB, err error) {
	tb.Helper()
	if os.Getenv("TEMPOGRAPH_REQUIRE_SERVERS") == "1" {
		tb.Fatal(err)
	}
	tb.Skip(err)
}

// withoutTelemetry returns the environment without the variables that make a program trace itself.
// Such variables are meant for the test itself. With them, the server would add its own spans to
// the spans under test.
func withoutTelemetry(env []string) []string {
	var rest []string
	for _, v := range env {
		if !strings.HasPrefix(v, "OTEL_") {
			rest = append(rest, v)
		}
	}
	return rest
}

// FreePorts returns n different free TCP ports of 127.0.0.1. The ports are not reserved, because
// open listeners cannot be passed to the child. If another process has taken a port, the caller
// must start the program again with other ports.
func FreePorts(n int) ([]int, error) {
	var ports []int
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close() // after all are open, because the ports must differ
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports, nil
}
