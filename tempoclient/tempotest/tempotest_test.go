package tempotest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tempograph/tempograph/internal/child"
)

const traceID = "0af7651916cd43dd8448eb211c80319c"

// pushTrace sends a trace of one call from frontend to checkout that ended just now.
func pushTrace(t *testing.T, tempo *Tempo, tenant string) {
	t.Helper()
	end := time.Now()
	span := func(service, id, parent string, kind int) string {
		return fmt.Sprintf(`{
			"resource": {"attributes": [{"key": "service.name", "value": {"stringValue": %q}}]},
			"scopeSpans": [{"spans": [{
				"traceId": %q, "spanId": %q, "parentSpanId": %q, "name": "GET /pay", "kind": %d,
				"startTimeUnixNano": "%d", "endTimeUnixNano": "%d"
			}]}]
		}`, service, traceID, id, parent, kind, end.Add(-50*time.Millisecond).UnixNano(), end.UnixNano())
	}
	const kindServer, kindClient = 2, 3
	body := fmt.Sprintf(`{"resourceSpans": [%s, %s]}`,
		span("frontend", "b7ad6b7169203331", "", kindClient),
		span("checkout", "00f067aa0ba902b7", "b7ad6b7169203331", kindServer))
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, tempo.OTLPHTTPURL+"/v1/traces", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if status, answer := do(t, req, tenant); status != http.StatusOK {
		t.Fatalf("push: status %d: %s", status, answer)
	}
}

// await requests the path until the answer holds all of want.
func await(t *testing.T, tempo *Tempo, tenant, path string, want ...string) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		status, answer := get(t, tempo.URL+path, tenant)
		lacks := func(s string) bool { return !strings.Contains(answer, s) }
		if status == http.StatusOK && !slices.ContainsFunc(want, lacks) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: status %d: %s\nwant %q in it", path, status, answer, want)
		}
	}
}

// awaitTrace returns when the trace can be read by its id.
func awaitTrace(t *testing.T, tempo *Tempo, tenant string) {
	t.Helper()
	await(t, tempo, tenant, "/api/v2/traces/"+traceID, "frontend", "checkout")
}

func get(t *testing.T, address, tenant string) (status int, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	return do(t, req, tenant)
}

