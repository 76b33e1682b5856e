package tempotest

import (
	"bytes"
	_ "embed"
	"os"
	"path/filepath"
	"strings"
	"text/template"
)

//go:embed tempo.yaml
var tempoYAML string

// settings holds the values of the template tempo.yaml.
type settings struct {
	Config
	Generation                                     int // the first number of the version
	HTTPPort, GRPCPort, OTLPGRPCPort, OTLPHTTPPort int
}

func (s settings) WALDir() string       { return filepath.Join(s.Dir, "wal") }
func (s settings) BlocksDir() string    { return filepath.Join(s.Dir, "blocks") }
func (s settings) GeneratorDir() string { return filepath.Join(s.Dir, "generator") }

func (s settings) LiveStoreDir() string { return filepath.Join(s.Dir, "live-store") }
func (s settings) ShutdownDir() string  { return filepath.Join(s.Dir, "shutdown") }
func (s settings) SchedulerDir() string { return filepath.Join(s.Dir, "scheduler") }

func (s settings) GeneratorTracesDir() string { return filepath.Join(s.Dir, "generator-traces") }

// Processors returns the names of the metrics-generator's processors.
func (s settings) Processors() string {
	var names []string
	if s.RemoteWriteURL != "" {
		names = append(names, "service-graphs")
	}
	if s.TraceQLMetrics && s.Generation < 3 { // Tempo 3 needs no processor for metrics queries
		names = append(names, "local-blocks")
	}
	return strings.Join(names, ", ")
}

func (s settings) write(file string) error {
	tmpl, err := template.New("tempo.yaml").Parse(tempoYAML)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := tmpl.Execute(&b, s); err != nil {
		return err
	}
	return os.WriteFile(file, b.Bytes(), 0o644)
}
