// Package tempotest runs a real Grafana Tempo for tests and examples.
//
// The Tempo is version [Version] as one process: it receives traces over OTLP,
// stores them in a local directory, answers queries over HTTP and gRPC, and can
// write the series of its service-graphs metrics generator to a URL. It listens
// on free ports of 127.0.0.1 and speaks to nobody else, so any number of them run
// side by side. Its delays are set for tests: it is up in a fraction of a second,
// and a trace can be read by its id some milliseconds after it was pushed and be
// found by a search some tenths of a second after. Neither moment is announced:
// a test has to ask again until the trace is there.
//
// # Where Tempo comes from
//
// The program named by the environment variable TEMPO_BIN, if it is set.
// Otherwise Tempo is built from its pinned Go module on first use: that needs the
// go command and a module proxy and takes a few minutes, after which the program
// (100 MB) stays in the cache directory of the user. Tempo is a separate program
// with a licence of its own (AGPL-3.0); nothing of it is linked into what imports
// this package.
//
// # Skipping
//
// [Start] skips a test that runs with -short. If Tempo cannot be built or does not
// come up, it skips as well and gives the reason, unless the environment has
// TEMPOGRAPH_REQUIRE_SERVERS=1: then the test fails. A Tempo that came up and died
// before the test was over fails the test in any case.
package tempotest

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tempograph/tempograph/internal/buildtool"
)

// Version is the release of Tempo that is built when TEMPO_BIN is not set.
const Version = "v2.9.0"

var (
	//go:embed build/tempo.mod
	tempoMod []byte
	//go:embed build/tempo.sum
	tempoSum []byte
)

// startTimeout is how long Tempo may take to come up. It is usually ready in less
// than a tenth of a second; a minute is for a machine that does ten other things.
const startTimeout = time.Minute

// startAttempts is how often another set of ports is tried when one of them was
// taken between choosing and using it.
const startAttempts = 5

// Config says how Tempo runs. The zero value is a Tempo for one tenant without
// metrics generator.
type Config struct {
	// RemoteWriteURL is where the service-graphs metrics generator sends its series,
	// by Prometheus remote write 1.0. If it is empty there are no such series.
	//
	// The first series arrive 15 to 20 seconds after the first span, and later ones
	// about every 15 seconds. The generator ignores spans that ended more than 30
	// seconds from now, and gives up waiting for the other half of a call after some
	// 2 seconds.
	RemoteWriteURL string

	// ServiceGraphs are settings of the service-graphs processor in YAML, one a line
	// as below metrics_generator.processor.service_graphs, beside those that make it
	// quick: "dimensions: [deployment.environment]".
	ServiceGraphs []string

	// TraceQLMetrics makes Tempo answer metrics queries such as {} | rate(): its
	// generator keeps the spans for that (local-blocks).
	TraceQLMetrics bool

	// Multitenancy makes Tempo refuse requests without an X-Scope-OrgID header, which
	// names the tenant.
	Multitenancy bool

	// Dir is an existing directory for the configuration, the log and the data, which
	// stay there. If it is empty, Run makes a temporary one that Close removes, and
	// Start uses the temporary directory of the test.
	Dir string
}

// A Tempo is a running Tempo. Its fields are for reading, and its methods may be
// called from several goroutines.
type Tempo struct {
	URL          string // base of the HTTP query API, without trailing slash: http://127.0.0.1:3200
	GRPCAddr     string // host:port of the gRPC query API (StreamingQuerier), without TLS
	OTLPGRPCAddr string // host:port for OTLP over gRPC, without TLS
	OTLPHTTPURL  string // base for OTLP over HTTP, to which /v1/traces is to be added

	process *process
	close   func() error
}

// Start runs a Tempo until the test and its subtests are over. It skips or fails
// the test if there is none to be had, as the package comment says.
func Start(tb testing.TB, cfg Config) *Tempo {
	tb.Helper()
	if testing.Short() {
		tb.Skip("tempotest: tests with servers do not run with -short")
	}
	if cfg.Dir == "" {
		cfg.Dir = tb.TempDir()
	}
	t, err := Run(tb.Context(), cfg)
	if err != nil {
		if os.Getenv("TEMPOGRAPH_REQUIRE_SERVERS") == "1" {
			tb.Fatalf("tempotest: %v", err)
		}
		tb.Skipf("tempotest: %v", err)
	}
	tb.Cleanup(func() {
		if err := t.Close(); err != nil {
			tb.Errorf("tempotest: %v", err)
		}
	})
	return t
}

