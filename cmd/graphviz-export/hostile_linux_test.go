package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/tempograph/tempograph/internal/attack"
)

// A watchedProcess is a process whose memory a test measures.
type watchedProcess struct {
	cmd    *exec.Cmd
	output bytes.Buffer
	done   chan error
}

// startFed starts a command. Its standard input is the output of write.
func startFed(t *testing.T, write func(io.Writer) error, args ...string) *watchedProcess {
	t.Helper()
	p := &watchedProcess{cmd: exec.Command("graphviz-export", args...), done: make(chan error, 1)}
	p.cmd.Stdout, p.cmd.Stderr = &p.output, &p.output
	in, err := p.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		write(in) // fails if the command ends before it has read everything
		in.Close()
	}()
	go func() { p.done <- p.cmd.Wait() }()
	return p
}

// peak waits for the end of the process and returns the peak of its memory in MB. It kills a
// process whose memory exceeds the limit.
func (p *watchedProcess) peak(t *testing.T, limit int) int {
	t.Helper()
	most := 0
	for {
		select {
		case <-p.done:
			return most
		case <-time.After(10 * time.Millisecond):
			most = max(most, residentPeak(p.cmd.Process.Pid))
			if most > limit {
				p.cmd.Process.Kill()
				<-p.done
				return most
			}
		}
	}
}

// residentPeak returns the peak of a process's resident memory so far in MB, and 0 if the process
// has ended.
func residentPeak(pid int) int {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	kb := 0
	for line := range strings.Lines(string(status)) {
		fmt.Sscanf(line, "VmHWM: %d kB", &kb)
	}
	return kb >> 10
}

// TestHeldFitsMemory: maxHeld spans fit into the documented 1 GiB, even if they are of the kinds
// that take most memory. The test uses an eighth of maxHeld, an eighth of 1 GiB in addition to the
// 60 MB of the program, and a memory limit for the garbage collector in proportion.
func TestHeldFitsMemory(t *testing.T) {
	if instrumented {
		t.Skip("the race detector needs memory of its own")
	}
	const limit = 60 + 1000/8
	for _, a := range attack.Files() {
		if a.Name != "spans of one trace" && a.Name != "messages" {
			continue
		}
		t.Run(a.Name, func(t *testing.T) {
			t.Setenv("GOMEMLIMIT", "100MiB")
			p := startFed(t, func(w io.Writer) error { return a.Write(w, maxHeld/8) }, "-f", "txt", "-o", os.DevNull, "-")
			peak := p.peak(t, limit)
			t.Logf("%d MB", peak)
			if peak > limit {
				t.Errorf("%d spans take more than %d MB: %s", maxHeld/8, limit, p.output.String())
			}
		})
	}
}

// TestHostileFiles reads files that repeat one small element millions of times, or that hold very
// long values. Reading must end, and take no more than 400 MB. The documented bound of 1 GB is for
// files ten times as large, which "go run ./internal/loadtest" reads in some minutes. Under the
// race detector, the files have a hundredth of the size.
func TestHostileFiles(t *testing.T) {
	for _, a := range attack.Files() {
		t.Run(a.Name, func(t *testing.T) {
			n, limit := a.Count/10, 400
			if instrumented { // the race detector takes most of the memory
				n, limit = max(a.Count/1000, 1), 4000
			}
			p := startFed(t, func(w io.Writer) error { return a.Write(w, n) }, "-f", "json", "-o", os.DevNull, "--allow-empty", "-")
			if peak := p.peak(t, limit); peak > limit {
				t.Errorf("reading %d elements takes more than %d MB: %s", n, limit, p.output.String())
			}
			if text := p.output.String(); strings.Contains(text, "goroutine ") || len(text) > 10_000 {
				t.Errorf("the command wrote: %.1000s", text)
			}
		})
	}
}
