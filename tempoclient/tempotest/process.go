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

// A process is a running program that ends no later than we do where the system
// can promise it (see endWithParent), and whose output goes to a file.
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
		// What endWithParent asks for is tied to the thread that starts the child: it
		// has to live as long as the child does.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := p.cmd.Start()
		started <- err
		if err == nil {
			p.cmd.Wait() // what it says is in ProcessState too
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

// state says how the program ended. It is for use after done is closed.
func (p *process) state() string { return p.cmd.ProcessState.String() }

// logTail returns the last whole lines of the output, some 8 KiB at most, or
// a line that says why there are none.
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
// program trace itself: they may be meant for, or set by, the test, and Tempo
// would add its own spans to the ones under test.
func withoutTelemetry(env []string) []string {
	var rest []string
	for _, v := range env {
		if !strings.HasPrefix(v, "OTEL_") {
			rest = append(rest, v)
		}
	}
	return rest
}