// Run starts a Tempo that runs until Close, for programs that are not tests. It
// returns when Tempo is ready to receive and to answer. The progress of a build
// goes to standard error.
//
// ctx bounds the build and the start, not the life of the Tempo. Where the system
// can promise it (Linux), Tempo does not outlive the calling process.
//
// The error of a Tempo that did not come up holds the end of its log.
func Run(ctx context.Context, cfg Config) (*Tempo, error) {
	program := os.Getenv("TEMPO_BIN")
	if program == "" {
		var err error
		program, err = buildtool.Build(ctx, buildtool.Program{
			Name:    "tempo",
			Version: Version,
			Package: "github.com/grafana/tempo/cmd/tempo",
			Mod:     tempoMod,
			Sum:     tempoSum,
			Set:     []string{"main.Version=" + strings.TrimPrefix(Version, "v")}, // as its releases say it
		}, os.Stderr)
		if err != nil {
			return nil, err
		}
	}
	remove := func() error { return nil }
	if cfg.Dir == "" {
		dir, err := os.MkdirTemp("", "tempotest-")
		if err != nil {
			return nil, err
		}
		cfg.Dir = dir
		remove = func() error { return os.RemoveAll(dir) }
	}
	for attempt := 1; ; attempt++ {
		t, err := start(ctx, program, cfg)
		if errors.Is(err, errPortTaken) && attempt < startAttempts {
			continue
		}
		if err != nil {
			return nil, errors.Join(fmt.Errorf("starting %s: %w", program, err), remove())
		}
		t.close = sync.OnceValue(func() error {
			if !t.process.kill() {
				err = fmt.Errorf("tempo died while in use: %s; its log ends:\n%s", t.process.state(), t.LogTail())
			}
			return errors.Join(err, remove())
		})
		return t, nil
	}
}

// Close kills Tempo, which loses what it has not yet written to disk or sent, and
// waits for its end. (Asked politely, Tempo takes six seconds.) It returns an error,
// with the end of the log, if Tempo had already died. Further calls return the same.
func (t *Tempo) Close() error { return t.close() }

// LogTail returns the last lines of what Tempo has logged, some 8 KiB of them.
// Each query is logged. After Close there is a log only if the Config had a Dir.
func (t *Tempo) LogTail() string { return t.process.logTail() }

// errPortTaken reports that another process had one of the chosen ports.
var errPortTaken = errors.New("a port was taken")

// start runs the program once, on ports that are free at the moment of choosing.
func start(ctx context.Context, program string, cfg Config) (*Tempo, error) {
	ports, err := freePorts(4)
	if err != nil {
		return nil, fmt.Errorf("choosing ports: %w", err)
	}
	s := settings{
		Config:       cfg,
		HTTPPort:     ports[0],
		GRPCPort:     ports[1],
		OTLPGRPCPort: ports[2],
		OTLPHTTPPort: ports[3],
	}
	file := filepath.Join(cfg.Dir, "tempo.yaml")
	if err := s.write(file); err != nil {
		return nil, fmt.Errorf("writing the configuration: %w", err)
	}
	p, err := startProcess(filepath.Join(cfg.Dir, "tempo.log"), program, "-config.file="+file)
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
		p.kill()
		log := p.logTail()
		if strings.Contains(log, "address already in use") {
			err = fmt.Errorf("%w: %w", errPortTaken, err)
		}
		return nil, fmt.Errorf("%w; its log ends:\n%s", err, log)
	}
	return t, nil
}

// awaitReady returns when this Tempo, recognised by the port in its
// configuration, is ready, or when it cannot become ready any more.
func (t *Tempo) awaitReady(ctx context.Context, grpcPort int) error {
	ctx, cancel := context.WithTimeoutCause(ctx, startTimeout, fmt.Errorf("not ready after %v", startTimeout))
	defer cancel()
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	get := func(path string) (string, bool) {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, t.URL+path, nil)
		if err != nil {
			return "", false
		}
		resp, err := client.Do(req)
		if err != nil {
			return "", false
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		return string(body), err == nil && resp.StatusCode == http.StatusOK
	}
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-t.process.done:
			return fmt.Errorf("ended before it was ready: %s", t.process.state())
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
		if _, ready := get("/ready"); !ready {
			continue
		}
		// If our port was taken by another Tempo, it is that one which is ready, and
		// ours is about to end.
		config, ok := get("/status/config")
		if ok && strings.Contains(config, fmt.Sprintf("grpc_listen_port: %d\n", grpcPort)) {
			return nil
		}
	}
}
