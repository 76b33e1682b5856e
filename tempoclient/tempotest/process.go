package tempotest

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
)

// A process is a running program whose output goes to a file. On Linux the program
// ends with this process at the latest (see endWithParent).
type process struct {
	cmd  *exec.Cmd
	log  string        // path of the file with both output streams
	done chan struct{} // closed when the program has ended
}

// startProcess runs the program with the given arguments, writing its output to
// the file log, which it creates or truncates.
func startProcess(log, name string, args ...string) (*process, error) {
	out, err := os.Create(log)
	if err != nil {
		return nil, err
	}
	defer out.Close() // the child has its own
	p := &process{cmd: exec.Command(name, args...), log: log, done: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = out, out
	p.cmd.Env = withoutTelemetry(os.Environ())
	endWithParent(p.cmd)

	started := make(chan error)
	go func() {
		// endWithParent ties the child to the thread that starts the child, so this
		// thread lives as long as the child.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := p.cmd.Start()
		started <- err
		if err == nil {
			p.cmd.Wait() // ProcessState holds the outcome
			close(p.done)
		}
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	return p, nil
}

// kill ends the program at once and waits until it has ended. It reports whether
// the program was still running.
func (p *process) kill() (running bool) {
	err := p.cmd.Process.Kill()
	<-p.done
	return err == nil
}

// state returns how the program ended. Call it after done is closed.
func (p *process) state() string { return p.cmd.ProcessState.String() }

// logTail returns the last whole lines of the output, at most 8 KiB, or a line with
// the reason why the output cannot be read.
func (p *process) logTail() string {
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

// withoutTelemetry returns the environment without the variables that make a
// program trace itself. Such variables are meant for the test, or set by the test;
// with them Tempo would add its own spans to those under test.
func withoutTelemetry(env []string) []string {
	var rest []string
	for _, v := range env {
		if !strings.HasPrefix(v, "OTEL_") {
			rest = append(rest, v)
		}
	}
	return rest
}
