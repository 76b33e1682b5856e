package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/tempograph/tempograph/internal/attack"
)

// A server is a running "graphviz-export serve --otlp".
type server struct {
	cmd                    *exec.Cmd
	overGRPC, http, viewer string // addresses; the last two are URLs
	ended                  chan error
}

var addresses = regexp.MustCompile(`(?s)grpc://(\S+) and (http://\S+).*serving the graph at (http://[^;\s]+)`)

// startServer starts the program and waits until it listens.
func startServer(ctx context.Context, program string) (*server, error) {
	s := &server{ended: make(chan error, 1)}
	s.cmd = exec.CommandContext(ctx, program, "serve", "--otlp", "--otlp-grpc", "127.0.0.1:0", "--otlp-http", "127.0.0.1:0", "--listen", "127.0.0.1:0")
	stderr, err := s.cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	lines := bufio.NewScanner(stderr)
	var seen strings.Builder
	for lines.Scan() {
		fmt.Fprintln(&seen, lines.Text())
		if m := addresses.FindStringSubmatch(seen.String()); m != nil {
			s.overGRPC, s.http, s.viewer = m[1], m[2], m[3]
			go func() {
				io.Copy(io.Discard, stderr)
				s.ended <- s.cmd.Wait()
			}()
			return s, nil
		}
	}
	return nil, fmt.Errorf("the server did not start: %s", seen.String())
}

// stop asks the server to end, and returns how long the server takes to end.
func (s *server) stop() (time.Duration, error) {
	began := time.Now()
	s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case err := <-s.ended:
		return time.Since(began), err
	case <-time.After(time.Minute):
		s.cmd.Process.Kill()
		return time.Since(began), fmt.Errorf("the server had to be killed")
	}
}

// peak returns the peak of the server's resident memory so far in MB, and 0 if it is unknown.
func (s *server) peak() int { return residentPeak(s.cmd.Process.Pid) }

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

// post sends a request and returns the status of the answer, and 0 if there is no answer.
func (s *server) post(ctx context.Context, body []byte, contentType, encoding string) int {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.http+"/v1/traces", bytes.NewReader(body))
	if err != nil {
		return 0
	}
	r.Header.Set("Content-Type", contentType)
	r.Header.Set("Content-Encoding", encoding)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0
	}
	defer answer.Body.Close()
	io.Copy(io.Discard, answer.Body)
	return answer.StatusCode
}

// spansPerRequest is the number of spans in a request that the function request returns.
const spansPerRequest = 400

// request returns a request with calls between services. The traces of different numbers are
// different.
func request(number int) []byte {
	var b bytes.Buffer
	b.WriteString(`{"resourceSpans":[`)
	now := time.Now().UnixNano()
	for i := range spansPerRequest / 2 {
		if i > 0 {
			b.WriteByte(',')
		}
		for side, kind := range []int{3, 2} {
			if side > 0 {
				b.WriteByte(',')
			}
			parent := ""
			if side > 0 {
				parent = "0000000000000001"
			}
			fmt.Fprintf(&b, `{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"s%d"}}]},"scopeSpans":[{"spans":[`+
				`{"traceId":"%032x","spanId":"%016x","parentSpanId":"%s","kind":%d,"startTimeUnixNano":"%d","endTimeUnixNano":"%d"}]}]}`,
				i%20+side, number*spansPerRequest+i+1, side+1, parent, kind, now, now+int64(time.Millisecond))
		}
	}
	b.WriteString(`]}`)
	return b.Bytes()
}

// spans returns how many spans the graph of the server counts.
func (s *server) spans(ctx context.Context) (int, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.viewer+"/graph.json", nil)
	if err != nil {
		return 0, err
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	var graph struct{ Report struct{ Spans int } }
	err = json.NewDecoder(answer.Body).Decode(&graph)
	return graph.Report.Spans, err
}

// spanRate is how many spans measureLoad sends in a second.
const spanRate = 20_000

