package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/tempograph/tempograph/internal/attack"
)

// measureFaults opens connections that send nothing or never finish a body, measures requests
// beside them, and then stops the server.
func measureFaults(ctx context.Context, program string, s size) ([]row, error) {
	server, err := startServer(ctx, program)
	if err != nil {
		return nil, err
	}
	var conns []net.Conn
	defer func() {
		for _, c := range conns {
			c.Close()
		}
	}()
	overHTTP := strings.TrimPrefix(server.http, "http://")
	const each = 100
	for range each {
		for addr, text := range map[string]string{
			server.overGRPC: "",
			overHTTP: "POST /v1/traces HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 2000000\r\n\r\n" +
				strings.Repeat(" ", 1<<20),
		} {
			c, err := net.Dial("tcp", addr)
			if err != nil {
				return nil, err
			}
			conns = append(conns, c)
			go io.WriteString(c, text) // fails when the server closes the connections with the slowest bodies
		}
	}
	var slowest time.Duration
	refused := 0
	for number := range 50 {
		began := time.Now()
		for status := 0; status != http.StatusOK && time.Since(began) < 30*time.Second; {
			if status = server.post(ctx, request(number), "application/json", ""); status != http.StatusOK {
				refused++
			}
		}
		slowest = max(slowest, time.Since(began))
	}
	peak := server.peak()
	took, err := server.stop()
	r := row{
		what: fmt.Sprintf("faults: %d silent connections and %d bodies that stop after 1 MiB; then SIGTERM", each, each),
		result: fmt.Sprintf("other requests at the same time: slowest answer %v, %d told to retry later; the server ends %v after SIGTERM; peak memory %d MB",
			slowest.Round(time.Millisecond), refused, took.Round(time.Millisecond), peak),
		others: "[the Collector's OTLP receiver](https://pkg.go.dev/go.opentelemetry.io/collector/receiver/otlpreceiver): limits on the size of a request; time limits are settings",
	}
	switch {
	case err != nil:
		r.broken = err.Error()
	case took > 2*time.Second:
		r.broken = "the end takes more than 2 s"
	case slowest > 5*time.Second:
		r.broken = "requests wait"
	}
	return []row{r}, nil
}

// measureFiles makes the program read hostile files.
func measureFiles(ctx context.Context, program string, s size) ([]row, error) {
	worst, name, crashed := 0, "", ""
	files := attack.Files()
	for _, a := range files {
		cmd := exec.CommandContext(ctx, program, "-f", "json", "-o", os.DevNull, "--allow-empty", "-")
		var output bytes.Buffer
		cmd.Stderr = &output
		in, err := cmd.StdinPipe()
		if err != nil {
			return nil, err
		}
		if err := cmd.Start(); err != nil {
			return nil, err
		}
		go func() {
			a.Write(in, max(int(float64(a.Count)*s.files), 1)) // fails if the program ends before it has read everything
			in.Close()
		}()
		done := make(chan error, 1)
		go func() { done <- cmd.Wait() }()
		for running := true; running; {
			select {
			case <-done:
				running = false
			case <-time.After(10 * time.Millisecond):
				if peak := residentPeak(cmd.Process.Pid); peak > worst {
					worst, name = peak, a.Name
				}
			}
		}
		if strings.Contains(output.String(), "goroutine ") {
			crashed = a.Name
		}
	}
	r := row{
		what:   fmt.Sprintf("hostile files: %d, up to %.1f GB of one repeated element", len(files), 2*s.files),
		result: fmt.Sprintf("all read or refused; peak memory at most %d MB (file: %s)", worst, name),
		others: tempoLimits + ": 5 MB for a trace, 2,048 bytes for an attribute",
	}
	switch {
	case crashed != "":
		r.broken = crashed + " crashes the program"
	case worst > 1000:
		r.broken = "more than 1,000 MB"
	}
	return []row{r}, nil
}
