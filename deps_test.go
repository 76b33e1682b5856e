package tempograph_test

import (
	"maps"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/tempograph/tempograph"

// Lists that the policies of several packages share. The path of a module means all its packages.
const (
	// Every package may use these for messages. They need only the standard library.
	wording = "internal/quantity internal/redact internal/suggest "

	otelAPI = "go.opentelemetry.io/otel go.opentelemetry.io/auto/sdk github.com/go-logr/logr github.com/go-logr/stdr github.com/cespare/xxhash/v2 "
	otelSDK = otelAPI + "github.com/google/uuid golang.org/x/sys "
	grpc    = "google.golang.org/grpc google.golang.org/protobuf google.golang.org/genproto golang.org/x/net golang.org/x/sys golang.org/x/text "
)

// serverTest lists the packages that a package needs to build and run a server for tests.
const serverTest = "internal/buildtool internal/child github.com/rogpeppe/go-internal "

// heart is servicegraph and the internal packages that it reaches.
const heart = wording + "internal/jsonstream servicegraph servicegraph/internal/arena servicegraph/internal/digraph servicegraph/internal/directory servicegraph/internal/histogram servicegraph/internal/idhash servicegraph/internal/pack servicegraph/internal/pairing servicegraph/internal/semconv servicegraph/internal/trace "

// readers is tracefile and the packages that it reaches.
const readers = heart + "servicegraph/tracefile servicegraph/tracefile/internal/inflate servicegraph/tracefile/internal/jsontext servicegraph/tracefile/internal/quote github.com/klauspost/compress google.golang.org/protobuf/encoding/protowire google.golang.org/protobuf/internal "

// promClient lists the packages that client_golang's collectors and its client of the HTTP API
// reach.
const promClient = "github.com/prometheus/client_golang/prometheus github.com/prometheus/client_golang/internal github.com/prometheus/client_golang/api github.com/prometheus/client_model github.com/prometheus/common github.com/prometheus/procfs github.com/beorn7/perks github.com/cespare/xxhash/v2 github.com/munnerz/goautoneg github.com/json-iterator/go github.com/modern-go golang.org/x/sys google.golang.org/protobuf "

// texts is render and the packages that render reaches.
const texts = "servicegraph/render servicegraph/render/internal/mermaidtext "

// drawing is draw and the packages that only draw reaches.
const drawing = "servicegraph/render/draw servicegraph/render/draw/internal/cachedir github.com/goccy/go-graphviz github.com/tetratelabs/wazero github.com/disintegration/imaging github.com/flopp/go-findfont github.com/fogleman/gg github.com/golang/freetype golang.org/x/image golang.org/x/text golang.org/x/sys "

// Lists that the policies of the command's packages share.
const (
	terminal   = "golang.org/x/term golang.org/x/sys "
	tables     = "cmd/graphviz-export/internal/console cmd/graphviz-export/internal/graphtext cmd/graphviz-export/internal/plaintable " + terminal
	timeRanges = "cmd/graphviz-export/internal/exit cmd/graphviz-export/internal/timerange "
	topology   = "servicegraph/topology gonum.org/v1/gonum "
)

// policy lists the packages beyond the standard library that each package may reach, directly or
// indirectly: packages of this module by their path in the module, other packages by the path of
// their module or by the beginning of their own path. The policy states the architecture: data
// flows from a source through servicegraph to a renderer, and every heavy dependency has one
// importer. Change the policy first, in a commit of its own.
var policy = map[string]string{
	"": "",

	"servicegraph":                    heart,
	"servicegraph/internal/arena":     "servicegraph/internal/idhash",
	"servicegraph/internal/digraph":   "",
	"servicegraph/internal/histogram": "",
	"servicegraph/internal/idhash":    "",
	"servicegraph/internal/directory": "servicegraph/internal/idhash servicegraph/internal/semconv servicegraph/internal/trace",
	"servicegraph/internal/pack":      "servicegraph/internal/semconv",
	"servicegraph/internal/semconv":   "",
	"servicegraph/internal/trace":     "servicegraph/internal/idhash",
	"servicegraph/internal/pairing":   "servicegraph/internal/idhash servicegraph/internal/trace",

	"servicegraph/temposeries": heart,
	"servicegraph/critpath":    heart,
	"servicegraph/graphdiff":   heart + texts,
	"servicegraph/topology":    heart + texts + topology,
	"servicegraph/tracefile":   readers,
	"servicegraph/promgraph":   heart + "servicegraph/temposeries " + promClient,

	"servicegraph/promgraph/otlpmetric":  heart + "servicegraph/promgraph servicegraph/temposeries " + promClient + otelSDK,
	"servicegraph/promgraph/remotewrite": heart + "servicegraph/promgraph servicegraph/temposeries github.com/prometheus/client_golang/exp github.com/klauspost/compress " + promClient,

	"servicegraph/otelspan":    heart + otelSDK,
	"servicegraph/graphtest":   heart + "servicegraph/graphdiff servicegraph/otelspan " + texts + otelSDK,
	"servicegraph/render":      heart + "servicegraph/render/internal/mermaidtext",
	"servicegraph/render/draw": heart + texts + drawing,

	"servicegraph/live":          heart + "internal/ownhost " + texts + "servicegraph/render/report",
	"servicegraph/render/report": heart + texts,

	"servicegraph/tracefile/internal/inflate":  "github.com/klauspost/compress",
	"servicegraph/tracefile/internal/jsontext": wording + "servicegraph/tracefile/internal/quote",
	"servicegraph/tracefile/internal/quote":    "",

	"servicegraph/render/draw/internal/cachedir": "",
	"servicegraph/render/internal/rendertest":    heart,
	"servicegraph/render/internal/mermaidtext":   "",
	"servicegraph/render/sequence":               heart + texts,

	// tempoclient decodes Tempo's protobuf with the readers of tracefile, so that its importers
	// link no code of Tempo.
	"tempoclient":                 readers + "internal/httpfault tempoclient/internal/shared",
	"tempoclient/internal/shared": wording,

	"tempoclient/internal/tempospeed": readers + "tempoclient internal/httpfault tempoclient/internal/shared " + serverTest + "tempoclient/tempotest go.opentelemetry.io/proto/otlp " + grpc,

	// tempopb imports pkg/pool, which recycles buffers. Tempo's license file lists
	// tempopb as Apache-2.0. It does not list pkg/pool, a fork of a package of
	// Prometheus (Apache-2.0).
	"tempoclient/tempogrpc": readers + "tempoclient internal/httpfault tempoclient/internal/shared github.com/grafana/tempo/pkg/tempopb github.com/grafana/tempo/pkg/pool github.com/gogo/protobuf github.com/golang/protobuf github.com/prometheus github.com/beorn7/perks github.com/cespare/xxhash/v2 github.com/munnerz/goautoneg go.yaml.in/yaml go.opentelemetry.io/otel " + grpc,

	"tempoclient/tempotest": serverTest,

	"tempoclient/tempotest/build": serverTest + "tempoclient/tempotest",

	"otelsetup":                 "internal/httpfault otelsetup/internal/webapi " + wording + otelSDK + grpc + "go.opentelemetry.io/proto/otlp github.com/cenkalti/backoff github.com/grpc-ecosystem/grpc-gateway",
	"otelsetup/internal/webapi": wording + "internal/httpfault ",
	"otelsetup/configcheck":     wording + "go.yaml.in/yaml",
	"internal/attack":           "google.golang.org/protobuf/encoding/protowire google.golang.org/protobuf/internal",
	"internal/loadtest":         "internal/attack google.golang.org/protobuf/encoding/protowire google.golang.org/protobuf/internal",
	"internal/dependencylist":   heart,
	"internal/httpfault":        "",
	"internal/jsonstream":       wording,
	"internal/ownhost":          "",
	"internal/quantity":         "",
	"internal/redact":           "",
	"internal/suggest":          "",
	"internal/buildtool":        "github.com/rogpeppe/go-internal",
	"servicegraph/otlpreceiver": wording + grpc + "go.opentelemetry.io/proto/otlp github.com/grpc-ecosystem/grpc-gateway",
	"internal/tempocompat":      "",

	// Servers for tests.
	"internal/child":               "",
	"internal/collectortest":       serverTest,
	"internal/collectortest/build": serverTest + "internal/collectortest",
	"internal/promtest":            serverTest,
	"internal/promtest/build":      serverTest + "internal/promtest",
	"examples/deploy":              "",

	// Generated systems, and measurements of their images.
	"internal/imagecheck": "",
	"internal/imagetable": heart + "internal/imagecheck internal/systems " + texts + drawing,
	"internal/systems":    heart,
	"internal/spanfile":   heart + "internal/systems go.opentelemetry.io/proto/otlp google.golang.org/protobuf",

	"cmd/graphviz-export": "*",

	// The parts of the command, apart from its command line.
	"cmd/graphviz-export/internal/console":        terminal,
	"cmd/graphviz-export/internal/diffreport":     heart + texts + "servicegraph/graphdiff",
	"cmd/graphviz-export/internal/entryreach":     heart + texts + topology,
	"cmd/graphviz-export/internal/exit":           "",
	"cmd/graphviz-export/internal/fileerror":      "",
	"cmd/graphviz-export/internal/graphtext":      heart,
	"cmd/graphviz-export/internal/livegraph":      readers + texts + topology + timeRanges + "cmd/graphviz-export/internal/entryreach servicegraph/otlpreceiver go.opentelemetry.io/proto/otlp github.com/grpc-ecosystem/grpc-gateway " + grpc,
	"cmd/graphviz-export/internal/mcpserver":      "*",
	"cmd/graphviz-export/internal/outfile":        "cmd/graphviz-export/internal/fileerror",
	"cmd/graphviz-export/internal/pathreport":     heart + texts + tables + "servicegraph/critpath",
	"cmd/graphviz-export/internal/plaintable":     wording + tables,
	"cmd/graphviz-export/internal/rulereport":     heart + texts + "cmd/graphviz-export/internal/graphtext servicegraph/graphdiff servicegraph/graphtest servicegraph/otelspan " + otelSDK,
	"cmd/graphviz-export/internal/source":         readers + tables + timeRanges + "cmd/graphviz-export/internal/fileerror internal/dependencylist servicegraph/promgraph servicegraph/temposeries tempoclient internal/httpfault tempoclient/internal/shared " + promClient,
	"cmd/graphviz-export/internal/timerange":      timeRanges,
	"cmd/graphviz-export/internal/topologyreport": heart + texts + tables + topology + "cmd/graphviz-export/internal/entryreach",
	"cmd/graphviz-export/internal/views":          heart + "cmd/graphviz-export/internal/exit cmd/graphviz-export/internal/graphtext",
	"cmd/graphviz-export/internal/webserver":      "cmd/graphviz-export/internal/exit internal/ownhost",

	"examples/ci":         "",
	"examples/grafana":    "*",
	"examples/guarded":    "*",
	"examples/live":       "*",
	"examples/quickstart": "*",
}

// importers lists, for each heavy dependency, the only packages that may import it directly:
// usually one. The SDK of the Model Context Protocol has a second importer: a test that uses its
// client. tempopb registers metrics when a program starts, links gRPC, and is the only package of
// Tempo whose license allows us to import it. go-graphviz starts a wasm runtime.
var importers = map[string]string{
	"github.com/grafana/tempo":               "tempoclient/tempogrpc",
	"github.com/goccy/go-graphviz":           "servicegraph/render/draw",
	"gonum.org/v1/gonum":                     "servicegraph/topology",
	"github.com/modelcontextprotocol/go-sdk": "cmd/graphviz-export/internal/mcpserver cmd/graphviz-export",
	"github.com/tetratelabs/wazero":          "servicegraph/render/draw",
}

// TestDependencies fails for a package that reaches more than the policy allows, for a
// package without a policy, and for a policy without a package.
func TestDependencies(t *testing.T) {
	reached := make(map[string][]string) // by package
	for _, pair := range goList(t, `{{$p := .ImportPath}}{{$p}}={{$p}} {{range .Deps}}{{$p}}={{.}} {{end}}`, "./...") {
		pkg, dep, _ := strings.Cut(pair, "=")
		reached[pkg] = append(reached[pkg], dep)
	}
	for name := range policy {
		if reached[path.Join(module, name)] == nil {
			t.Errorf("the policy has a line for %q, which does not exist", name)
		}
	}
	for _, pkg := range slices.Sorted(maps.Keys(reached)) {
		name := strings.TrimPrefix(strings.TrimPrefix(pkg, module), "/")
		allowed, known := policy[name]
		if !known {
			t.Errorf("the policy has no line for package %s", name)
			continue
		}
		forbidden := slices.DeleteFunc(reached[pkg], func(dep string) bool {
			return dep == pkg || allowed == "*" || isStandard(dep) || slices.ContainsFunc(strings.Fields(allowed), func(a string) bool {
				return dep == module+"/"+a || within(dep, a)
			})
		})
		if len(forbidden) > 0 {
			t.Errorf("package %q must not reach\n\t%s", name, strings.Join(forbidden, "\n\t"))
		}
	}
}

// isStandard reports whether a package is in the standard library: the paths of all other packages
// begin with a host name.
func isStandard(pkg string) bool {
	first, _, _ := strings.Cut(pkg, "/")
	return !strings.Contains(first, ".")
}

// TestImporters fails for a package whose code or tests import a heavy dependency of
// another package.
func TestImporters(t *testing.T) {
	const imports = `{{$p := .ImportPath}}{{range .Imports}}{{$p}}={{.}} {{end}}{{range .TestImports}}{{$p}}={{.}} {{end}}{{range .XTestImports}}{{$p}}={{.}} {{end}}`
	for _, pair := range goList(t, imports, "./...") {
		pkg, imported, _ := strings.Cut(pair, "=")
		for heavy, importer := range importers {
			if within(imported, heavy) && !slices.Contains(strings.Fields(importer), strings.TrimPrefix(pkg, module+"/")) {
				t.Errorf("package %s must not import %s: only %s does", pkg, imported, importer)
			}
		}
		if within(imported, "github.com/grafana/tempo") && !within(imported, "github.com/grafana/tempo/pkg/tempopb") {
			t.Errorf("package %s must not import %s: its license is not compatible with ours", pkg, imported)
		}
	}
}

// within reports whether a package path is parent or begins with parent and a slash.
func within(pkg, parent string) bool {
	return pkg == parent || strings.HasPrefix(pkg, parent+"/")
}

// goList returns the words of the output of go list.
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
