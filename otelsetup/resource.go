package otelsetup

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"runtime/debug"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/resource"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
)

// newResource returns the resource that describes the service. The environment and
// the options override what is detected about the host and the runtime. An attribute
// that cannot be detected is reported in a note and is no error.
//
// Attributes of options have no schema URL: programs seldom import the version of the
// semantic conventions that the SDK imports, and resources with different schema
// URLs do not merge.
func newResource(ctx context.Context, o options) (*resource.Resource, []note) {
	attrs := append([]attribute.KeyValue(nil), o.attrs...)
	for _, kv := range []attribute.KeyValue{
		semconv.ServiceName(o.service),
		semconv.ServiceVersion(o.version),
		semconv.ServiceNamespace(o.namespace),
	} {
		if kv.Value.AsString() != "" {
			attrs = append(attrs, kv)
		}
	}
	stated := []resource.Option{resource.WithFromEnv(), resource.WithAttributes(attrs...)}
	if o.environmentWins {
		stated[0], stated[1] = stated[1], stated[0]
	}

	var notes []note
	res, err := resource.New(ctx, append([]resource.Option{
		resource.WithTelemetrySDK(),
		resource.WithHost(),
		resource.WithProcessRuntimeName(),
		resource.WithProcessRuntimeVersion(),
	}, stated...)...)
	if err != nil { // res holds the attributes that were detected despite the error
		notes = append(notes, note{slog.LevelWarn, fmt.Sprintf("the resource is incomplete: %v", err)})
	}
	if serviceOf(res) != "" {
		return res, notes
	}
	name := commandName()
	named, err := resource.Merge(res, resource.NewSchemaless(semconv.ServiceName(name)))
	if err != nil {
		notes = append(notes, note{slog.LevelWarn, fmt.Sprintf("the resource is incomplete: %v", err)})
	}
	return named, append(notes, note{slog.LevelWarn, fmt.Sprintf(
		"the service has no name, using %q: name it by otelsetup.Service or OTEL_SERVICE_NAME", name)})
}

// serviceOf returns the name of the service that a resource describes.
func serviceOf(r *resource.Resource) string {
	v, _ := r.Set().Value(semconv.ServiceNameKey)
	return v.AsString()
}

// majorVersion matches the last element of a module path that names a major version.
var majorVersion = regexp.MustCompile(`^v[0-9]+$`)

// commandName returns the name that go install would give this program, or else the
// name of the executable file.
func commandName() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		if name := packageName(info.Path, info.Main.Path); name != "" {
			return name
		}
	}
	if exe, err := os.Executable(); err == nil {
		return filepath.Base(exe)
	}
	return filepath.Base(os.Args[0])
}

// packageName returns the last element of the path of a main package, or of the path
// of the module if go run built the program from files, which has no package path.
func packageName(pkg, module string) string {
	if pkg == "command-line-arguments" {
		pkg = module
	}
	if pkg == "" {
		return ""
	}
	if base := path.Base(pkg); !majorVersion.MatchString(base) || base == pkg {
		return base
	}
	return path.Base(path.Dir(pkg))
}
