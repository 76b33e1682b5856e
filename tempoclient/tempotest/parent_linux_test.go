package tempotest

import (
	"bufio"
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

// With this variable the test binary is a program that starts Tempo in the named
// directory, prints the gRPC address of Tempo, and waits to be killed.
const envDir = "TEMPOTEST_TEST_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(envDir); dir != "" {
		tempo, err := Run(context.Background(), Config{Dir: dir})
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		fmt.Println(tempo.GRPCAddr)
		io.Copy(io.Discard, os.Stdin)
	}
	os.Exit(m.Run())
}

func TestTempoDoesNotOutliveItsProcess(t *testing.T) {
	Start(t, Config{}) // skips or fails if Tempo cannot run
	parent := exec.Command(os.Args[0])
	parent.Env = append(os.Environ(), envDir+"="+t.TempDir())
	parent.Stderr = os.Stderr
	if _, err := parent.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	stdout, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	defer parent.Wait()
	defer parent.Process.Kill()
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	addr := strings.TrimSpace(line)
	if conn, err := net.Dial("tcp", addr); err != nil {
		t.Fatalf("Tempo does not listen: %v", err)
	} else {
		conn.Close()
	}

	parent.Process.Kill()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			return
		}
		conn.Close()
		if time.Now().After(deadline) {
			t.Fatal("Tempo runs on after the process that started it was killed")
		}
	}
}

// TestTempoOutlivesThreadThatCalledRun: the kernel ends a child with the thread that started the
// child, and a thread of a Go program may end long before the program.
func TestTempoOutlivesThreadThatCalledRun(t *testing.T) {
	Start(t, Config{}) // skips or fails if Tempo cannot run
	dir := t.TempDir()
	var tempo *Tempo
	var err error
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		tempo, err = Run(t.Context(), Config{Dir: dir})
	}()
	<-done
	if err != nil {
		t.Fatal(err)
	}
	pushTrace(t, tempo, "")
	awaitTrace(t, tempo, "")
	if err := tempo.Close(); err != nil {
		t.Error(err)
	}
}
