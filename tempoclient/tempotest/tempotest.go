// Package tempotest runs a real Grafana Tempo for tests and examples.
//
// Tempo runs as one process of version [Version]: it receives traces over OTLP, stores them in a
// local directory, answers queries over HTTP and gRPC, and can write the series of its
// metrics-generator's service-graphs processor to a URL. Tempo listens on free ports of 127.0.0.1
// and connects to nothing else, so any number of instances run side by side. Its delays are set for
// tests: Tempo starts in a fraction of a second, returns a trace by id some milliseconds after the
// push, and finds the trace in searches some tenths of a second after the push. Tempo does not
// report when a trace is available: a test must repeat its request until the trace is in the
// answer.
//
// # Where Tempo comes from
//
// The environment variable TEMPO_BIN names the program to run, of Tempo 2 or Tempo 3. The package
// asks the program for its version, and writes a configuration for that generation. Without
// TEMPO_BIN, the first use builds Tempo from its pinned Go module. A build needs the go command and
// a module proxy; the program (100 MB) then stays in the cache directory of the user. A build takes
// a few minutes, and on a slow machine more than the 10 minutes after which go test ends a test.
// This command builds Tempo before the tests run:
//
//	go run github.com/tempograph/tempograph/tempoclient/tempotest/build
//
// Tempo is a separate program with a license of its own (AGPL-3.0); a program that imports this
// package links no code of Tempo.
//
// # Skipping
//
// [Start] skips a test that runs with -short. If Tempo cannot be built or does not
// start, the test is skipped as well, with the reason, unless the environment has
// TEMPOGRAPH_REQUIRE_SERVERS=1: then the test fails. If Tempo dies before the test is
// over, the test fails in any case.
package tempotest

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tempograph/tempograph/internal/buildtool"
	"github.com/tempograph/tempograph/internal/child"
)

// Version is the release of Tempo that is built when TEMPO_BIN is not set.
const Version = "v2.9.0"

var (
	//go:embed build/tempo.mod
	tempoMod []byte
	//go:embed build/tempo.sum
	tempoSum []byte
)

// Config says how Tempo runs. The zero value means one tenant and no metrics
// generator.
type Config struct {
	// RemoteWriteURL is where the metrics-generator sends the series of service-graphs,
	// by Prometheus remote write 1.0. An empty URL turns the generator off.
	//
	// The first series arrive 15 to 20 seconds after the first span, and later ones
	// about every 15 seconds. The generator ignores spans that ended more than 30
	// seconds from now, and waits some 2 seconds for the other half of a call.
	RemoteWriteURL string

	// ServiceGraphs are further settings of the service-graphs processor, lines of YAML
	// below metrics_generator.processor.service_graphs, such as
	// "dimensions: [deployment.environment]".
	ServiceGraphs []string

	// TraceQLMetrics makes Tempo answer metrics queries such as {} | rate(), for which
	// its generator keeps the spans (local-blocks).
	TraceQLMetrics bool

	// Multitenancy makes Tempo refuse requests without an X-Scope-OrgID header, which
	// names the tenant.
	Multitenancy bool

	// Dir is an existing directory for the configuration, the log and the data, which
	// stay there. If Dir is empty, Run makes a temporary directory that Close removes,
	// and Start uses the temporary directory of the test.
	Dir string
}

// Tempo is a running server. Its fields are read-only, and its methods are safe for
// concurrent use.
type Tempo struct {
	URL          string // base of the HTTP query API, without trailing slash: http://127.0.0.1:3200
	GRPCAddr     string // host:port of the gRPC query API (StreamingQuerier), without TLS
	OTLPGRPCAddr string // host:port for OTLP over gRPC, without TLS
	OTLPHTTPURL  string // base for OTLP over HTTP, to which /v1/traces is to be added

	process *child.Process
	close   func() error
}

// Start runs Tempo until the test and its subtests are over. If Tempo cannot run,
// Start skips or fails the test, as the package comment says.
func Start(tb testing.TB, cfg Config) *Tempo {
	tb.Helper()
	child.SkipShort(tb, "tempotest")
	if cfg.Dir == "" {
		cfg.Dir = tb.TempDir()
	}
	ctx := tb.Context()
	if d, ok := tb.(interface{ Deadline() (time.Time, bool) }); ok {
		if deadline, ok := d.Deadline(); ok {
			var cancel context.CancelFunc
			ctx, cancel = context.WithDeadlineCause(ctx, deadline.Add(-deadlineMargin), errDeadline)
			defer cancel()
		}
	}
	t, err := Run(ctx, cfg)
	if context.Cause(ctx) == errDeadline && tb.Context().Err() == nil {
		tb.Fatalf("tempotest: %v: %v", errDeadline, err)
	}
	if err != nil {
		child.Unavailable(tb, fmt.Errorf("tempotest: %w", err))
	}
	tb.Cleanup(func() {
		if err := t.Close(); err != nil {
			tb.Errorf("tempotest: %v", err)
		}
	})
	return t
}

// deadlineMargin is how long before the deadline of go test a build is given up, so that
// the failure is reported.
const deadlineMargin = 5 * time.Second