func do(t *testing.T, req *http.Request, tenant string) (status int, body string) {
	t.Helper()
	if tenant != "" {
		req.Header.Set("X-Scope-OrgID", tenant)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

func TestStartReceivesAndAnswers(t *testing.T) {
	Start(t, Config{}) // builds Tempo now, so that the build does not count in the measurement below
	began := time.Now()
	tempo := Start(t, Config{})
	t.Logf("tempo is ready after %v", time.Since(began).Round(time.Millisecond))
	if log := tempo.LogTail(); !strings.Contains(log, "Tempo started") {
		t.Errorf("the log does not say that Tempo started:\n%s", log)
	}

	pushTrace(t, tempo, "")
	awaitTrace(t, tempo, "")
	// Search answers hold trace ids without leading zeros.
	await(t, tempo, "", "/api/search?q="+url.QueryEscape(`{resource.service.name="checkout"}`), strings.TrimLeft(traceID, "0"))
	for _, addr := range []string{tempo.GRPCAddr, tempo.OTLPGRPCAddr} {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Errorf("nobody listens: %v", err)
			continue
		}
		conn.Close()
	}
}

func TestRunConcurrentSafe(t *testing.T) {
	Start(t, Config{}) // skips or fails if Tempo cannot run
	const n = 4
	var tempos [n]*Tempo
	var errs [n]error
	var group sync.WaitGroup
	for i := range n {
		dir := t.TempDir()
		group.Go(func() { tempos[i], errs[i] = Run(t.Context(), Config{Dir: dir}) })
	}
	group.Wait()
	for i, tempo := range tempos {
		if errs[i] != nil {
			t.Fatal(errs[i])
		}
		defer tempo.Close()
	}
	owner := map[string]int{}
	for i, tempo := range tempos {
		for _, addr := range []string{tempo.URL, tempo.OTLPHTTPURL, "http://" + tempo.GRPCAddr, "http://" + tempo.OTLPGRPCAddr} {
			if j, taken := owner[addr]; taken {
				t.Errorf("tempo %d and tempo %d both have %s", i, j, addr)
			}
			owner[addr] = i
		}
	}
	// Only the instance that received the trace can return it.
	pushTrace(t, tempos[0], "")
	awaitTrace(t, tempos[0], "")
	for i, tempo := range tempos[1:] {
		if status, answer := get(t, tempo.URL+"/api/v2/traces/"+traceID, ""); strings.Contains(answer, "frontend") {
			t.Errorf("tempo %d has the trace of tempo 0: status %d: %s", i+1, status, answer)
		}
	}
}

func TestMultitenancySeparatesTenants(t *testing.T) {
	tempo := Start(t, Config{Multitenancy: true})
	pushTrace(t, tempo, "blue")
	awaitTrace(t, tempo, "blue")
	if status, answer := get(t, tempo.URL+"/api/v2/traces/"+traceID, "green"); strings.Contains(answer, "frontend") {
		t.Errorf("another tenant can read the trace: status %d: %s", status, answer)
	}
	if status, answer := get(t, tempo.URL+"/api/v2/traces/"+traceID, ""); status != http.StatusUnauthorized {
		t.Errorf("without tenant: status %d: %s, want 401", status, answer)
	}
}

// TestDirMayHaveAnyName: the configuration in YAML must quote the name of the directory.
func TestDirMayHaveAnyName(t *testing.T) {
	dir := filepath.Join(t.TempDir(), `it's "a dir": {{#1}}`)
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Skipf("this file system forbids the name: %v", err)
	}
	tempo := Start(t, Config{Dir: dir})
	pushTrace(t, tempo, "")
	awaitTrace(t, tempo, "")
	if wal, err := os.ReadDir(filepath.Join(dir, "wal")); err != nil || len(wal) == 0 {
		t.Errorf("the write-ahead log in Dir holds %v, %v", wal, err)
	}
}

// TestCloseRemovesTemporaryDirectory: Run makes its own directory, and Close removes the directory
// with everything in it.
func TestCloseRemovesTemporaryDirectory(t *testing.T) {
	Start(t, Config{}) // skips or fails if Tempo cannot run
	t.Setenv("TMPDIR", t.TempDir())
	tempo, err := Run(t.Context(), Config{})
	if err != nil {
		t.Fatal(err)
	}
	if files, err := os.ReadDir(os.TempDir()); err != nil || len(files) != 1 {
		t.Errorf("running: %v, %v in the temporary directory, want one directory", files, err)
	}
	if err := tempo.Close(); err != nil {
		t.Error(err)
	}
	if err := tempo.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
	if files, err := os.ReadDir(os.TempDir()); err != nil || len(files) != 0 {
		t.Errorf("closed: %v, %v in the temporary directory, want nothing", files, err)
	}
	if _, err := net.Dial("tcp", tempo.GRPCAddr); err == nil {
		t.Error("Tempo still listens after Close")
	}
}

func TestCloseReportsTempoThatDied(t *testing.T) {
	Start(t, Config{}) // skips or fails if Tempo cannot run
	tempo, err := Run(t.Context(), Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	tempo.process.Kill()
	err = tempo.Close()
	if err == nil {
		t.Fatal("Close has nothing to say about a server that died")
	}
	for _, want := range []string{"died", "killed", "Tempo started"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in the error: %v", want, err)
		}
	}
}

// script returns the path of a shell program to run in place of Tempo.
func script(t *testing.T, body string) string {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("needs a shell")
	}
	path := filepath.Join(t.TempDir(), "tempo")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+body), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestRunReportsProgramThatEnds(t *testing.T) {
	t.Setenv("TEMPO_BIN", script(t, "i=0; while [ $i -lt 900 ]; do echo \"line $i of the log\"; i=$((i+1)); done; echo out of luck >&2; exit 3\n"))
	began := time.Now()
	_, err := Run(t.Context(), Config{Dir: t.TempDir()})
	if err == nil {
		t.Fatal("no error")
	}
	if took := time.Since(began); took > 30*time.Second {
		t.Errorf("took %v: waited for the deadline", took)
	}
	for _, want := range []string{os.Getenv("TEMPO_BIN"), "exit status 3", "\nline 899 of the log\nout of luck"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in the error: %v", want, err)
		}
	}
	if strings.Contains(err.Error(), "line 0 of") {
		t.Errorf("the error holds the whole log, not its end: %v", err)
	}
}