// measureLoad sends spans at a steady rate, and compares the number of accepted spans with the
// number of spans that the graph counts.
func measureLoad(ctx context.Context, program string, s size) ([]row, error) {
	server, err := startServer(ctx, program)
	if err != nil {
		return nil, err
	}
	defer server.stop()
	var accepted, refused, slowest atomic.Int64
	var senders sync.WaitGroup
	tick := time.NewTicker(time.Second * spansPerRequest / spanRate)
	defer tick.Stop()
	busy := make(chan struct{}, 64)
	for number, end := 0, time.Now().Add(s.load); time.Now().Before(end); number++ {
		<-tick.C
		busy <- struct{}{}
		senders.Go(func() {
			defer func() { <-busy }()
			body := request(number)
			began := time.Now()
			if server.post(ctx, body, "application/json", "") == http.StatusOK {
				accepted.Add(spansPerRequest)
			} else {
				refused.Add(spansPerRequest)
			}
			took := int64(time.Since(began))
			for old := slowest.Load(); took > old && !slowest.CompareAndSwap(old, took); old = slowest.Load() {
			}
		})
	}
	senders.Wait()
	counted := -1
	for deadline := time.Now().Add(20 * time.Second); counted != int(accepted.Load()) && time.Now().Before(deadline) && ctx.Err() == nil; {
		if counted, err = server.spans(ctx); err != nil {
			return nil, err
		}
		time.Sleep(200 * time.Millisecond)
	}
	peak := server.peak()
	r := row{
		what: fmt.Sprintf("load: %.0f spans/s for %v", float64(accepted.Load()+refused.Load())/s.load.Seconds(), s.load),
		result: fmt.Sprintf("%d of %d accepted spans are in the graph, %d refused; slowest answer %v; peak memory %d MB",
			counted, accepted.Load(), refused.Load(), time.Duration(slowest.Load()).Round(time.Millisecond), peak),
		others: tempoLimits + ": 15 MB/s and bursts of 20 MB for each tenant; the distributor refuses more",
	}
	switch {
	case counted != int(accepted.Load()):
		r.broken = "spans are lost"
	case peak > 300:
		r.broken = "more than 300 MB"
	}
	return []row{r}, nil
}

// measureAttacks sends hostile requests, and ordinary requests at the same time.
func measureAttacks(ctx context.Context, program string, s size) ([]row, error) {
	server, err := startServer(ctx, program)
	if err != nil {
		return nil, err
	}
	defer server.stop()
	attacks := attack.Requests()
	bodies := make([][]byte, len(attacks)) // made before the measurement, because making the bodies takes as long as the attack
	for i, a := range attacks {
		bodies[i] = a.Body()
	}
	stop := make(chan struct{})
	var slowest time.Duration
	var lost int
	var beside sync.WaitGroup
	beside.Go(func() {
		for number := 0; ; number++ {
			select {
			case <-stop:
				return
			case <-time.After(50 * time.Millisecond):
			}
			began := time.Now()
			if status := server.post(ctx, request(number), "application/json", ""); status != http.StatusOK && status != http.StatusServiceUnavailable {
				lost++
			}
			slowest = max(slowest, time.Since(began))
		}
	})
	tried, unanswered := 0, 0
	for i, a := range attacks {
		var together sync.WaitGroup
		var missed atomic.Int64
		for range s.atOnce {
			tried++
			together.Go(func() {
				if server.post(ctx, bodies[i], a.ContentType, "gzip") == 0 {
					missed.Add(1)
				}
			})
		}
		together.Wait()
		unanswered += int(missed.Load())
	}
	close(stop)
	beside.Wait()
	peak := server.peak()
	r := row{
		what:   fmt.Sprintf("attacks: %d requests of a few kB that decompress to 16 MiB or more, %d at a time", tried, s.atOnce),
		result: fmt.Sprintf("%d attacks unanswered; ordinary requests at the same time: slowest answer %v, %d lost; peak memory %d MB", unanswered, slowest.Round(time.Millisecond), lost, peak),
		others: memoryLimits + ": refuses data above a soft limit of the heap, with an error that may be retried, and checks at intervals",
	}
	switch {
	case lost > 0 || unanswered > 0:
		r.broken = "a request has no answer"
	case peak > 1000:
		r.broken = "more than 1,000 MB"
	}
	return []row{r}, nil
}
