package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unsafe"
)

// A terminal is a pseudo-terminal: programs use one end, and the test types and reads at the other
// end.
type terminal struct {
	t    *testing.T
	user *os.File // the end of the user
	tty  *os.File // the end of the programs

	mu   sync.Mutex
	seen strings.Builder
	more chan struct{} // holds a value if output has arrived since the last receive
}

func newTerminal(t *testing.T) *terminal {
	user, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no pseudo-terminals: %v", err)
	}
	t.Cleanup(func() { user.Close() })
	var unlocked, number int32
	ioctl(t, user, syscall.TIOCSPTLCK, &unlocked)
	ioctl(t, user, syscall.TIOCGPTN, &number)
	tty, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tty.Close() })
	term := &terminal{t: t, user: user, tty: tty, more: make(chan struct{}, 1)}
	go term.watch()
	return term
}

func ioctl(t *testing.T, f *os.File, request uintptr, value *int32) {
	conn, err := f.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var errno syscall.Errno
	conn.Control(func(fd uintptr) {
		_, _, errno = syscall.Syscall(syscall.SYS_IOCTL, fd, request, uintptr(unsafe.Pointer(value)))
	})
	if errno != 0 {
		t.Fatal(errno)
	}
}

// watch collects the output of programs until the terminal is closed.
func (term *terminal) watch() {
	buf := make([]byte, 4096)
	for {
		n, err := term.user.Read(buf)
		term.mu.Lock()
		term.seen.Write(buf[:n])
		term.mu.Unlock()
		select {
		case term.more <- struct{}{}:
		default:
		}
		if err != nil {
			return
		}
	}
}

// screen returns all output so far, with the line ends as the program wrote them.
func (term *terminal) screen() string {
	term.mu.Lock()
	defer term.mu.Unlock()
	return strings.ReplaceAll(term.seen.String(), "\r\n", "\n")
}

// patience is how long a test waits for output. It is long because the machine may be busy.
const patience = 30 * time.Second

// await waits until the terminal shows a text, and returns all output so far.
func (term *terminal) await(text string) string {
	term.t.Helper()
	deadline := time.After(patience)
	for {
		if s := term.screen(); strings.Contains(s, text) {
			return s
		}
		select {
		case <-term.more:
		case <-deadline:
			term.t.Fatalf("the terminal does not show %q, but:\n%s", text, term.screen())
		}
	}
}

// written returns all output written to the terminal before the call. The last output of a
// program may arrive after the program has ended, so written writes a mark and waits for it.
func (term *terminal) written() string {
	term.t.Helper()
	const end = "\x00"
	if _, err := term.tty.WriteString(end); err != nil {
		term.t.Fatal(err)
	}
	s, _, _ := strings.Cut(term.await(end), end)
	return s
}

// command returns the program as a command whose three streams are the terminal. The terminal
// is also its controlling terminal, so that Ctrl-C sends it a signal. The program is killed
// after patience.
func (term *terminal) command(args ...string) *exec.Cmd {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	term.t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, "graphviz-export", args...)
	cmd.Dir = term.t.TempDir()
	cmd.Stdin, cmd.Stdout, cmd.Stderr = term.tty, term.tty, term.tty
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Ctty: 2}
	return cmd
}
