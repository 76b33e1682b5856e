// Package collectortest runs a real OpenTelemetry Collector for tests: OTLP in, batches, OTLP
// out over gRPC or HTTP.
//
// The environment variable COLLECTOR_BIN names the program to run. Without it, the first use
// builds a Collector of version [Version] from its pinned Go modules; the program then stays in
// the cache directory of the user. A build takes a few minutes. This command builds ahead:
//
//	go run ./internal/collectortest/build
//
// The Collector is a separate program (Apache-2.0): a test that imports this package links no code
// of the Collector.
package collectortest

import (
	"context"
	_ "embed"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tempograph/tempograph/internal/buildtool"
	"github.com/tempograph/tempograph/internal/child"
)

// Version is the release of the Collector that is built when COLLECTOR_BIN is not set.
const Version = "v0.165.0"

var (
	//go:embed build/collector.mod
	collectorMod []byte
	//go:embed build/collector.sum
	collectorSum []byte
	//go:embed build/collector.go
	collectorMain []byte
)

// A Collector is a running server with OTLP receivers.
type Collector struct {
	GRPCAddr string // host:port for OTLP over gRPC, without TLS
	HTTPURL  string // base for OTLP over HTTP, to which /v1/traces is to be added

	dir     string
	program string
	export  string
	process *child.Process
}

// Build returns the path of the program that Start runs, and builds it if necessary. The
// progress of a build goes to standard error.
func Build(ctx context.Context) (program string, err error) {
	if program := os.Getenv("COLLECTOR_BIN"); program != "" {
		return program, nil
	}
	return buildtool.Build(ctx, buildtool.Program{
		Name:    "collector",
		Version: Version,
		Package: "main.go",
		Mod:     collectorMod,
		Sum:     collectorSum,
		Main:    collectorMain,
		Set:     []string{"main.version=" + strings.TrimPrefix(Version, "v")},
	}, os.Stderr)
}

// Start runs a Collector until the test and its subtests are over. It exports to the URL of an
// OTLP receiver without TLS: grpc://host:port, or http://host:port for OTLP over HTTP. Start
// skips a test that runs with -short. If the Collector cannot run, the test is skipped with the
// reason, or fails if the environment has TEMPOGRAPH_REQUIRE_SERVERS=1.
func Start(tb testing.TB, export string) *Collector {
	tb.Helper()
	program := child.Program(tb, "collectortest", Build)
	c := &Collector{dir: tb.TempDir(), program: program, export: export}
	err := child.OnFreePorts(2, func(ports []int) error {
		c.GRPCAddr = fmt.Sprintf("127.0.0.1:%d", ports[0])
		c.HTTPURL = fmt.Sprintf("http://127.0.0.1:%d", ports[1])
		return c.start(tb.Context())
	})
	if err != nil {
		child.Unavailable(tb, fmt.Errorf("collectortest: starting %s: %w", program, err))
	}
	tb.Cleanup(func() {
		if err := c.process.End("the Collector"); err != nil {
			tb.Errorf("collectortest: %v", err)
		}
	})
	return c
}

// Validate returns the output of the Collector's own check of a configuration file, and an error
// if the file is not valid.
func Validate(tb testing.TB, file string) (output string, err error) {
	tb.Helper()
	program := child.Program(tb, "collectortest", Build)
	out, err := exec.CommandContext(tb.Context(), program, "validate", "--config=file:"+file).CombinedOutput()
	return string(out), err
}

// LogTail returns the last lines of the log, some 8 KiB.
func (c *Collector) LogTail() string { return c.process.LogTail() }

// configuration turns the Collector's own telemetry off, because the default opens a port for
// metrics.
const configuration = `receivers:
  otlp:
    protocols:
      grpc: {endpoint: %q}
      http: {endpoint: %q}
processors:
  batch: {timeout: 100ms}
exporters:
  %s:
    %s
    tls: {insecure: true}
    retry_on_failure: {initial_interval: 200ms, max_interval: 1s}
service:
  telemetry:
    metrics: {level: none}
  pipelines:
    traces: {receivers: [otlp], processors: [batch], exporters: [%[3]s]}
`

// start runs the program once.
func (c *Collector) start(ctx context.Context) error {
	u, err := url.Parse(c.export)
	if err != nil {
		return err
	}
	exporter, endpoint := "otlp_http", fmt.Sprintf("endpoint: %q", c.export)
	if u.Scheme == "grpc" {
		exporter, endpoint = "otlp", fmt.Sprintf("endpoint: %q", u.Host)
	}
	file := filepath.Join(c.dir, "collector.yaml")
	text := fmt.Sprintf(configuration, c.GRPCAddr, strings.TrimPrefix(c.HTTPURL, "http://"), exporter, endpoint)
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		return err
	}
	process, err := child.Start(filepath.Join(c.dir, "collector.log"), c.program, "--config=file:"+file)
	if err != nil {
		return err
	}
	err = process.AwaitReady(ctx, func() bool {
		// The log shows that this process is ready. An answer at a port would not, because another
		// process may have taken the port.
		if !strings.Contains(process.LogTail(), "Everything is ready") {
			return false
		}
		conn, err := net.Dial("tcp", c.GRPCAddr)
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
	if err != nil {
		return err
	}
	c.process = process
	return nil
}
