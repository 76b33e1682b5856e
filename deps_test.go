package tempograph_test

import (
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/tempograph/tempograph"

// What several packages may reach. A module's path stands for all its packages.
const (
	// The packages that word messages are for everyone: they need the standard library alone.
	wording = "internal/quantity internal/redact internal/suggest "

	otelAPI = "go.opentelemetry.io/otel go.opentelemetry.io/auto/sdk github.com/go-logr/logr github.com/go-logr/stdr github.com/cespare/xxhash/v2 "
	otelSDK = otelAPI + "github.com/google/uuid golang.org/x/sys "
	grpc    = "google.golang.org/grpc google.golang.org/protobuf google.golang.org/genproto golang.org/x/net golang.org/x/sys golang.org/x/text "
)

// heart is servicegraph with the internal packages that it reaches.
const heart = wording + "servicegraph servicegraph/internal/arena servicegraph/internal/histogram servicegraph/internal/semconv "

// policy says what each package may reach, directly or not, beyond the standard
// library: packages of this module by their path in it, others by the path of
// their module or a part of it. It is the architecture, written down: data flows
// from a source through servicegraph to a renderer, and every heavy dependency
// has one importer. Change it first, in a commit of its own.
var policy = map[string]string{
	"": "",

	"servicegraph":                    heart,
	"servicegraph/internal/arena":     "",
	"servicegraph/internal/histogram": "",
	"servicegraph/internal/semconv":   "",

	"servicegraph/temposeries": heart,
	"servicegraph/tracefile":   heart + "servicegraph/tracefile/internal/inflate servicegraph/tracefile/internal/jsontext servicegraph/tracefile/internal/quote github.com/klauspost/compress google.golang.org/protobuf/encoding/protowire google.golang.org/protobuf/internal",
	"servicegraph/otelspan":    heart + otelSDK,
	"servicegraph/graphtest":   heart + "servicegraph/otelspan servicegraph/render " + otelSDK,
	"servicegraph/render":      heart,
	"servicegraph/render/draw": heart + "servicegraph/render servicegraph/render/draw/internal/cachedir github.com/goccy/go-graphviz github.com/tetratelabs/wazero github.com/disintegration/imaging github.com/flopp/go-findfont github.com/fogleman/gg github.com/golang/freetype golang.org/x/image golang.org/x/text golang.org/x/sys",

	"servicegraph/render/report": heart + "servicegraph/render",

	"servicegraph/tracefile/internal/inflate":  "github.com/klauspost/compress",
	"servicegraph/tracefile/internal/jsontext": "servicegraph/tracefile/internal/quote",
	"servicegraph/tracefile/internal/quote":    "",

	"servicegraph/render/draw/internal/cachedir": "",
	"servicegraph/render/internal/rendertest":    heart,

	// pkg/pool comes with tempopb, which recycles buffers in it. Tempo's licence
	// file lists tempopb as Apache-2.0 and does not list pkg/pool, a fork of a
	// package of Prometheus (Apache-2.0).
	"tempoclient":           heart + "github.com/grafana/tempo/pkg/tempopb github.com/grafana/tempo/pkg/pool github.com/gogo/protobuf github.com/golang/protobuf github.com/prometheus github.com/beorn7/perks github.com/cespare/xxhash/v2 github.com/munnerz/goautoneg go.yaml.in/yaml go.opentelemetry.io/otel " + grpc,
	"tempoclient/tempotest": "internal/buildtool github.com/rogpeppe/go-internal",
	"otelsetup":             wording + otelSDK + grpc + "go.opentelemetry.io/proto/otlp github.com/cenkalti/backoff github.com/grpc-ecosystem/grpc-gateway",
	"internal/quantity":     "",
	"internal/redact":       "",
	"internal/suggest":      "",
	"internal/buildtool":    "github.com/rogpeppe/go-internal",
	"internal/otlpreceiver": wording + grpc + "go.opentelemetry.io/proto/otlp github.com/grpc-ecosystem/grpc-gateway",
	"internal/tempocompat":  "",

	"cmd/graphviz-export": "*",

	"cmd/graphviz-export/internal/viewer": heart + "servicegraph/render servicegraph/render/report",

	"examples/guarded":    "*",
	"examples/quickstart": "*",
}

// importers are the only packages that may import a heavy dependency themselves:
// tempopb registers metrics and links gRPC when a program starts, and is all of
// Tempo that its licence lets us import; go-graphviz starts a wasm runtime.
var importers = map[string]string{
	"github.com/grafana/tempo":      "tempoclient",
	"github.com/goccy/go-graphviz":  "servicegraph/render/draw",
	"github.com/tetratelabs/wazero": "servicegraph/render/draw",
}

// TestDependencies fails for a package that reaches what the policy does not
// give it, for one that the policy does not know, and for one of the policy that
// is no more.
func TestDependencies(t *testing.T) {
	packages := goList(t, "{{.ImportPath}}", "./...")
	for name := range policy {
		if !slices.Contains(packages, path.Join(module, name)) {
			t.Errorf("the policy speaks of %q, which does not exist", name)
		}
	}
	for _, pkg := range packages {
		name := strings.TrimPrefix(strings.TrimPrefix(pkg, module), "/")
		allowed, known := policy[name]
		if !known {
			t.Errorf("package %s is not in the policy", name)
			continue
		}
		forbidden := slices.DeleteFunc(
			goList(t, "{{if not .Standard}}{{.ImportPath}}{{end}}", "-deps", pkg),
			func(dep string) bool {
				return dep == pkg || allowed == "*" || slices.ContainsFunc(strings.Fields(allowed), func(a string) bool {
					return dep == module+"/"+a || within(dep, a)
				})
			})
		if len(forbidden) > 0 {
			t.Errorf("package %q must not reach\n\t%s", name, strings.Join(forbidden, "\n\t"))
		}
	}
}

// TestImporters fails for a package that imports what is another's to import,
// tests included.
func TestImporters(t *testing.T) {
	const imports = `{{$p := .ImportPath}}{{range .Imports}}{{$p}}={{.}} {{end}}{{range .TestImports}}{{$p}}={{.}} {{end}}{{range .XTestImports}}{{$p}}={{.}} {{end}}`
	for _, pair := range goList(t, imports, "./...") {
		pkg, imported, _ := strings.Cut(pair, "=")
		for heavy, importer := range importers {
			if within(imported, heavy) && pkg != module+"/"+importer {
				t.Errorf("package %s must not import %s: only %s does", pkg, imported, importer)
			}
		}
		if within(imported, "github.com/grafana/tempo") && !within(imported, "github.com/grafana/tempo/pkg/tempopb") {
			t.Errorf("package %s must not import %s: its licence is not ours", pkg, imported)
		}
	}
}

// within reports whether a package path is parent or below it.
func within(pkg, parent string) bool {
	return pkg == parent || strings.HasPrefix(pkg, parent+"/")
}

// goList returns the words that go list prints.
func goList(t *testing.T, format string, args ...string) []string {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list", "-f", format}, args...)...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.String())
	}
	return strings.Fields(string(out))
}