func TestRunTriesOtherPorts(t *testing.T) {
	ports := filepath.Join(t.TempDir(), "ports")
	t.Setenv("TEMPO_BIN", script(t, `
		[ "$1" = --version ] && exit
		sed -n 's/.*http_listen_port: //p' "${1#-config.file=}" >> '`+ports+`'
		echo 'listen tcp 127.0.0.1: bind: address already in use'
	`))
	_, err := Run(t.Context(), Config{Dir: t.TempDir()})
	if err == nil || !strings.Contains(err.Error(), "address already in use") {
		t.Errorf("got %v, want the error of the last attempt", err)
	}
	tried, err := os.ReadFile(ports)
	if err != nil {
		t.Fatal(err)
	}
	if lines := bytes.Fields(tried); len(lines) < 3 || bytes.Equal(lines[0], lines[1]) {
		t.Errorf("tried the ports %s, want several different ones", lines)
	}
}

// TestAwaitReadyKnowsItsOwnTempo: another Tempo may take a port after the port was chosen. The
// other Tempo then answers until the process under test ends.
func TestAwaitReadyKnowsItsOwnTempo(t *testing.T) {
	other := Start(t, Config{})
	p, err := child.Start(filepath.Join(t.TempDir(), "log"), script(t, "sleep 0.2; exit 1\n"))
	if err != nil {
		t.Fatal(err)
	}
	defer p.Kill()
	tempo := &Tempo{URL: other.URL, process: p}
	if err := tempo.awaitReady(t.Context(), 1); err == nil || !strings.Contains(err.Error(), "ended before it was ready") {
		t.Errorf("got %v, want the end of our own process", err)
	}
}

func TestRunStopsWithContext(t *testing.T) {
	t.Setenv("TEMPO_BIN", script(t, "echo starting; exec sleep 1000\n"))
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	_, err := Run(ctx, Config{Dir: t.TempDir()})
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "starting") {
		t.Errorf("got %v, want %v and the log", err, context.DeadlineExceeded)
	}
}

// TestTempoDoesNotTraceItself: with the environment of the test, Tempo would add its own spans to
// those of the program under test.
func TestTempoDoesNotTraceItself(t *testing.T) {
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
	t.Setenv("TEMPO_BIN", script(t, "env; exit 1\n"))
	if _, err := Run(t.Context(), Config{}); err == nil || strings.Contains(err.Error(), "OTEL_") {
		t.Errorf("got %v, want an environment without OTEL_", err)
	}
}

func TestRunReportsMissingProgram(t *testing.T) {
	t.Setenv("TEMPO_BIN", filepath.Join(t.TempDir(), "no-such-tempo"))
	if _, err := Run(t.Context(), Config{Dir: t.TempDir()}); err == nil || !strings.Contains(err.Error(), "no-such-tempo") {
		t.Errorf("got %v, want an error that names the program", err)
	}
}

