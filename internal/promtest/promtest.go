// Package promtest runs a real Prometheus for tests.
//
// Prometheus runs as one process of version [Version] on a free port of 127.0.0.1, with its
// data in a directory of the test. The environment variable PROMETHEUS_BIN names the program
// to run. Without it, the first use builds Prometheus from its pinned Go module, without
// service discovery and without the pages of its user interface; the program then stays in
// the cache directory of the user. A build takes a few minutes. This command builds ahead:
//
//	go run ./internal/promtest/build
//
// Prometheus is a separate program (Apache-2.0): a test that imports this package links no code of
// Prometheus.
package promtest

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tempograph/tempograph/internal/buildtool"
	"github.com/tempograph/tempograph/internal/child"
)

// Version is the release of Prometheus that is built when PROMETHEUS_BIN is not set.
const Version = "v3.16.0"

var (
	//go:embed build/prometheus.mod
	prometheusMod []byte
	//go:embed build/prometheus.sum
	prometheusSum []byte
)

// Config says how Prometheus runs. The zero value accepts remote write and scrapes nothing.
type Config struct {
	// NoReceiver leaves out the flag --web.enable-remote-write-receiver. Prometheus then answers
	// remote write with 404.
	NoReceiver bool

	// Args are further arguments, such as "--enable-feature=native-histograms".
	Args []string

	// File is the configuration file in YAML. If File is empty, Prometheus scrapes nothing.
	File string

	// Dir is an existing directory for the configuration, the log and the data. If Dir is
	// empty, Start uses the temporary directory of the test.
	Dir string
}

// Prometheus is a running server.
type Prometheus struct {
	URL string // base of the HTTP API, without trailing slash: http://127.0.0.1:9090

	cfg     Config
	program string
	port    int
	process *child.Process
	stopped bool // by Stop
}

// RemoteWriteURL returns the URL to which series are written.
func (p *Prometheus) RemoteWriteURL() string { return p.URL + "/api/v1/write" }

// Build returns the path of the program that Start runs, and builds it if necessary. The
// progress of a build goes to standard error.
func Build(ctx context.Context) (program string, err error) {
	if program := os.Getenv("PROMETHEUS_BIN"); program != "" {
		return program, nil
	}
	return buildtool.Build(ctx, buildtool.Program{
		Name:    "prometheus",
		Version: Version,
		Package: "github.com/prometheus/prometheus/cmd/prometheus",
		Mod:     prometheusMod,
		Sum:     prometheusSum,
		Tags:    "remove_all_sd", // service discovery would link the clients of twenty clouds
		Set:     []string{"github.com/prometheus/common/version.Version=" + strings.TrimPrefix(Version, "v")},
	}, os.Stderr)
}

// A module that promtool requires and Prometheus does not: lines for go.mod and go.sum.
const (
	promtoolMod = "\nrequire github.com/nsf/jsondiff v0.0.0-20260207060731-8e8d90c4c0ac // indirect\n"
	promtoolSum = "github.com/nsf/jsondiff v0.0.0-20260207060731-8e8d90c4c0ac h1:4YV96Dzy2csSnhzl14/Qk5YsSrKAQusGsIADDn/4/g8=\n" +
		"github.com/nsf/jsondiff v0.0.0-20260207060731-8e8d90c4c0ac/go.mod h1:mpRZBD8SJ55OIICQ3iWH0Yz3cjzA61JdqMLoWXeB2+8=\n"
)

// BuildPromtool returns the path of promtool of the same [Version], and builds it if necessary: the
// path in PROMTOOL_BIN if that is set.
func BuildPromtool(ctx context.Context) (program string, err error) {
	if program := os.Getenv("PROMTOOL_BIN"); program != "" {
		return program, nil
	}
	return buildtool.Build(ctx, buildtool.Program{
		Name:    "promtool",
		Version: Version,
		Package: "github.com/prometheus/prometheus/cmd/promtool",
		Mod:     append(slices.Clone(prometheusMod), promtoolMod...),
		Sum:     append(slices.Clone(prometheusSum), promtoolSum...),
		Tags:    "remove_all_sd",
	}, os.Stderr)
}

// CheckConfig returns the output of promtool check config, and an error if the configuration file
// is not valid. CheckConfig skips or fails a test as [Start] does.
func CheckConfig(tb testing.TB, file string) (output string, err error) {
	tb.Helper()
	program := child.Program(tb, "promtest", BuildPromtool)
	out, err := exec.CommandContext(tb.Context(), program, "check", "config", "--lint=all", "--lint-fatal", file).CombinedOutput()
	return string(out), err
}

// Start runs Prometheus until the test and its subtests are over. Start skips a test that runs
// with -short. If Prometheus cannot run, the test is skipped with the reason, or fails if the
// environment has TEMPOGRAPH_REQUIRE_SERVERS=1. If Prometheus dies before the test is over,
// the test fails.
func Start(tb testing.TB, cfg Config) *Prometheus {
	tb.Helper()
	program := child.Program(tb, "promtest", Build)
	if cfg.Dir == "" {
		cfg.Dir = tb.TempDir()
	}
	p := &Prometheus{cfg: cfg, program: program}
	err := child.OnFreePorts(1, func(ports []int) error {
		p.port = ports[0]
		return p.start(tb.Context())
	})
	if err != nil {
		child.Unavailable(tb, fmt.Errorf("promtest: starting %s: %w", program, err))
	}
	tb.Cleanup(func() {
		if err := p.process.End("Prometheus"); err != nil && !p.stopped {
			tb.Errorf("promtest: %v", err)
		}
	})
	return p
}

// Stop kills Prometheus. Restart uses the same data and the same port.
func (p *Prometheus) Stop() {
	p.stopped = true
	p.process.Kill()
}

// Restart runs Prometheus again after Stop, on the same port and with the same data. The Dir of
// cfg is ignored.
func (p *Prometheus) Restart(tb testing.TB, cfg Config) {
	tb.Helper()
	cfg.Dir = p.cfg.Dir
	p.cfg = cfg
	if err := p.start(tb.Context()); err != nil {
		tb.Fatalf("promtest: restarting Prometheus: %v", err)
	}
}

// start runs the program once, on the port of p.
func (p *Prometheus) start(ctx context.Context) error {
	file := filepath.Join(p.cfg.Dir, "prometheus.yml")
	if err := os.WriteFile(file, []byte(p.cfg.File), 0o644); err != nil {
		return err
	}
	data := filepath.Join(p.cfg.Dir, "data")
	args := []string{
		"--config.file=" + file,
		"--storage.tsdb.path=" + data,
		fmt.Sprintf("--web.listen-address=127.0.0.1:%d", p.port),
	}
	if !p.cfg.NoReceiver {
		args = append(args, "--web.enable-remote-write-receiver")
	}
	process, err := child.Start(filepath.Join(p.cfg.Dir, "prometheus.log"), p.program, append(args, p.cfg.Args...)...)
	if err != nil {
		return err
	}
	p.stopped = false
	p.process, p.URL = process, fmt.Sprintf("http://127.0.0.1:%d", p.port)
	return p.awaitReady(ctx, data)
}

// awaitReady returns when this process is ready or has ended. It recognizes this process by the
// data directory in the flags that the server reports, because another Prometheus may have taken
// the port.
func (p *Prometheus) awaitReady(ctx context.Context, data string) error {
	return p.process.AwaitReady(ctx, func() bool {
		if _, ready := child.Get(ctx, p.URL+"/-/ready"); !ready {
			return false
		}
		flags, ok := child.Get(ctx, p.URL+"/api/v1/status/flags")
		return ok && strings.Contains(flags, data)
	})
}