// errDeadline says how to build Tempo without the deadline of a test.
var errDeadline = errors.New("Tempo was not built before the deadline of go test: build it ahead with" +
	" go run github.com/tempograph/tempograph/tempoclient/tempotest/build, or raise -timeout")

// Build returns the path of the program that Start and Run run. If TEMPO_BIN is not set
// and the cache has no Tempo of this [Version], Build builds it, and reports the progress
// on standard error.
func Build(ctx context.Context) (program string, err error) {
	if program := os.Getenv("TEMPO_BIN"); program != "" {
		return program, nil
	}
	return buildtool.Build(ctx, buildtool.Program{
		Name:    "tempo",
		Version: Version,
		Package: "github.com/grafana/tempo/cmd/tempo",
		Mod:     tempoMod,
		Sum:     tempoSum,
		Set:     []string{"main.Version=" + strings.TrimPrefix(Version, "v")}, // as in its releases
	}, os.Stderr)
}

// generation returns the first number of the version of a Tempo program, and 2 if the program does
// not report a version.
func generation(ctx context.Context, program string) int {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, program, "--version").CombinedOutput()
	if m := versionNumber.FindSubmatch(out); err == nil && m != nil {
		if n, err := strconv.Atoi(string(m[1])); err == nil {
			return n
		}
	}
	return 2
}

var versionNumber = regexp.MustCompile(`version v?(\d+)\.`)

// Run starts a server that runs until Close, for programs that are not tests. Run
// returns when Tempo is ready to receive and to answer. The progress of a build
// goes to standard error.
//
// ctx bounds the build and the start, not the life of the server. On Linux, Tempo
// ends with the calling process at the latest.
//
// If Tempo does not start, the error holds the end of its log.
func Run(ctx context.Context, cfg Config) (*Tempo, error) {
	program, err := Build(ctx)
	if err != nil {
		return nil, err
	}
	version := generation(ctx, program)
	remove := func() error { return nil }
	if cfg.Dir == "" {
		dir, err := os.MkdirTemp("", "tempotest-")
		if err != nil {
			return nil, err
		}
		cfg.Dir = dir
		remove = func() error { return os.RemoveAll(dir) }
	}
	var t *Tempo
	err = child.OnFreePorts(4, func(ports []int) (err error) {
		t, err = start(ctx, program, version, cfg, ports)
		return err
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("starting %s: %w", program, err), remove())
	}
	t.close = sync.OnceValue(func() error { return errors.Join(t.process.End("tempo"), remove()) })
	return t, nil
}

// Close kills Tempo and waits for its end. Tempo loses the data that it has not yet
// written to disk or sent; an orderly shutdown would take six seconds. If Tempo had
// died before, Close returns an error with the end of the log. Further calls return
// the same result.
func (t *Tempo) Close() error { return t.close() }

// LogTail returns the last lines of Tempo's log, some 8 KiB. Tempo logs each query.
// After Close the log exists only if the Config had a Dir.
func (t *Tempo) LogTail() string { return t.process.LogTail() }

// start runs the program once, on four ports.
func start(ctx context.Context, program string, version int, cfg Config, ports []int) (*Tempo, error) {
	s := settings{
		Config:       cfg,
		Generation:   version,
		HTTPPort:     ports[0],
		GRPCPort:     ports[1],
		OTLPGRPCPort: ports[2],
		OTLPHTTPPort: ports[3],
	}
	file := filepath.Join(cfg.Dir, "tempo.yaml")
	if err := s.write(file); err != nil {
		return nil, fmt.Errorf("writing the configuration: %w", err)
	}
	p, err := child.Start(filepath.Join(cfg.Dir, "tempo.log"), program, "-config.file="+file)
	if err != nil {
		return nil, err
	}
	t := &Tempo{
		URL:          fmt.Sprintf("http://127.0.0.1:%d", s.HTTPPort),
		GRPCAddr:     fmt.Sprintf("127.0.0.1:%d", s.GRPCPort),
		OTLPGRPCAddr: fmt.Sprintf("127.0.0.1:%d", s.OTLPGRPCPort),
		OTLPHTTPURL:  fmt.Sprintf("http://127.0.0.1:%d", s.OTLPHTTPPort),
		process:      p,
	}
	if err := t.awaitReady(ctx, s.GRPCPort); err != nil {
		return nil, err
	}
	return t, nil
}

// awaitReady returns when this process is ready or has ended. It recognizes this process by the
// gRPC port in the configuration that the server reports.
func (t *Tempo) awaitReady(ctx context.Context, grpcPort int) error {
	return t.process.AwaitReady(ctx, func() bool {
		if _, ready := child.Get(ctx, t.URL+"/ready"); !ready {
			return false
		}
		// Another Tempo may have taken the port. Then the other Tempo answers, and this process is
		// about to end.
		config, ok := child.Get(ctx, t.URL+"/status/config")
		return ok && strings.Contains(config, fmt.Sprintf("grpc_listen_port: %d\n", grpcPort))
	})
}