// TestConfigurationOfTempo3 runs a program that reports the version of Tempo 3 and prints its
// configuration.
func TestConfigurationOfTempo3(t *testing.T) {
	for version, want := range map[string]bool{"3.0.3": true, "v3.1.0-rc.0": true, "2.9.0": false, "(devel)": false} {
		t.Setenv("TEMPO_BIN", script(t, `
			if [ "$1" = --version ]; then echo "tempo, version `+version+` (branch: HEAD, revision: 1cd0d0a)"; exit 0; fi
			cat "${1#-config.file=}" >&2; exit 1
		`))
		_, err := Run(t.Context(), Config{Dir: t.TempDir(), TraceQLMetrics: true, RemoteWriteURL: "http://127.0.0.1:1"})
		if err == nil {
			t.Fatal("no error")
		}
		for _, setting := range []string{"query_end_cutoff: 0s", "max_trace_idle: 100ms", "local_work_path: "} {
			if strings.Contains(err.Error(), setting) != want {
				t.Errorf("version %s: %q in the configuration, want %t:\n%v", version, setting, want, err)
			}
		}
		for _, setting := range []string{"\ningester:", "local_blocks:", "traces_storage:", "local-blocks"} {
			if strings.Contains(err.Error(), setting) == want {
				t.Errorf("version %s: no %q in the configuration, want %t:\n%v", version, setting, !want, err)
			}
		}
	}
}

// deadlineTB is a test with a deadline in the past.
type deadlineTB struct{ recordingTB }

func (tb *deadlineTB) Deadline() (time.Time, bool) { return time.Now(), true }

// TestStartNamesTheBuildCommand starts a server that is not ready before the deadline.
func TestStartNamesTheBuildCommand(t *testing.T) {
	if testing.Short() {
		t.Skip("Start goes no further with -short")
	}
	t.Setenv("TEMPO_BIN", script(t, "exec sleep 1000\n"))
	tb := &deadlineTB{recordingTB{TB: t}}
	done := make(chan struct{})
	go func() {
		defer close(done)
		Start(tb, Config{})
	}()
	<-done
	if !strings.HasPrefix(tb.end, "fatal: ") || !strings.Contains(tb.end, "go run github.com/tempograph/tempograph/tempoclient/tempotest/build") {
		t.Errorf("the test ended with %q, want the command that builds Tempo", tb.end)
	}
}

// recordingTB replaces the test that calls Start and records how that test ended.
type recordingTB struct {
	testing.TB
	end string
}

func (tb *recordingTB) Helper() {}
func (tb *recordingTB) Skipf(format string, args ...any) {
	tb.end = "skip: " + fmt.Sprintf(format, args...)
	runtime.Goexit()
}
func (tb *recordingTB) Skip(args ...any)  { tb.Skipf("%s", fmt.Sprint(args...)) }
func (tb *recordingTB) Fatal(args ...any) { tb.Fatalf("%s", fmt.Sprint(args...)) }
func (tb *recordingTB) Fatalf(format string, args ...any) {
	tb.end = "fatal: " + fmt.Sprintf(format, args...)
	runtime.Goexit()
}

func TestStartWithoutTempo(t *testing.T) {
	if testing.Short() {
		t.Skip("Start goes no further with -short")
	}
	for _, c := range []struct{ require, want string }{
		{"", "skip: "},
		{"0", "skip: "},
		{"1", "fatal: "},
	} {
		t.Setenv("TEMPOGRAPH_REQUIRE_SERVERS", c.require)
		t.Setenv("TEMPO_BIN", script(t, "echo no ring to be found; exit 1\n"))
		tb := &recordingTB{TB: t}
		done := make(chan struct{})
		go func() {
			defer close(done)
			Start(tb, Config{})
		}()
		<-done
		if !strings.HasPrefix(tb.end, c.want) || !strings.Contains(tb.end, "no ring to be found") {
			t.Errorf("TEMPOGRAPH_REQUIRE_SERVERS=%q: %q, want %q and the end of the log", c.require, tb.end, c.want)
		}
	}
}

// TestModuleIsTheOneOfTempopb: the server of the tests and the messages of tempogrpc must come from
// the same commit of Tempo.
func TestModuleIsTheOneOfTempopb(t *testing.T) {
	root, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	version := func(mod []byte) string {
		for line := range strings.Lines(string(mod)) {
			if f := strings.Fields(strings.TrimPrefix(line, "require")); len(f) > 1 && f[0] == "github.com/grafana/tempo" {
				return f[1]
			}
		}
		return "none"
	}
	if ours, theirs := version(root), version(tempoMod); ours != theirs {
		t.Errorf("go.mod requires github.com/grafana/tempo %s, build/tempo.mod %s", ours, theirs)
	}
}
